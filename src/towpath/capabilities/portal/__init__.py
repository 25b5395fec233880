"""What people see and ask for: the catalogue, software templates, the home page."""
