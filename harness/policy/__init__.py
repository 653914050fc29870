"""Decides over records: expected failures, declared tolerances, the ratchet and the release gate. Pure functions; imports `harness.core` only."""
