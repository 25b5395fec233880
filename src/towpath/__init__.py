"""Towpath: an Internal Developer Platform and its portal in one package."""
