"""The zoo as a case file, so that the exam needs no suites beside the package."""

from __future__ import annotations

from harness.faults.zoo import cases

CASES = cases()
