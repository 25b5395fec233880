"""Policies and webhooks: who else is asked before something is stored."""
