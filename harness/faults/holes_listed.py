"""The list of holes: twenty entries, some of them several ways of being blind."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.outcome import Outcome, Stage
from harness.core.record import Comparison, Record
from harness.faults.holes import Hole, Outputs, noise, one_ulp, only, question, swapped


def _renamed(given: Outputs) -> Any:
    expected = only("map", "other")(given)
    return question({"features": expected["map"], "other": expected["other"]}, expected)


def _crossed(given: Outputs) -> Any:
    expected = only("map", "other")(given)
    return question({"map": expected["other"], "other": expected["map"]}, expected)


def _crossed_names(given: Outputs) -> Any:
    expected = only("map", "other")(given)
    return question({"a": expected["other"], "b": expected["map"]}, expected)


def _reordered(given: Outputs) -> Any:
    """Return the same outputs by name, listed in the other order: names decide, so this is harmless."""
    expected = only("map", "other")(given)
    return question({"other": one_ulp(expected["other"]), "map": one_ulp(expected["map"])}, expected)


def _without(name: str, *names: str) -> Any:
    def ask(given: Outputs) -> Any:
        expected = only(*names)(given)
        return question({key: array for key, array in expected.items() if key != name}, expected)

    return ask


def _extra(given: Outputs) -> Any:
    expected = only("map")(given)
    return question({**expected, "surplus": np.full((2, 2), 7.0, np.float32)}, expected)


def _nothing(given: Outputs) -> Any:
    return question({}, {})


def _against(name: str, actual: Any, expected: Any, **extra: Any) -> Any:
    """Return a question about one tensor that does not come from the reference."""
    return lambda given: question({name: np.asarray(actual)}, {name: np.asarray(expected)}, **extra)


_F = np.float32


def _array(held: Any) -> Any:
    return np.array(held, np.float32)


_NEGATIVE = np.array([-1.0, -2.0, -3.0, -0.5], _F)
_ZERO = np.zeros(4, _F)


def _unrelated(given: Outputs) -> Any:
    return question({"map": np.array(given["other"])}, {"map": np.array(given["map"])})


def _one_wrong_among_zeros(given: Outputs) -> Any:
    expected = {"flat": np.zeros((2, 3), _F), "map": np.array(given["map"])}
    return question({**expected, "map": given["map"] * _F(1.5)}, expected)


def _first_wrong(given: Outputs) -> Any:
    expected = only("map", "other", "row")(given)
    return question({**expected, "map": expected["map"] + _F(0.5)}, expected)


def _middle_empty(given: Outputs) -> Any:
    expected = {**only("empty", "map")(given)}
    return question({**expected, "map": -expected["map"]}, expected)


def _empties(given: Outputs) -> Any:
    return question(only("empty", "row")(given), only("empty", "row")(given))


def _overflowed_row(given: Outputs) -> Any:
    expected = only("map", "row")(given)
    broken = np.array(expected["map"])
    broken[1] = np.nan
    return question({"map": broken, "row": expected["row"]}, expected)


def _axes(order: tuple[int, ...]) -> Any:
    return swapped(lambda array: np.ascontiguousarray(np.transpose(array, order)), "cube")


def _logprobs_wrong(given: Outputs) -> Any:
    """Return other log-probabilities whose ranking is the same: the sampled tokens do not change."""
    expected = only("ids", "logprobs")(given)
    flatter = expected["logprobs"] * _F(0.5)
    return question({"ids": expected["ids"], "logprobs": flatter - np.log(np.sum(np.exp(flatter), -1, keepdims=True))}, expected)


def _ties(given: Outputs, window: bool) -> Any:
    scores = np.array([[5.0, 3.0, 3.0, 1.0]], _F)
    expected = {"scores": scores, "ids": np.array([[7, 2, 9, 4]])}
    ids = np.array([[7, 9, 2, 4]]) if window else np.array([[2, 7, 9, 4]])
    return question({"scores": scores, "ids": ids}, expected, ties={"ids": ("scores", 1e-6)})


def _accuracy(more: int) -> Any:
    """Return scores of which ``more`` rows of twenty are right beyond the source's fifteen."""

    def ask(_: Outputs) -> Any:
        labels = np.arange(20) % 4
        wrong = {"source": 5, "target": 5 - more}
        scores = {}
        for side, count in wrong.items():
            table = np.eye(4, dtype=_F)[labels] * 4
            table[:count] = np.roll(table[:count], 1, axis=1)
            scores[side] = table
        return question({"scores": scores["target"]}, {"scores": scores["source"]}, task={"labels": labels, "max_drop": 0.05})

    return ask


def _runs(count: int, given: Outputs) -> Any:
    expected = [{"map": given["map"] * _F(factor)} for factor in (1, 2)]
    return question([dict(part) for part in expected[:count]], expected)


def _wrong_second(given: Outputs) -> Any:
    expected = [{"map": given["map"]}, {"map": given["map"] * _F(2)}]
    return question([expected[0], {"map": -expected[1]["map"]}], expected)


def record(outcome: Outcome = Outcome.MATCH, comparisons: Any = None, stage: Stage = Stage.COMPARE, **more: Any) -> Record:
    """Return one cell's record as an engine would write it."""
    good = (Comparison(output="y", match=True, metrics={"max_abs": 0.0}, bound={"rtol": 1e-4}, shapes={"batch": 2}),)
    return Record(
        id="exam", case="exam", level="unit", route="torch>onnx.dynamo>onnxruntime@cpu", framework="torch", target="onnxruntime@cpu",
        stage=stage, outcome=outcome, comparisons=good if comparisons is None else comparisons, **more,
    )  # fmt: skip


def _records(*cells: Record) -> Any:
    return lambda given: question(cells, None)


_FAILED = Comparison(output="y", match=False, metrics={}, bound={}, facts=("shape is 3, expected 2x3",))
_SOUND = _records(record())
_DROPPED: dict[str, Any] = {"shapes": {"tried": [{"batch": 2}, {"batch": 3}], "failing": []}}
_BOTH = tuple(Comparison(output="y", match=True, metrics={}, bound={}, shapes={"batch": n}) for n in (2, 3))


def _hole(number: str, name: str, tells: str, plant: Any, twin: Any, kind: str = "outputs") -> Hole:
    return Hole(name=name, number=number, tells=tells, plant=plant, twin=twin, kind=kind)


_PARTIAL = noise("partial", "row")

HOLES: tuple[Hole, ...] = (
    _hole("H1", "nan-everywhere", "all NaN: no comparison with NaN is true", swapped(lambda a: np.full_like(a, np.nan), "map"), _PARTIAL),
    _hole("H1", "one-nan", "a single NaN among good values", swapped(lambda a: np.where(a == a.max(), _F(np.nan), a), "map"), _PARTIAL),
    _hole("H1", "nan-lost", "a number where the source has NaN", swapped(lambda a: np.nan_to_num(a, nan=1.0), "partial"), _PARTIAL),
    _hole("H2", "broadcast-row", "(3,) for (2, 3) broadcasts", _against("y", _array([1, 2, 3]), _array([[1, 2, 3], [1, 2, 3]])),
          noise("row")),
    _hole("H2", "broadcast-scalar", "() for (5,) broadcasts", _against("y", _F(2), np.full(5, 2, _F)), _against("y", _F(2), _F(2))),
    _hole("H2", "batch-of-one", "one row for every row", swapped(lambda a: a[:1], "map"), noise("map")),
    _hole("H3", "wider-type", "float64 for float32", swapped(lambda a: a.astype(np.float64), "map"), noise("map")),
    _hole("H3", "integers-for-floats", "int64 for float32", _against("y", np.array([1, 2]), _array([1, 2])),
          _against("y", np.array([1, 2], np.int32), np.array([1, 2]), casts={"y": "int32"})),
    _hole("H3", "count-cut", "a missing last output is cut off by zip", _without("row", "map", "row"), noise("map", "row")),
    _hole("H4", "bytes-differ", "0 for 1 in unsigned bytes", swapped(lambda a: (1 - a).astype(np.uint8), "bytes"), noise("bytes", "empty")),
    _hole("H4", "empty-for-full", "an empty output for one with values", swapped(lambda a: a[:0], "map"), _empties),
    _hole("H5", "output-missing", "one output is missing, the others match", _without("map", "map", "row", "logits"),
          noise("map", "row", "logits")),
    _hole("H5", "output-extra", "an output that the source does not have", _extra, noise("map")),
    _hole("H6", "fewer-runs", "one run of two is compared", lambda given: _runs(1, given), lambda given: _runs(2, given), "runs"),
    _hole("H6", "no-runs", "no run at all is compared", lambda given: _runs(0, given), lambda given: _runs(2, given), "runs"),
    _hole("H6", "second-run-wrong", "only the first run is compared", _wrong_second, lambda given: _runs(2, given), "runs"),
    _hole("H6", "half-precision", "float16 for float32, never asked for", swapped(lambda a: a.astype(np.float16), "map"),
          swapped(lambda a: a.astype(np.float16), "row", extra={"casts": {"row": "float16"}, "tolerance": (5e-3, 2e-3)})),
    _hole("H7", "renamed", "an output under another name", _renamed, _reordered),
    _hole("H7", "crossed", "two outputs carry each other's values", _crossed, _reordered),
    _hole("H7", "crossed-and-renamed", "other names, paired by position with the wrong values", _crossed_names, _reordered),
    _hole("H8", "unrelated", "unrelated tensors pass a relative bound of 2", _unrelated, noise("map")),
    _hole("H8", "opposite-sign", "the negative of the answer", swapped(lambda a: -a, "map"), noise("map")),
    _hole("H9", "zero-both-then-wrong", "an all-zero output ends the check", _one_wrong_among_zeros, _against("y", _ZERO, _ZERO)),
    _hole("H9", "threshold-zero", "a bound of 0 reads as none given", swapped(one_ulp, "map", extra={"tolerance": (0.0, 0.0)}),
          swapped(lambda a: a, "map", extra={"tolerance": (0.0, 0.0)})),
    _hole("H10", "negative-golden", "divided by a negative number, every error is below the bound",
          _against("y", _NEGATIVE + _F(5), _NEGATIVE),
          _against("y", one_ulp(_NEGATIVE), _NEGATIVE)),
    _hole("H10", "zero-golden", "divided by zero", _against("y", _ZERO + _F(3), _ZERO), _against("y", _ZERO + _F(1e-9), _ZERO)),
    _hole("H11", "refused", "an operator that is refused counts as passed",
          _records(record(), record(Outcome.UNSUPPORTED, (), Stage.CONVERT, error={"message": "no Loop"})), _SOUND, "records"),
    _hole("H11", "no-data", "a model without data sets passes", _records(record(comparisons=())), _SOUND, "records"),
    _hole("H12", "empty-table", "a run of nothing is stable", _records(), _SOUND, "records"),
    _hole("H12", "all-absent", "a run in which nothing could run passes", _records(record(Outcome.UNAVAILABLE, (), Stage.LOAD)), _SOUND,
          "records"),
    _hole("H13", "logged-only", "a wrong shape is written down and passes", _records(record(comparisons=(_FAILED,))), _SOUND, "records"),
    _hole("H13", "last-only", "only the last output is compared", _first_wrong, noise("map", "other", "row")),
    _hole("H14", "nan-rows-skipped", "rows whose metric is NaN are left out", _overflowed_row, _PARTIAL),
    _hole("H14", "infinity-for-number", "an overflow to infinity", swapped(lambda a: np.where(a > 1, _F(np.inf), a), "map"),
          _against("y", _array([np.inf, -np.inf, 1]), _array([np.inf, -np.inf, 1]))),
    _hole("H14", "infinity-sign", "minus infinity for infinity", _against("y", _array([-np.inf, 1]), _array([np.inf, 1])),
          _against("y", _array([np.inf, 1]), _array([np.inf, 1]))),
    _hole("H15", "stops-at-empty", "nothing after an empty output is compared", _middle_empty, _empties),
    _hole("H16", "nothing", "no outputs at all", _nothing, noise("row")),
    _hole("H16", "shorter-list", "lists are cut to the shorter one", swapped(lambda a: a[:, :2], "ids"), noise("ids")),
    _hole("H17", "axes-permuted", "a transposed tensor of equal lengths, matched by trying every order of axes", _axes((0, 2, 3, 1)),
          noise("cube")),
    _hole("H17", "axes-swapped", "height and width exchanged", _axes((0, 1, 3, 2)), noise("cube")),
    _hole("H18", "suspicious-gain", "a better score than the source's passes without a question", _accuracy(3), _accuracy(0)),
    _hole("H18", "score-lost", "a worse score than the bound allows", _accuracy(-3), _accuracy(0)),
    _hole("H19", "same-tokens", "wrong log-probabilities with the same tokens", _logprobs_wrong, noise("ids", "logprobs")),
    _hole("H19", "tokens-exchanged", "tokens with clearly different scores are exchanged", lambda given: _ties(given, False),
          lambda given: _ties(given, True)),
    _hole("H20", "scaled", "a correlation does not see a factor", swapped(lambda a: a * _F(1.5), "map"), noise("map")),
    _hole("H20", "offset", "a correlation does not see an offset", swapped(lambda a: a + _F(1), "map"), noise("map")),
    _hole("H20", "small-wrong", "small values are within any absolute bound: they are all zero", swapped(np.zeros_like, "small"),
          noise("small")),
    _hole("H20", "small-scaled", "small values are within any absolute bound: a factor of 1.01", swapped(lambda a: a * _F(1.01), "small"),
          noise("small")),
    _hole("H6", "runs-uncompared", "a record says two shapes were tried, and compares one", _records(record(**_DROPPED)),
          _records(record(comparisons=_BOTH, **_DROPPED)), "records"),
)  # fmt: skip
