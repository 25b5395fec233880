"""Git hosts: where repositories live and from where pushes are heard."""
