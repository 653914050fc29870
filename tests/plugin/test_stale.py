"""What was remembered is used again only while everything it was made of is as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_project import Project

pytest_plugins = ["pytester"]

# The files that the builders read are not declared.
READING = """
import json

def scaled():
    from onnx import helper
    with open("scale.json") as stream:
        scale = json.load(stream)
    x, y = (helper.make_tensor_value_info(name, 1, ["batch", 4]) for name in "xy")
    nodes = [helper.make_node("Constant", [], ["s"], value_float=scale), helper.make_node("Mul", ["x", "s"], ["y"])]
    return helper.make_model(helper.make_graph(nodes, "g", [x], [y]), opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

CASES = [case("scaled", build={"onnx": scaled}), case("file", build={"onnx": lambda: "model.onnx"})]
"""


def graph(op: str, path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    text = f'<ir_version: 9, opset_import: ["" : 17]> g (float[batch, 4] x) => (float[batch, 4] y) {{ y = {op}(x) }}'
    onnx.save(onnx.parser.parse_model(text), str(path))


def test_a_changed_file_that_nobody_declared_is_noticed(project: Project) -> None:
    project.cases(READING)
    scale, model = project.path / "scale.json", project.path / "model.onnx"
    scale.write_text("2.0")
    graph("Relu", model)
    assert project.run("-m", "parity").ret == 0
    project.run("-m", "parity")
    assert {record["replayed"] for record in project.records().values()} == {True}
    scale.write_text("3.0")
    graph("Abs", model)
    assert project.run("-m", "parity").ret == 0
    assert {record["replayed"] for record in project.records().values()} == {False}
    graph("RandomNormalLike", model)
    project.run("-m", "parity")
    outcomes = {record["case"]: (record["outcome"], record["replayed"]) for record in project.records().values()}
    assert outcomes == {"scaled": ("match", True), "file": ("error", False)}
