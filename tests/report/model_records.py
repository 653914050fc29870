"""Fake records of whole models taken apart: a transformer with failures, huge ones, fuzzed cells, and hostile ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.record import Record
from tests.report.records import HOSTILE, ROUTE, comparison, met, record

SCRIPT = "torch>onnx.torchscript>onnxruntime@cpu"
ROUTES = (ROUTE, SCRIPT)
_LAYER = (
    ("attention", "BertAttention"), ("attention.self", "BertSelfAttention"), ("attention.self.query", "Linear"),
    ("attention.self.key", "Linear"), ("attention.self.value", "Linear"), ("attention.self+view", "view"),
    ("attention.self+softmax", "softmax"), ("attention.self+matmul", "matmul"), ("attention.output", "BertSelfOutput"),
    ("attention.output.dense", "Linear"), ("attention.output.LayerNorm", "LayerNorm"), ("intermediate", "BertIntermediate"),
    ("intermediate.dense", "Linear"), ("intermediate.act", "GELU"), ("output", "BertOutput"), ("output.dense", "Linear"),
    ("output.LayerNorm", "LayerNorm"),
)  # fmt: skip
_SAME = {
    "attention.self.key": "attention.self.query", "attention.self.value": "attention.self.query",
    "attention.output.dense": "attention.self.query", "output.LayerNorm": "attention.output.LayerNorm",
}  # fmt: skip


def node(path: str, kind: str, parent: str = "", **changes: Any) -> dict[str, Any]:
    """Return one node of a tree, with a case named after its path."""
    level = "module" if kind[:1].isupper() and kind.startswith("Bert") else "unit"
    return {
        "path": path, "parent": parent, "type": kind, "level": level, "case": f"bert/{path}", "calls": 1, "reason": "", **changes,
    }  # fmt: skip


def tree(layers: int = 3) -> list[dict[str, Any]]:
    """Return the nodes of a transformer whose layers are alike."""
    found = [
        node("embeddings", "BertEmbeddings"),
        node("embeddings.word_embeddings", "Embedding", "embeddings"),
        node("embeddings+arange", "arange", "embeddings", case="", reason="takes no tensor"),
        node("embeddings+expand", "expand", "embeddings", calls=2),
        node("embeddings.LayerNorm", "LayerNorm", "embeddings", case="bert/encoder.layer.0.attention.output.LayerNorm"),
        node("encoder", "BertEncoder"),
    ]
    for number in range(layers):
        top = f"encoder.layer.{number}"
        found.append(node(top, "BertLayer", "encoder", case="bert/encoder.layer.0"))
        for rest, kind in _LAYER:
            path = f"{top}.{rest}"
            parent = path.rpartition("+" if "+" in rest else ".")[0]
            found.append(node(path, kind, parent, case=f"bert/encoder.layer.0.{_SAME.get(rest, rest)}", calls=2 if "view" in rest else 1))
    return [*found, node("pooler", "BertPooler"), node("pooler.dense", "Linear", "pooler"), node("pooler.activation", "Tanh", "pooler")]


def parts(nodes: Sequence[Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    """Return what the record of a whole model keeps."""
    left = [
        {"path": "embeddings+arange", "type": "arange", "reason": "takes no tensor", "ops": 2, "times": 2, "share": 2 / 412},
        {"path": "", "type": "BertModel", "reason": "makes tensors of no tensor", "ops": 6, "times": 1, "share": 6 / 412},
    ]
    cases = len({item["case"] for item in nodes if item.get("case")})
    return {"tree": list(nodes), "coverage": {"unit": 404 / 412, "any": 1.0}, "left": left, "cases": cases, **changes}


def part(path: str, kind: str, **changes: Any) -> dict[str, Any]:
    """Return what a generated case says of itself."""
    return {"of": "bert", "path": path, "call": 0, "type": kind, "calls": 12, "drawn": True, "fixed": "", "config": "", **changes}


FAILS: Mapping[str, Mapping[str, Any]] = {
    "bert/encoder.layer.0.attention.self+softmax": {"outcome": "mismatch"},
    "bert/encoder.layer.0.attention.self": {"outcome": "mismatch"},
    "bert/encoder.layer.0.intermediate.act": {"outcome": "unsupported", "expectation": met()},
}


def cells(nodes: Sequence[Mapping[str, Any]], fails: Mapping[str, Mapping[str, Any]], routes: Sequence[str] = ROUTES) -> list[Record]:
    """Return the record of each case of a tree on each route; what ``fails`` does so on the last one."""
    found = []
    first: dict[str, Mapping[str, Any]] = {}
    for item in nodes:
        if item["case"]:
            first.setdefault(item["case"], item)
    for case, item in first.items():
        calls = sum(other["case"] == case for other in nodes)
        said = part(case[5:], item["type"], calls=calls, config="eps=1e-12" if item["type"] == "LayerNorm" else "")
        for route in routes:
            changes = dict(fails.get(case, {})) if route == routes[-1] else {}
            outcome = changes.pop("outcome", "match")
            found.append(record(outcome, case, route, level=item["level"], family=item["type"], part=said, **changes))
    return found


def bert(layers: int = 3, fails: Mapping[str, Mapping[str, Any]] = FAILS) -> list[Record]:
    """Return a run of one model: the whole of it, and what was generated from it."""
    nodes = tree(layers)
    told = parts(nodes)
    told["cases"] += 1
    second = part("embeddings+expand", "expand", call=1, calls=1, fixed="an argument follows the shapes in a way that is not known")
    return [
        record("match", "bert", ROUTE, level="e2e", parts=told),
        record("mismatch" if fails else "match", "bert", SCRIPT, level="e2e", parts=told),
        *cells(nodes, fails),
        *(record("match", "bert/embeddings-expand.1", route, family="expand", part=second) for route in ROUTES),
    ]


def huge(blocks: int = 250) -> list[Record]:
    """Return a model of eight nodes a block, no two alike."""
    nodes = []
    for block in range(blocks):
        top = f"block{block}"
        nodes.append(node(top, "BertBlock"))
        nodes += [node(f"{top}.{part}", "Linear", top) for part in ("q", "k", "v", "o", "up", "down", "norm")]
    fails = {"bert/block77.k": {"outcome": "mismatch"}, "bert/block78": {"outcome": "crash"}}
    return [record("match", "bert", route, level="e2e", parts=parts(nodes)) for route in ROUTES] + cells(nodes, fails)


def fuzzed(axes: int = 2, **changes: Any) -> Record:
    """Return a cell that fuzzing found to fail at odd lengths from three rows on, over so many ``axes``."""
    names = ("batch", "seq", "heads")[:axes]
    grid: list[dict[str, Any]] = [{}]
    for name, lengths in zip(names, ((1, 2, 3, 8), (2, 5, 16, 17, 31), (1, 4))):
        grid = [{**point, name: length} for point in grid for length in lengths]
    failing = [point for point in grid if point[names[-1]] % 2 and point["batch"] >= 3]
    least = min(failing, key=lambda point: sum(point.values()))
    shapes = {
        "tried": grid, "failing": [*failing, {**failing[0], "rung": "large", "seed": 3}], "judged": len(grid), "examples": 41,
        "planned": 48, "refused": 3, "seconds": 2.25, "region": "fails when seq is odd and batch >= 3; holds on 14 others tried",
        "causes": ["axis 1 of 'x' stays 16 in the output"], "smallest": {"lengths": least, "rung": "normal", "seed": 0},
        "session": {"uses": 3, "refused": []},
    }  # fmt: skip
    said = part("encoder.layer.0.attention", "BertAttention")
    made = {"shapes": shapes, "comparisons": (comparison("y", 9.0, shapes=least),), "level": "module", "part": said}
    return record("mismatch", "bert/encoder.layer.0.attention", SCRIPT, **{**made, **changes})


def loops() -> list[dict[str, Any]]:
    """Return nodes that are no tree: cycles, orphans, twins, and items that are no nodes."""
    bottomless = [node(f"d{depth}", "Deep", f"d{depth - 1}" if depth else "") for depth in range(3000)]
    return [
        node("a", "A", "b"), node("b", "B", "c"), node("c", "C", "a"), node("self", "Self", "self"), node("lost", "Lost", "nobody"),
        node("twin", "One"), node("twin", "Two"), node("twin.x", "X", "twin"), {}, {"path": None, "parent": 7, "calls": "many", "case": 3},
        None, "text", 5, ["a"], node("", "Empty"), node("long", "x" * 10_000), node("p" * 10_000, "Long"), *bottomless,
    ]  # type: ignore[list-item]  # fmt: skip


def hostile_models() -> list[Record]:
    """Return whole models and parts with every text an attack and every number something else."""
    found = []
    for number, text in enumerate(HOSTILE):
        nodes = [node(text, text, case=f"{text}/x"), node(f"{text}.{text}", text, text, case="", reason=text, calls=text), *loops()[:20]]
        told: Any = parts([], tree=nodes, coverage={"unit": text, "any": text} if number % 2 else text, left=[{text: text}, text, {
            "path": text, "type": text, "reason": text, "ops": text, "times": text, "share": text}], cases=text)  # fmt: skip
        shapes = {
            "tried": [{text: 1, "batch": text}, text, None], "failing": [{text: 2}, {text: text}], "examples": number, "region": text,
            "causes": [text, {text: text}], "smallest": {text: text}, "refused": text, "seconds": text, "planned": text, text: text,
        }  # fmt: skip
        part: Any = {"of": text, "path": text, "type": text, "config": text, "fixed": text, "calls": text, "call": text, "drawn": False}
        found.append(record("mismatch", text, f"torch>{text}>ort@cpu", id=f"whole:{number}", level="e2e", parts=told, shapes=shapes))
        found.append(record("error", f"{text}/x", f"torch>{text}>ort@cpu", id=f"part:{number}", part=part, shapes=shapes, family=text))
    odd: list[Any] = [
        {}, {"tree": 3}, {"tree": {"a": 1}, "left": "x", "coverage": []}, {"tree": [], "cases": -1, "coverage": {"unit": 7, "any": -1}},
        {"tree": [{}, {"path": {}, "parent": [], "case": {"a": 1}, "calls": {}}], "cases": "inf"},
        {"left": [{"share": 1e-320, "ops": 1e308}, {"share": 1e-9, "ops": 1e14}], "coverage": {"unit": 0.5, "any": 0.5}},
    ]  # fmt: skip
    found += [record("match", f"odd-{number}", level="e2e", parts=item) for number, item in enumerate(odd)]
    return [*found, record("match", "loops", level="e2e", parts=parts([], tree=loops()))]
