"""Backstage's catalogue API: its requests, answers and errors, over the same index and rights."""
