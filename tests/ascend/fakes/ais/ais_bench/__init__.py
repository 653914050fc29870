"""A stand-in for the vendor's timer."""
