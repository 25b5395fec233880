"""Capabilities of the delivery pillar."""
