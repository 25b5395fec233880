"""What is in a pod's spec, and in the template of whatever makes pods."""
