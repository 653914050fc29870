"""The zoo on which planted faults are tried, as ordinary cases: unharmed, every one of them must match."""

from __future__ import annotations

from harness.faults.zoo import cases

CASES = cases()
