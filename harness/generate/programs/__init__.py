"""Random programs over the unit families: drawn, built in every framework, fuzzed, reduced and grouped."""
