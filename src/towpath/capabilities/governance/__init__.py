"""Who may do what, and what was done: projects, secrets, audit."""
