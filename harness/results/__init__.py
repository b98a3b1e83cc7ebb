"""Results: typed records, an append-only store, and provenance."""
