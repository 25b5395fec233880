"""SQL tables for evidence: what was observed. Append-only, and never steering a reconciler."""
