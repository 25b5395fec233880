"""Volumes that outlive pods, their classes, and who claims them."""
