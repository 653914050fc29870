"""PyTorch's modules on samples of PyTorch's own: ModuleInfo. Not collected unless this folder is named."""

from __future__ import annotations

from _torch_cases import cases

CASES = cases("moduleinfo")
