"""Numbered migrations, `NNNN_<noun>.sql`: applied in order, one transaction each, never edited."""
