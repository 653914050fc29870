"""Renders records as a page, a summary and files. Rendering never judges; imports `harness.core` only."""
