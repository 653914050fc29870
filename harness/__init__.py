"""Parity and regression tests for converted models. The names below are the public API."""

from __future__ import annotations

from harness.core.case import Case, RealData, Task, Ties
from harness.core.spec import Dim, DimExpr, Domain, TensorSpec, ids, integers, mask, normal, positions, probability, uniform
from harness.core.tolerance import Tolerance

__version__ = "0.1.0"

__all__ = [
    "Case",
    "Dim",
    "DimExpr",
    "Domain",
    "RealData",
    "Task",
    "TensorSpec",
    "Ties",
    "Tolerance",
    "ids",
    "integers",
    "mask",
    "normal",
    "positions",
    "probability",
    "uniform",
]
