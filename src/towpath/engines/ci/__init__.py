"""CI engines: what runs a repository's workflow files."""
