"""One adapter a file; found by name, see harness/core/protocols.py."""
