"""The verbs of a worker that take a source model apart: every call in it, and which of them run alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.errors import UsageError
from harness.core.generated import part_case
from harness.core.registry import Registry
from harness.core.spec import DTYPES, Dim, TensorSpec, integers, normal

SAME = 1e-4
"""How far, as a share of the largest number, a part alone may be from what it gave inside its model."""


class Parts:
    """What `harness.engine.serve.Serve` can do for whoever generates cases from a model."""

    _registry: Registry

    def _model(self, framework: str, ref: Mapping[str, str]) -> Any:
        raise NotImplementedError

    def walk(self, framework: str, ref: Mapping[str, str], feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return every call of the source, without arrays. Raises `UsageError` for a framework that cannot take its models apart."""
        adapter = self._apart(framework)
        calls = adapter.walk(self._model(framework, ref), _own(feeds), [])
        for call in calls:
            call.pop("inputs"), call.pop("outputs")
        return {"calls": calls}

    def capture(
        self, framework: str, ref: Mapping[str, str], feeds: Mapping[str, Any], others: Mapping[str, Any], wanted: Sequence[Sequence[Any]]
    ) -> dict[str, Any]:
        """Run each wanted call (path, number) alone on what it receives inside the model, for ``feeds`` and, unless empty, ``others``.

        Returns ``parts``, for each: ``problem`` (why it cannot stand alone, "" for nothing), ``fixed`` (why only at the shapes of
        ``feeds``), ``bound`` (numbers among its arguments that follow shapes); and ``values``: the arrays it receives, as
        ``PLACE/a/INPUT`` and ``PLACE/b/INPUT``.
        """
        adapter = self._apart(framework)
        model = self._model(framework, ref)
        paths = sorted({path for path, _ in wanted})
        second = _calls(adapter.walk(model, _own(others), paths)) if others else {}
        elsewhere = dict(getattr(model, "captured", {}))
        first = _calls(adapter.walk(model, _own(feeds), paths))
        answers: list[dict[str, Any]] = []
        values: dict[str, Any] = {}
        for number, (path, call) in enumerate(wanted):
            place = (path, int(call))
            answer = _tried(adapter, model, framework, place, first.get(place), second.get(place), elsewhere)
            answers.append(answer)
            for side, found in (("a", first.get(place)), ("b", None if answer["fixed"] else second.get(place))):
                if found is not None and not answer["problem"]:
                    values.update({f"{number}/{side}/x{i}": array for i, array in enumerate(found["inputs"])})
        return {"parts": answers, "values": values}

    def _apart(self, framework: str) -> Any:
        adapter = self._registry.get("frameworks", framework)
        if not hasattr(adapter, "walk"):
            raise UsageError(f"framework {framework} does not take its models apart; its cases are tested as they are declared")
        return adapter


def _own(feeds: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.array(array) for name, array in feeds.items()}


def _calls(calls: Sequence[Mapping[str, Any]]) -> dict[Any, Any]:
    return {(call["path"], call["call"]): call for call in calls}


def _tried(
    adapter: Any, model: Any, framework: str, place: Any, first: Any, second: Any, elsewhere: Mapping[Any, Any]
) -> dict[str, Any]:  # fmt: skip
    """Return how one call does alone; see `Parts.capture`."""
    answer: dict[str, Any] = {"problem": "", "fixed": "", "bound": []}
    if first is None:
        return {**answer, "problem": "was not called again"}
    odd = sorted({array.dtype.name for array in first["inputs"]} - set(DTYPES))
    if odd:
        return {**answer, "problem": f"takes {' and '.join(odd)}, which no case can feed"}
    shapes = [array.shape for array in first["inputs"]]
    if second is not None and [array.ndim for array in second["inputs"]] != [len(shape) for shape in shapes]:
        answer["fixed"], second = "its inputs have another rank at other shapes", None
    if second is not None and hasattr(adapter, "bound"):
        answer["bound"] = adapter.bound(model, place, elsewhere, shapes, [array.shape for array in second["inputs"]])
        if answer["bound"] is None:
            answer["fixed"], answer["bound"], second = "an argument follows the shapes in a way that is not known", [], None
    answer["problem"] = _alone(adapter, model, framework, place, answer["bound"], first, second)
    if second is not None and not answer["problem"]:
        answer["fixed"] = _alone(adapter, model, framework, place, answer["bound"], second, first)
    if answer["problem"] and second is not None:  # it may still run at the shapes it was seen with
        again = _alone(adapter, model, framework, place, [], first, None)
        if not again:
            answer.update(fixed=answer["problem"], problem="", bound=[])
    return answer


def _alone(adapter: Any, model: Any, framework: str, place: Any, bound: Any, call: Mapping[str, Any], other: Any) -> str:
    """Return why a part cannot run alone, "" where it gives the very answer it gave inside the model."""
    specs = _specs(call["inputs"], other["inputs"] if other is not None else call["inputs"])
    case = part_case("part", framework, specs, lambda: adapter.sub(model, place[0], place[1], bound, specs), 0)
    try:
        outputs = list(adapter.run(adapter.build(case), {f"x{i}": np.array(array) for i, array in enumerate(call["inputs"])}).values())
    except Exception as error:
        return f"does not run alone: {type(error).__name__}: {' '.join(str(error).split())}"[:300]
    expected = call["outputs"]
    if len(outputs) != len(expected):
        return f"returns {len(outputs)} outputs alone and {len(expected)} inside its model"
    if any(np.asarray(array).dtype.kind in "OSUMm" for array in expected):
        return "returns what is no number"
    if not all(map(_same, outputs, expected)):
        return "gives another answer alone than inside its model: it depends on something that is no argument"
    return ""


def _specs(arrays: Sequence[Any], others: Sequence[Any]) -> list[TensorSpec]:
    """Return what a part takes: an axis is dynamic where two calls differ in it."""
    specs = []
    for number, (array, other) in enumerate(zip(arrays, others)):
        shape = [a if a == b else Dim(f"d{a}_{b}", min(a, b), max(a, b), example=a) for a, b in zip(array.shape, other.shape)]
        domain = normal() if array.dtype.kind not in "iub" else integers(0, 1)
        specs.append(TensorSpec(name=f"x{number}", dtype=array.dtype.name, shape=tuple(shape), domain=domain))
    return specs


def _same(actual: Any, expected: Any) -> bool:
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        return False
    kind = np.complex128 if expected.dtype.kind == "c" else np.float64
    wide = (actual.astype(kind), expected.astype(kind))
    scale = float(np.max(np.abs(wide[1]), initial=0.0, where=np.isfinite(wide[1])))
    return bool(np.allclose(wide[0], wide[1], rtol=SAME, atol=SAME * scale, equal_nan=True))
