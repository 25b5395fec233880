"""SQL tables for evidence: what was observed. Append-only, idempotent, never steering a reconciler."""
