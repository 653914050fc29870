"""Feeds for programs, and what a framework makes of them in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.generate.programs.program import Program


def feeds_of(program: Program, lengths: Mapping[str, int], seed: int = 0) -> dict[str, Any]:
    """Return inputs within their ranges, both ends of them included."""
    rng = np.random.default_rng(seed)
    feeds = {}
    for number, given in enumerate(program.inputs):
        shape = tuple(lengths[n] if isinstance(n, str) else n for n in given.shape)
        if given.dtype == "float32":
            array = rng.uniform(given.low, given.high, shape).astype(np.float32)
        else:
            array = rng.integers(int(given.low), int(given.high), shape, endpoint=True).astype(given.dtype)
        feeds[program.name(number)] = array
    return feeds


def wide(array: Any) -> Any:
    """Return floats as float64."""
    return array.astype(np.float64) if array.dtype == np.float32 else array


def by_torch(program: Program, feeds: Mapping[str, Any]) -> list[Any]:
    """Return the outputs in PyTorch and float64."""
    import torch

    from harness.generate.programs.torch_source import build

    found = build(program).double()(*(torch.from_numpy(wide(array)) for array in feeds.values()))
    return [tensor.numpy() for tensor in (found if isinstance(found, tuple) else (found,))]


def by_onnx(program: Program, feeds: Mapping[str, Any]) -> list[Any]:
    """Return the outputs by the ONNX reference evaluator in float64."""
    from harness.frameworks._onnx_evaluator import double_evaluator
    from harness.generate.programs.onnx_graph import build

    return list(double_evaluator()(build(program)).run(None, {name: wide(array) for name, array in feeds.items()}))
