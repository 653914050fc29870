"""Models nobody wrote: cases that are generated instead of declared."""
