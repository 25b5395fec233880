"""Database servers: real ones, embedded or elsewhere."""
