"""Decides over records: expected failures, declared tolerances, the ratchet, the release gate. Pure functions over `harness.core`."""
