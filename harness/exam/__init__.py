"""The exam: planted faults against the whole harness, and against a user's own gate."""
