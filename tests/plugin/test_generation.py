"""Tests generated from the model of a case: found at collection, run, told apart by level, and made anew only when the model changes."""

from __future__ import annotations

import importlib.util

import pytest
from small_project import Project

pytest_plugins = ["pytester"]
# Looked for, never imported: pytester puts back the modules that were loaded before a test, which torch does not survive.
pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")

ROUTE = "torch>torchscript.trace>torchscript@cpu"
NET = '''
from harness import Case, Dim, TensorSpec

def net():
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.first, self.second = nn.Linear(4, width), nn.Linear(width, 4)

        def forward(self, x, *, scale):
            batch = x.shape[0]
            y = self.second(torch.relu(self.first(x)) * scale)
            return {"y": y.reshape(batch, 2, 2), "sum": y.sum(-1)}

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([Block(8), Block(8), Block(6)])
            self.pool = nn.AvgPool1d(3, stride=2)
            self.unused = nn.Linear(4, 4)

        def forward(self, x):
            for block in self.blocks:
                x = block(x, scale=2.0)["y"].flatten(1)
            return self.pool(x.unsqueeze(1))

    return Net()

NET = Case(id="net", inputs=(TensorSpec(name="x", dtype="float32", shape=(Dim("batch", 1, 8, example=2), 4)),),
           build={"torch": net}, weights="random")
'''
BLOCK = {f"net/{path}" for path in ("blocks.0", "blocks.0.first", "blocks.0.second", "blocks.2", "blocks.2.first", "pool")}
BETWEEN = {f"net/{path}" for path in ("blocks.0+relu", "blocks.0+mul", "blocks.0+reshape", "blocks.0+sum", "+flatten", "+unsqueeze")}


@pytest.fixture(autouse=True)
def settings(project: Project) -> None:
    project.settings(routes=[ROUTE], generate=None)
    project.cases(NET, head="")


def cases(project: Project, *arguments: str) -> list[str]:
    """Return the ids of the cases that would run."""
    return [name.partition("[")[0] for name in project.collected(*arguments)]


def test_each_distinct_layer_block_and_function_is_a_case_that_matches(project: Project) -> None:
    result = project.run()
    records = {record["case"]: record for record in project.records().values()}
    assert result.ret == 0, result.stdout.str()
    assert set(records) >= {"net"} | BLOCK | BETWEEN
    assert not any("blocks.1" in name for name in records if records[name]["level"] == "module"), "the same block again is no new test"
    assert {record["outcome"] for record in records.values()} == {"match"}
    assert {name: records[name]["level"] for name in ("net", "net/blocks.0", "net/blocks.0.first", "net/blocks.0+relu")} == {
        "net": "e2e", "net/blocks.0": "module", "net/blocks.0.first": "unit", "net/blocks.0+relu": "unit",
    }  # fmt: skip
    assert records["net/blocks.0"]["part"]["calls"] == 2
    assert records["net/blocks.0"]["shapes"]["tried"][:2] == [{"batch": 2}, {"batch": 3}]


def test_the_whole_model_tells_its_tree_its_coverage_and_what_is_left(project: Project) -> None:
    project.run("-k", "net and not net/")
    (record,) = project.records().values()
    told = record["parts"]
    assert told["coverage"]["unit"] == 1.0
    assert told["coverage"]["ops"] > 0
    nodes = {node["path"]: node for node in told["tree"]}
    assert nodes["blocks.1"]["case"] == "net/blocks.0"
    assert nodes["blocks.0.first"]["parent"] == "blocks.0"


def test_the_tree_is_told_once_also_where_the_whole_model_does_not_run(project: Project) -> None:
    project.run("-k", "blocks.2")
    records = list(project.records().values())
    assert {record["part"]["path"] for record in records} >= {"blocks.2", "blocks.2.first"}
    (told,) = (record["parts"] for record in records if record["parts"])
    assert told["coverage"]["unit"] == 1.0
    text = (project.path / "reports" / "index.html").read_text(encoding="utf-8")
    assert 'id="models"' in text


def test_levels_and_names_choose_among_them(project: Project) -> None:
    assert set(cases(project, "-m", "module")) == {"net/blocks.0", "net/blocks.2"}
    assert "net/pool" in cases(project, "-m", "unit")
    assert cases(project, "-k", "blocks.2.first") == ["net/blocks.2.first"]


@pytest.mark.parametrize("how", ["option", "setting", "case"])
def test_whoever_wants_none_gets_none(project: Project, how: str) -> None:
    if how == "setting":
        project.settings(routes=[ROUTE], generate=["module"])
        assert set(cases(project)) == {"net", "net/blocks.0", "net/blocks.2"}
    if how == "case":
        project.cases(NET.replace('weights="random"', 'weights="random", generate=()'), head="")
    assert cases(project, *(["--parity-generate=none"] if how == "option" else [])) == (["net"] if how != "setting" else cases(project))


def test_a_model_is_walked_once_and_again_when_it_has_changed(project: Project) -> None:
    project.run("--collect-only")
    assert "walking net" not in project.run("--collect-only").stdout.str()
    project.cases(NET.replace("Block(6)", "Block(5)"), head="")
    assert "walking net" in project.run("--collect-only").stdout.str()


def test_a_model_that_cannot_be_walked_fails_by_itself(project: Project) -> None:
    project.cases(
        NET + "\n\ndef broken():\n    raise RuntimeError('no such weights')\n\n"
        "BROKEN = Case(id='broken', inputs=NET.inputs, build={'torch': broken})\n", head="",
    )  # fmt: skip
    result = project.run("-k", "broken or blocks.2.first")
    result.assert_outcomes(failed=2, passed=1)
    text = result.stdout.str()
    assert "case 'broken': no tests can be generated from its torch model: RuntimeError: no such weights" in text
    assert "leave it whole with generate=() in its Case" in text


def test_a_bug_of_a_converter_is_told_by_the_layer_it_is_in(project: Project) -> None:
    project.settings(routes=["torch>onnx.torchscript>onnxruntime@cpu"], generate=None)
    pool = "nn.Sequential(nn.Unflatten(2, (2, 2)), nn.AvgPool2d(2, divisor_override=3))"
    project.cases(NET.replace("nn.AvgPool1d(3, stride=2)", pool), head="")
    project.run("-k", "pool or blocks.0.first or not net/")
    outcomes = {name.partition("[")[0]: said.partition(" ")[0] for name, said in project.outcomes().items()}
    assert (outcomes["net"], outcomes["net/pool.1"], outcomes["net/blocks.0.first"]) == ("mismatch", "mismatch", "match")
