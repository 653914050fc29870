"""Batches of torch models from the front door: the same verdicts as one by one, from fewer conversions."""

from __future__ import annotations

import importlib.util

import pytest
from small_project import Project

pytest_plugins = ["pytester"]

ROUTE = "torch>torchscript.trace>torchscript@cpu"
HEAD = """
import functools
import numpy as np
from harness import Case, RealData, TensorSpec

def feeds(shift):
    return RealData(feeds={"x": np.arange(6, dtype=np.float32) + shift})

def build(kind):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(6, 3)

        def forward(self, x):
            if kind == "untraceable":
                return torch.stack([x, x]) if torch.jit.is_tracing() is False else (_ for _ in ()).throw(RuntimeError("no trace of this"))
            if kind == "baked":
                return x * (3.0 if torch.jit.is_tracing() else 2.0)
            return self.linear(x)

    return Net()

def case(name, kind="linear"):
    x = TensorSpec(name="x", dtype="float32", shape=(6,))
    return Case(id=name, level="unit", inputs=(x,), weights="random", build={"torch": functools.partial(build, kind)},
                data=functools.partial(feeds, len(name)))
"""


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch; the pytest process never imports it")
@pytest.mark.parametrize("batch", ["1", "4"])
def test_a_batched_run_has_the_verdicts_of_one_by_one(project: Project, batch: str) -> None:
    project.settings(routes=[ROUTE])
    project.cases('CASES = [case("a"), case("bb"), case("ccc", "untraceable"), case("dddd", "baked"), case("eeeee")]', head=HEAD)
    result = project.run(f"--parity-batch={batch}", "--no-parity-localise")
    result.assert_outcomes(passed=3, failed=2)
    assert project.outcomes() == {
        f"a[{ROUTE}]": "match at compare", f"bb[{ROUTE}]": "match at compare", f"ccc[{ROUTE}]": "error at convert",
        f"dddd[{ROUTE}]": "mismatch at compare", f"eeeee[{ROUTE}]": "match at compare",
    }  # fmt: skip
    told = {name.split("[")[0]: record["messages"] for name, record in project.records().items()}
    shared = ["converted in one graph with 1 other cells"] if batch == "4" else []
    assert told["a"] == told["bb"] == shared
    assert told["eeeee"] == []


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch; the pytest process never imports it")
def test_a_cell_that_is_known_to_fail_does_not_spoil_a_batch(project: Project) -> None:
    project.settings(routes=[ROUTE])
    (project.path / "rows.toml").write_text(
        f"""[[expect]]\ncase = "ccc"\nroute = "{ROUTE}"\nstage = "convert"\noutcome = "error"\n"""
        """signature = "no trace of this"\nreason = "cannot be traced"\nexpires = "2999-01-01"\n"""
    )
    project.cases('CASES = [case("a"), case("bb"), case("ccc", "untraceable"), case("dddd")]', head=HEAD)
    result = project.run("--parity-batch=4", "--parity-expect=rows.toml")
    result.assert_outcomes(passed=3, xfailed=1)
    assert result.ret == 0
    told = {name.split("[")[0]: record["messages"] for name, record in project.records().items()}
    assert told["a"] == told["bb"] == told["dddd"] == ["converted in one graph with 2 other cells"]
