"""How long a model takes: what is measured in which order, when it counts, and what may be said of it."""
