"""Process hosts: where child processes run, isolated, limited and never orphaned."""
