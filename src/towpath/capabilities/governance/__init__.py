"""Capabilities of the governance pillar."""
