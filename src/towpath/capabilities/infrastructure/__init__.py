"""Capabilities of the infrastructure pillar."""
