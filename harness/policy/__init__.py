"""Decides over records: expected failures and the release gate. Pure functions; imports `harness.core` only."""
