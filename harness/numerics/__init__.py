"""Numbers: seeded inputs, metrics, and the one judge."""
