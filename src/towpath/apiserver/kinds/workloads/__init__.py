"""What makes pods, and how many there may be."""
