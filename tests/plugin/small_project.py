"""A project of tiny ONNX graphs in a folder of its own, run by a pytest of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROUTES = ("onnx>onnx.reference@cpu", "onnx>onnxruntime@cpu")

# Executed in workers only: in a process that has pytest loaded it refuses to run.
HEAD = """
import sys, time
from harness import Case, Dim, TensorSpec

assert "pytest" not in sys.modules, "a case file was executed in the pytest process"
X = TensorSpec(name="x", dtype="float32", shape=(Dim("batch", 1, 8, example=2), 4))

def graph(op):
    def build():
        from onnx import helper
        x, y = (helper.make_tensor_value_info(name, 1, ["batch", 4]) for name in "xy")
        seed = {"seed": 1.0} if op.startswith("Random") else {}
        body = helper.make_graph([helper.make_node(op, ["x"], ["y"], **seed)], "g", [x], [y])
        return helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return build

def case(name, op="Relu", **more):
    return Case(**{"id": name, "level": "unit", "inputs": (X,), "build": {"onnx": graph(op)}, **more})
"""
# Every runtime has random numbers of its own: a mismatch on all but the reference evaluator, which is the source too.
NOISE = "RandomNormalLike"


class Project:
    """A folder with case files and a pyproject.toml, and the ways to run it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path
        self.settings()

    def settings(self, text: str = "", **more: Any) -> None:
        """Write ``[tool.parity]``; ``more`` are settings as JSON, which for these is TOML; ``text`` is appended."""
        chosen = {"routes": list(ROUTES), "generate": [], **more}
        lines = [f"{key} = {json.dumps(setting)}" for key, setting in chosen.items() if setting is not None]
        table = "\n".join(["[tool.pytest.ini_options]", "addopts = '--strict-markers'", "[tool.parity]", *lines, text])
        (self.path / "pyproject.toml").write_text(table)

    def cases(self, body: str, name: str = "parity_small.py", head: str = HEAD) -> Path:
        """Write a case file."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + body)
        return path

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in a process of its own."""
        return self.pytester.runpytest_subprocess("-p", "harness.plugin", *arguments, timeout=120)

    def collected(self, *arguments: str) -> list[str]:
        """Return the ids of what would run, without their file."""
        result = self.run("--collect-only", "-q", *arguments)
        return [line.split("::", 1)[1] for line in result.outlines if "::" in line]

    def records(self, folder: str = "reports") -> dict[str, Mapping[str, Any]]:
        """Return the records of the last run by id."""
        lines = (self.path / folder / "records.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        assert len({record["id"] for record in found}) == len(found)
        return {record["id"]: record for record in found}

    def outcomes(self, folder: str = "reports") -> dict[str, str]:
        """Return outcome and stage of the last run's records by id."""
        return {name: f"{record['outcome']} at {record['stage']}" for name, record in self.records(folder).items()}
