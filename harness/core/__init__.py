"""Values and words every other layer shares; runs on Python 3.7 and imports nothing above it."""
