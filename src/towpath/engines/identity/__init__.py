"""Identity: who people are, and how a token becomes a user."""
