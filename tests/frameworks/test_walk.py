"""Models taken apart in every framework: what is called, each part alone with the answer it gives inside, at another shape too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.errors import Unavailable
from harness.core.outcome import Outcome
from harness.core.registry import registry
from harness.core.route import parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import manifest
from harness.engine.pool import Limits, Pool
from harness.engine.serve import Serve
from harness.engine.toolchains import locate
from harness.frameworks._calls import Tape, apart, together, words
from harness.frameworks._walks import wrapped
from harness.generate.discover import generated
from harness.generate.parts import covered, plan

FILE = Path(__file__).with_name("walks.py")
ABLE = sorted(name for name, adapter in registry().frameworks.items() if hasattr(adapter, "walk"))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(timeout=240.0)) as pool:
        yield pool


def ask(pool: Pool, framework: str, verb: str, case: str = "net", **arguments: Any) -> Any:
    """Return a worker's answer; skip where the framework is not on this machine."""
    toolchain = registry().get("frameworks", framework).toolchain
    try:
        locate(toolchain)
    except Unavailable as absent:
        pytest.skip(f"{absent.reason}; to get it: {absent.how}")
    return pool.call(toolchain, verb, {"framework": framework, "ref": {"file": str(FILE), "case": case, "digest": "0"}, **arguments})


def feeds(framework: str, batch: int, length: int) -> dict[str, Any]:
    rng = np.random.default_rng(length)
    words = rng.integers(1, 11, (batch, length)).astype(np.int64 if framework in ("torch", "onnx") else np.int32)
    words[0, -1] = 0
    return {"words": words, "signal": rng.normal(size=(batch, length, 8)).astype(np.float32)}


class Taken:
    """One model taken apart."""

    def __init__(self, pool: Pool, framework: str, case: str = "net") -> None:
        first, second = feeds(framework, 2, 5), feeds(framework, 3, 7)
        self.calls = ask(pool, framework, "walk", case, feeds=first)["calls"]
        self.plan = plan(self.calls, ask(pool, framework, "walk", case, feeds=second)["calls"])
        wanted = [[self.calls[one.place]["path"], self.calls[one.place]["call"]] for one in self.plan.chosen]
        answer = ask(pool, framework, "capture", case, feeds=first, others=second, wanted=wanted)
        self.values = answer["values"]
        self.parts = {f"{path}.{call}" if call else path: part for (path, call), part in zip(wanted, answer["parts"], strict=True)}
        good = [one for one, part in zip(self.plan.chosen, answer["parts"], strict=True) if not part["problem"]]
        self.coverage = covered(self.calls, good)

    def level(self, path: str) -> str:
        leaf = {call["path"]: call["leaf"] for call in self.calls}
        return "unit" if leaf[path] else "module"

    def times(self, path: str) -> int:
        return sum(call["path"] == path for call in self.calls)


@pytest.fixture(scope="module")
def taken(pool: Pool, request: pytest.FixtureRequest) -> Taken:
    return Taken(pool, request.param)


SHARED = {
    "torch": ("shared", "shared.linear", "shared+relu", "blocks.1+mul"),
    "paddle": ("shared", "shared.linear", "shared+relu", "blocks.1+mul"),
    "tensorflow": ("shared", "shared/linear", "shared+relu", "block1+mul"),
    "mindspore": ("shared", "shared.linear", "shared+ReLU", "blocks.1+mul"),
}  # fmt: skip
FIXED = {"mindspore": {"shared+reshape"}}
"""Parts whose numbers follow the shapes, in a framework that cannot tell which."""


@pytest.mark.parametrize("taken", ABLE, indirect=True, ids=str)
def test_every_part_gives_its_answer_alone_and_at_another_shape(taken: Taken, request: pytest.FixtureRequest) -> None:
    framework = request.node.callspec.params["taken"]
    wrong = {path: part for path, part in taken.parts.items() if part["problem"]}
    assert not wrong
    assert {path for path, part in taken.parts.items() if part["fixed"]} == FIXED.get(framework, set())
    assert taken.coverage["any"] == {"onnx": 24 / 25}.get(framework, 1.0), taken.plan.left
    assert len(taken.parts) < len(taken.calls) - 1, "the second block is like the first one"


@pytest.mark.parametrize("taken", sorted(SHARED), indirect=True, ids=str)
def test_layers_blocks_and_functions_are_told_apart(taken: Taken, request: pytest.FixtureRequest) -> None:
    shared, linear, relu, scaled = SHARED[request.node.callspec.params["taken"]]
    assert (taken.times(shared), taken.times(linear), taken.times(relu)) == (2, 2, 2)
    assert [taken.level(path) for path in (shared, linear, relu)] == ["module", "unit", "unit"]
    assert taken.times(scaled), "the keyword scales"
    (keyword,) = [call for call in taken.calls if call["path"] == scaled.partition("+")[0]]
    assert "scale=x1" in keyword["said"] or "(x0, x1)" in keyword["said"]
    assert len(keyword["input_types"]) == 2
    assert not any("never" in call["path"] for call in taken.calls), "a layer that is not called is no test"
    gain = next(call for call in taken.calls if call["path"] == f"{shared}+mul")
    assert len(gain["input_types"]) == 1, "a weight is no input"


@pytest.mark.parametrize("taken", ["tensorflow"], indirect=True, ids=str)
def test_an_implicit_mask_is_an_input_of_who_may_use_it(taken: Taken) -> None:
    gru = next(call for call in taken.calls if call["type"] == "GRU")
    assert ["bool", [2, 5]] in gru["input_types"]
    assert len(gru["output_types"]) == 2
    linear = next(call for call in taken.calls if call["path"] == "inner/" + call["path"].rpartition("/")[2] and call["type"] == "Dense")
    assert linear["input_types"] == [["float32", [2, 5, 8]]]


@pytest.mark.parametrize("taken", ["tensorflow", "torch", "paddle"], indirect=True, ids=str)
def test_numbers_that_follow_shapes_are_bound_to_them(taken: Taken) -> None:
    reshape = next(part for path, part in taken.parts.items() if path.endswith("+reshape"))
    assert [rule[1:3] for rule in reshape["bound"]] == [[0, 0], [0, 1]]


@pytest.mark.parametrize("taken", ["onnx"], indirect=True, ids=str)
def test_a_graph_has_scopes_functions_and_what_cannot_be_cut(taken: Taken) -> None:
    nodes = {call["path"]: call for call in taken.calls}
    assert [taken.level(path) for path in ("blocks.0", "blocks.0/linear", "/blocks.0/gain", "/blocks.0/linear/MatMul")] == [
        "module", "module", "module", "unit",
    ]  # fmt: skip
    inside = [call for call in taken.calls if call["path"].startswith("/blocks.0/gain/")]
    assert [call["type"] for call in inside] == ["Mul", "Add", "CumSum"]
    assert inside[2]["config"] == "exclusive=1"
    assert taken.calls[inside[0]["parent"]]["path"] == "/blocks.0/gain"
    assert "cannot be cut out" in nodes["torn"]["problem"]
    assert (taken.calls[0]["ops"], taken.plan.left[0].reason) == (1, "depends on constants alone: it is folded before the graph runs")
    assert nodes["blocks.0"]["signature"] == nodes["blocks.1"]["signature"]


def test_layers_whose_names_begin_alike_are_a_block(pool: Pool) -> None:
    image = {"image": np.ones((2, 12, 12, 3), np.float32)}
    calls = ask(pool, "tensorflow", "walk", "conv", feeds=image)["calls"]
    nodes = {call["path"]: call for call in calls}
    inside = {call["path"] for call in calls if call["parent"] == calls.index(nodes["block1"])}
    assert inside == {"block1_conv", "block1_bn", "re_lu", "block1_depthwise"}
    assert (nodes["block1"]["input_keys"], nodes["block1"]["output_keys"]) == (
        calls[0]["input_keys"], [*nodes["re_lu"]["output_keys"], *nodes["block1_depthwise"]["output_keys"]],
    )  # fmt: skip
    assert nodes["torn1"]["problem"] == "other layers run between its own: it cannot be cut out"
    assert "between" in nodes


def test_what_hangs_on_more_than_its_arguments_is_refused(pool: Pool) -> None:
    taken = Taken(pool, "torch", "counting")
    assert "depends on something that is no argument" in taken.parts["counting"]["problem"]
    assert not taken.parts["words"]["problem"]
    assert taken.parts["+real"]["problem"] == "takes complex64, which no case can feed"


def test_a_module_of_tensorflow_is_one_call_with_a_reason(pool: Pool) -> None:
    calls = ask(pool, "tensorflow", "walk", "module", feeds={"x": np.ones((2, 3), np.float32)})["calls"]
    (left,) = plan(calls, []).left
    assert len(calls) == 1
    assert (left.ops, "is one call" in left.reason) == (1, True)


def test_functions_are_watched_for_a_while_and_then_as_they_were() -> None:
    class Above:
        def shared(self, x: int) -> int:
            return x + 1

    class Below(Above):
        def own(self, x: int) -> int:
            return x * 2

    before, heard = dict(vars(Below)), []

    def around(name: str, func: Any, again: Any, args: Any, kwargs: Any) -> Any:
        heard.append(name)
        return func(*args, **kwargs)

    with pytest.raises(KeyError), wrapped([(Below, ["own", "shared"])], around):
        assert (Below().own(2), Below().shared(2)) == (4, 3)
        raise KeyError
    assert heard == ["own", "shared"]
    assert dict(vars(Below)) == before
    assert Below().shared(1) == 2


def test_arguments_in_slices_are_taken_out_and_put_back() -> None:
    found: list[Any] = []
    kept = apart((slice(None, 7.5, None), {"k": [slice(1, 2)]}), lambda item: isinstance(item, float), found)
    assert (found, words(kept)) == ([7.5], "(:x0:, {k=(1:2:)})")
    assert together(kept, [3.5]) == (slice(None, 3.5, None), {"k": [slice(1, 2)]})


def test_a_call_taken_back_leaves_nothing_of_what_was_inside() -> None:
    tape = Tape(None)
    for path in ("", "a", "a.b"):
        tape.enter(path, "T", "", [])
    tape.leave([])
    assert [call["path"] for call in tape.forget()] == ["a", "a.b"]
    assert tape.top is not None
    assert (tape.top["path"], tape.top["leaf"]) == ("", True)
    assert tape.enter("a.b", "T", "", [])["call"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "tensorflow>onnx.tf2onnx>onnxruntime@cpu", "tensorflow>savedmodel.keras>tf.savedmodel@cpu",
        "paddle>paddle.static>paddle.inference@cpu", "paddle>paddle.static>onnx.paddle2onnx>onnxruntime@cpu", "onnx>onnxruntime@cpu",
    ],
)  # fmt: skip
def test_parts_run_on_native_routes(text: str, tmp_path: Path) -> None:
    route = parse_route(text, registry())
    for name in ("frameworks", route.framework), *(("converters", hop.name) for hop in route.converters), ("runtimes", route.runtime.name):
        try:
            locate(registry().get(*name).toolchain)
        except Unavailable as absent:
            pytest.skip(f"{absent.reason}; to get it: {absent.how}")
    with Pool(Limits(timeout=240.0)) as pool:
        engine = Engine(pool, Cache(tmp_path))
        described = manifest(FILE, FILE.parents[2], tmp_path, lambda file, roots: Serve().describe(file, roots))
        case = next(case for case in described.cases if case.id == ("net" if route.framework == "onnx" else "conv"))
        whole = Cell(id=case.id, case=case, route=route, file=described.file, digest=described.digest)
        found = generated(whole, engine.steps, tmp_path, lambda _: None)
        cells = [Cell(id=part.id, case=part, route=route, file=found.file, digest=found.digest) for part in found.cases]
        records = [engine.run_cell(cell) for cell in cells]
    assert {record.case: str(record.outcome) for record in records if record.outcome is not Outcome.MATCH} == {}
    assert {part.level for part in found.cases} == {"unit", "module"}
    assert all(any(comparison.bound.get("mode") in ("oracle", "exact") for comparison in record.comparisons) for record in records)
    assert all(len(record.shapes["tried"]) > 1 for record in records if record.shapes), "each at a second shape"
