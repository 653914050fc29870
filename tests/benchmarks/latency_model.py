"""The model that `tests.benchmarks.latency_quality` measures: a few tenths of a millisecond a call, most of it matrix products."""

from __future__ import annotations

from typing import Any


def build() -> Any:
    """Return a module and its example inputs."""
    import torch

    torch.manual_seed(0)
    layers = [torch.nn.Linear(256, 512), torch.nn.ReLU(), torch.nn.Linear(512, 512), torch.nn.ReLU(), torch.nn.Linear(512, 64)]
    return torch.nn.Sequential(*layers), (torch.randn(8, 256),)
