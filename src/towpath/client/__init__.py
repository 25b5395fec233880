"""Speaking to an API server: small protocols, and an implementation over the wire."""
