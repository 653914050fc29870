"""Asks a worker what a model is made of, once per content, and writes the case file of what is generated from it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from harness.core.case import Case
from harness.core.generated import FEEDS, TABLE
from harness.core.spec import dims_of
from harness.core.value import value
from harness.engine.cache import key_of
from harness.engine.cell import Cell
from harness.engine.steps import Steps
from harness.engine.trace import Trace
from harness.generate.parts import Chosen, Dims, Left, Plan, case_of, covered, ids, plan

FILE = "parity_generated.py"
_TEXT = '''"""Written by the harness: tests generated from {case}."""

import os

from harness.core.generated import generated_cases

CASES = generated_cases(os.path.dirname(os.path.realpath(__file__)))
'''
SAME = "the same as the one call inside it"
VERSION = 3
"""Of what a folder of generated cases holds."""


@value
class Generated:
    """The cases generated from one model, and what a report tells of it.

    ``tree``: every module and function of the model in order of first call: ``path``, ``type``, ``level``, ``case`` (the id of the
    case that tests it, "" for none), ``reason`` (why none), ``calls``. ``coverage``: shares of the model's operators that run in unit
    tests, and in unit or module tests, and how many ``ops`` it runs. ``left``: what gives no test, with reason and share.
    """

    file: str
    digest: str
    cases: tuple[Case, ...]
    tree: tuple[Mapping[str, Any], ...]
    coverage: Mapping[str, float]
    left: tuple[Mapping[str, Any], ...]

    def summary(self) -> dict[str, Any]:
        """Return what the record of the whole model keeps."""
        return {"tree": list(self.tree), "coverage": dict(self.coverage), "left": list(self.left), "cases": len(self.cases)}


def generated(cell: Cell, steps: Steps, root: Path, say: Callable[[str], None]) -> Generated:
    """Return what the model of a cell gives at the levels ``unit`` and ``module``; from the folder ``root`` when nothing has changed.

    Raises `UsageError` for a framework that cannot take its models apart, `WorkerFailure` for a model that cannot be
    built or run, `Unavailable` without its framework.
    """
    adapter = steps.registry.get("frameworks", cell.route.framework)
    trace = Trace(toolchains=(adapter.toolchain,))
    samples, _ = steps.samples(cell, trace)
    recipe = steps.recipe(cell, adapter, trace)
    key = key_of({"kind": "generated", "version": VERSION, "recipe": recipe, "feeds": [sample.digest for sample in samples]})
    place = root / "generated" / key[:32]
    if not (place / TABLE).is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{place}.lock"):
            if not (place / TABLE).is_file():
                say(f"walking {cell.case.id} in {adapter.name} for its layers and blocks")
                _write(place, _Discovery(cell, steps, adapter.toolchain, samples).table(key))
    table = json.loads((place / TABLE).read_text(encoding="utf-8"))
    os.utime(place)
    return Generated(
        file=str(place / FILE), digest=key, cases=tuple(Case.from_json(part["case"]) for part in table["parts"]),
        tree=tuple(table["tree"]), coverage=table["coverage"], left=tuple(table["left"]),
    )  # fmt: skip


def _write(place: Path, made: tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]) -> None:
    """Write a folder at once: whoever sees it sees all of it."""
    table, arrays = made
    work = Path(tempfile.mkdtemp(prefix="making-", dir=place.parent))
    try:
        for name, group in arrays.items():
            np.savez(work / name, **group)
        (work / FILE).write_text(_TEXT.format(case=table["case"]), encoding="utf-8")
        (work / TABLE).write_text(json.dumps(table), encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        work.rename(place)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


class _Discovery:
    """One model taken apart: walk it, choose, see what runs alone, and put the cases together."""

    def __init__(self, cell: Cell, steps: Steps, toolchain: str, samples: Sequence[Any]) -> None:
        self._cell = cell
        self._framework = cell.route.framework
        self._steps = steps
        self._toolchain = toolchain
        self._first = samples[0]
        self._second = next((s for s in samples[1:] if s.lengths != samples[0].lengths), None)

    def _ask(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        return self._steps.ask(self._toolchain, verb, {"framework": self._framework, "ref": self._cell.ref, **arguments})

    def table(self, key: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Return the table of parts and the arrays to keep, by file name."""
        calls = self._walk(self._first)
        others = self._walk(self._second) if self._second is not None else []
        planned = plan(calls, others)
        wanted = [[calls[one.place]["path"], calls[one.place]["call"]] for one in planned.chosen]
        second = dict(self._second.feeds) if self._second is not None else {}
        answer = self._ask("capture", {"feeds": dict(self._first.feeds), "others": second, "wanted": wanted})
        good = [number for number, part in enumerate(answer["parts"]) if not part["problem"]]
        made = [planned.chosen[number] for number in good]
        names = ids(calls, made, self._cell.case.id)
        arrays: dict[str, dict[str, Any]] = {FEEDS: dict(self._first.feeds)}
        parts = []
        for name, number in zip(names, good, strict=True):
            one, tried = planned.chosen[number], answer["parts"][number]
            mine = {port: array for port, array in answer["values"].items() if port.startswith(f"{number}/")}
            file = f"part-{number:04}.npz"
            arrays[file] = {port.partition("/")[2]: np.asarray(array) for port, array in mine.items()}
            case = self._case(calls[one.place], one, name, arrays[file], tried)
            call = calls[one.place]
            parts.append({"case": case.to_json(), "path": call["path"], "call": call["call"], "bound": tried["bound"], "arrays": file})
        refused = {number: part["problem"] for number, part in enumerate(answer["parts"]) if part["problem"]}
        left = [*planned.left, *(_refused(calls, planned.chosen[number], reason) for number, reason in refused.items())]
        return {
            "file": self._cell.file, "case": self._cell.case.id, "digest": self._cell.digest, "framework": self._framework, "parts": parts,
            "tree": _tree(calls, made, names, planned, refused), "coverage": {**covered(calls, made), "ops": planned.ops},
            "left": _shares(left, planned.ops), "key": key,
        }, arrays  # fmt: skip

    def _walk(self, sample: Any) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = self._ask("walk", {"feeds": dict(sample.feeds)})["calls"]
        return calls

    def _case(self, call: Mapping[str, Any], one: Chosen, name: str, arrays: Mapping[str, Any], tried: Mapping[str, Any]) -> Case:
        first = {port[2:]: array for port, array in arrays.items() if port.startswith("a/")}
        second = {port[2:]: array for port, array in arrays.items() if port.startswith("b/")}
        lengths = self._second.lengths if self._second is not None else self._first.lengths
        dims = Dims(dims_of(self._cell.case.specs(self._framework)), self._first.lengths, lengths)
        case = case_of(self._cell.case, self._framework, call, one, name, first, second, dims)
        return dataclasses.replace(case, part={**(case.part or {}), "fixed": tried["fixed"]})


def _refused(calls: Sequence[Mapping[str, Any]], one: Chosen, reason: str) -> Left:
    call = calls[one.place]
    ops = sum(max(1, calls[place]["ops"]) for place in one.calls) if one.level == "unit" else 0
    return Left(path=call["path"], type=call["type"], reason=reason, ops=ops)


def _shares(left: Sequence[Left], ops: int) -> list[dict[str, Any]]:
    """Return what is left out, one line for each type and reason, with its share of the operators."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in left:
        line = found.setdefault((one.type, one.reason), {"path": one.path, "type": one.type, "reason": one.reason, "ops": 0, "times": 0})
        line["ops"] += one.ops
        line["times"] += 1
    return [{**line, "share": line["ops"] / max(1, ops)} for line in found.values()]


def _tree(
    calls: Sequence[Mapping[str, Any]], made: Sequence[Chosen], names: Sequence[str], planned: Plan, refused: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Return one node for each module and function, in order of first call."""
    case = {place: name for one, name in zip(made, names, strict=True) for place in one.calls}
    reason = {place: text for number, text in refused.items() for place in planned.chosen[number].calls}
    untold = {(left.path, left.type): left.reason for left in planned.left}
    nodes: dict[str, dict[str, Any]] = {}
    for place, call in enumerate(calls[1:], 1):
        if call["path"] in nodes:
            nodes[call["path"]]["calls"] += 1
            continue
        parent = calls[call["parent"]]["path"] if call["parent"] >= 0 else ""
        nodes[call["path"]] = {
            "path": call["path"], "parent": parent, "type": call["type"], "level": "unit" if call["leaf"] else "module",
            "case": case.get(place, ""), "calls": 1,
            "reason": "" if place in case else reason.get(place) or untold.get((call["path"], call["type"])) or SAME,
        }  # fmt: skip
    return list(nodes.values())
