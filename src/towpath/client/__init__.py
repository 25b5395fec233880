"""Speaking to an API server: small protocols, one implementation in process and one over the wire."""
