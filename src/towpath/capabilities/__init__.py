"""What the platform does: one folder a capability, grouped by the five pillars."""
