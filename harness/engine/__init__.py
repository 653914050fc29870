"""Runs cells: workers, toolchains, cache, and the one boundary `run_cell`."""
