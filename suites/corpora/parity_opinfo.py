"""PyTorch's operators on samples of PyTorch's own: OpInfo. Not collected unless this folder is named."""

from __future__ import annotations

from _torch_cases import cases

CASES = cases("opinfo")
