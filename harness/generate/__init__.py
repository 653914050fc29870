"""From what a framework or a model offers to the cases that exercise it."""
