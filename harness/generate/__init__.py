"""From a model to its tests: cases taken out of it, drawn at random, swept over attributes, or listed by others."""
