"""Own against inherited error, on layers made of NumPy: the planted fault is found, its heirs are innocent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.numerics.align import Call, Tensor, align
from harness.numerics.layout import alike, find_layout, fingerprint
from harness.numerics.localise import Verdict, layer_bound, localise

RNG = np.random.default_rng(7)
X = RNG.normal(size=(2, 3, 4, 5)).astype(np.float32)
SIX = np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("turn", "name"),
    [
        (lambda a: a, "as it is"),
        (lambda a: a.transpose(0, 2, 3, 1), "channels last"),
        (lambda a: a.reshape(2, -1), "flattened"),
        (lambda a: a[:, None], "another axis"),
        (lambda a: a.transpose(0, 2, 3, 1).reshape(2, -1), "channels last, flattened"),
        (lambda a: a.reshape(6, 4, 5), "joined axes"),
        (lambda a: a.reshape(6, 20).T, "joined axes, turned"),
        (lambda a: a.transpose(1, 0, 3, 2)[None], "all turned"),
    ],
)
def test_a_layout_is_found_and_undone(turn: Callable[[Any], Any], name: str) -> None:
    noisy = turn(X) * np.float32(1 + 1e-6)
    found = find_layout(X, noisy)
    assert found is not None, name
    layout, far = found
    assert far < 1e-5
    np.testing.assert_allclose(layout.to_source(noisy), X, rtol=1e-5)
    np.testing.assert_array_equal(layout.to_source(turn(SIX)), SIX)
    assert alike(fingerprint(X), fingerprint(noisy))


def test_other_values_have_no_layout() -> None:
    assert find_layout(X, X + 1) is None
    assert find_layout(X, X[:, :2]) is None
    assert not alike(fingerprint(X), fingerprint(X + 0.1))


def test_arrays_that_say_nothing_are_not_matched_by_value() -> None:
    assert not fingerprint(np.zeros((4, 4))).telling
    assert not fingerprint(np.ones(3)).telling
    assert fingerprint(np.array([1.0, np.nan, 3.0, np.inf])).telling


def test_the_bound_grows_with_what_float32_loses() -> None:
    want = np.array([1.0, -2.0, 0.0], np.float32)
    plain = layer_bound(want, None)
    np.testing.assert_allclose(plain, 64 * 2**-24 * np.maximum(np.abs(want), np.sqrt(5 / 3)), rtol=1e-6)
    np.testing.assert_allclose(layer_bound(want, want + np.array([0, 1e-3, 0])) - plain, [0, 8e-3, 0], atol=1e-7)
    assert np.all(layer_bound(np.zeros(2), None) > 0)
    assert np.all(np.isfinite(layer_bound(np.array([np.nan, np.inf, 1.0]), None)))


Layer = Callable[..., Any]
W = RNG.normal(size=(8, 8)) / 3
V = RNG.normal(size=(8, 8)) / 3


class Model:
    """A graph of named layers: (name, function, names of inputs); functions with a name in brackets belong to no module."""

    def __init__(self, *steps: tuple[str, Layer, tuple[str, ...]]) -> None:
        self.steps = steps

    def run(self, x: Any) -> dict[str, Any]:
        values = {"x": x}
        for name, function, given in self.steps:
            values[name] = np.asarray(function(*(values[part] for part in given)), np.float32)
        return values


def blame(
    source: Model, target: Model, *, turn: Callable[[Any], Any] = lambda a: a, scopes: bool = True, hidden: tuple[str, ...] = (),
    coarse: float = 0.0,
) -> Verdict:
    """Run both models and localise. ``turn`` lays out what the target shows; ``hidden`` tensors are not shown; ``coarse``: its unit."""
    x = RNG.normal(size=(4, 8)).astype(np.float32)
    wanted, got = source.run(x), target.run(x)
    modules = [step for step in source.steps if not step[0].startswith("(")]
    last = source.steps[-1][0]
    calls = [Call(path="", type="Net", inputs=("x",), outputs=(last,), leaf=False, parent=-1)]
    calls += [Call(path=name, type="Layer", inputs=given, outputs=(name,)) for name, _, given in modules]
    shown = {name + "'": turn(array) for name, array in got.items() if name not in ("x", *hidden)}
    tensors = [Tensor(name="x'", op="input")]
    for name, _, given in target.steps:
        if name not in hidden:
            tensors.append(Tensor(name=name + "'", op="Op", scope=name.strip("()") if scopes else "", inputs=tuple(g + "'" for g in given)))
    tensors.append(Tensor(name="out", op="output"))
    arrays = {**shown, "x'": got["x"], "out": got[last]}

    def replay(place: int, inputs: list[Any], double: bool) -> list[Any]:
        made = modules[place - 1][1](*(array.astype(np.float64) if double else array for array in inputs))
        return [made if double else np.asarray(made, np.float32)]

    found = align(calls, tensors, wanted.__getitem__, arrays.__getitem__, inputs={"x": "x'"}, outputs={last: "out"})
    return localise(found, replay, outputs=(last,), coarse=coarse)


def chain(**other: Layer) -> Model:
    """Return a network with a residual: two layers, code that adds, two layers more; ``other`` replaces some by name."""
    steps: list[tuple[str, Layer, tuple[str, ...]]] = [
        ("one", lambda x: x @ W, ("x",)),
        ("two", lambda a: np.tanh(a @ V), ("one",)),
        ("(add)", lambda a, b: a + b, ("one", "two")),
        ("three", lambda a: a @ W - 1, ("(add)",)),
        ("four", lambda a: np.maximum(a @ V, 0.1 * a), ("three",)),
        ("five", lambda a: a @ W, ("four",)),
    ]
    return Model(*((name, other.get(name.strip("()"), function), given) for name, function, given in steps))


FAULTS: dict[str, Layer] = {
    "one": lambda x: x @ W.T,
    "two": lambda a: np.tanh(a @ V.T),
    "three": lambda a: a @ W,
    "four": lambda a: np.maximum(a @ V, 0.2 * a),
    "five": lambda a: a @ W * 1.001,
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("scopes", [True, False], ids=["metadata", "values alone"])
def test_the_planted_layer_is_named_and_its_heirs_are_not(name: str, scopes: bool) -> None:
    verdict = blame(chain(), chain(**{name: FAULTS[name]}), scopes=scopes)
    if name == "two" and not scopes:
        # Only code of no module reads it, so nothing tells which tensor it is: the range is named.
        assert (verdict.culprit, verdict.between, verdict.guilty) == (None, ("two", "three"), ())
        assert verdict.unmatched == ("two",)
        return
    assert verdict.culprit is not None
    assert (verdict.culprit.name, verdict.culprit.since) == (name, ())
    assert verdict.culprit.inputs_agree
    assert [layer.name for layer in verdict.guilty] == [name]
    before = ("one", "two", "three", "four", "five").index(name)
    assert all(layer.own <= 1 and layer.inherited <= 1 for layer in verdict.curve[:before])


def halved(model: Model) -> Model:
    """Return the model with everything it computes rounded to float16."""
    return Model(*((name, lambda *a, f=function: np.asarray(f(*a), np.float16), given) for name, function, given in model.steps))


def test_a_target_in_half_precision_is_held_to_its_own_rounding() -> None:
    verdict = blame(chain(), halved(chain()), coarse=2**-11)
    assert (verdict.culprit, verdict.between, verdict.guilty) == (None, None, ())
    assert len(verdict.curve) == 5
    assert blame(chain(), halved(chain())).guilty, "held to float32, every layer would seem wrong"


@pytest.mark.parametrize("name", ["one", "two", "three", "four"])
def test_in_half_precision_only_the_planted_layer_is_guilty(name: str) -> None:
    verdict = blame(chain(), halved(chain(**{name: FAULTS[name]})), coarse=2**-11)
    assert verdict.culprit is not None
    assert verdict.culprit.name == name
    assert [layer.name for layer in verdict.guilty] == [name]


def test_downstream_errors_are_inherited() -> None:
    verdict = blame(chain(), chain(one=FAULTS["one"]))
    by_name = {layer.name: layer for layer in verdict.curve}
    assert by_name["five"].inherited > 1000
    assert by_name["five"].own <= 1
    assert by_name["five"].total > 1e-3


def test_several_faults_are_listed_in_order() -> None:
    verdict = blame(chain(), chain(two=FAULTS["two"], five=FAULTS["five"]))
    assert verdict.culprit is not None
    assert verdict.culprit.name == "two"
    assert [layer.name for layer in verdict.guilty] == ["two", "five"]


def test_code_of_no_module_lies_between_two_layers() -> None:
    verdict = blame(chain(), chain(add=lambda a, b: a + 0.5 * b))
    assert verdict.culprit is None
    assert verdict.between == ("two", "three")


def test_a_small_error_of_such_code_is_told_from_drift() -> None:
    verdict = blame(chain(), chain(add=lambda a, b: a + b * (1 + 5e-4)))
    assert verdict.culprit is None
    assert verdict.between == ("two", "three")


def test_another_layout_is_seen_through() -> None:
    verdict = blame(chain(), chain(three=FAULTS["three"]), turn=lambda a: np.ascontiguousarray(a.T)[:, None])
    assert verdict.culprit is not None
    assert verdict.culprit.name == "three"


def test_what_a_fusion_hides_is_charged_to_all_it_hides() -> None:
    verdict = blame(chain(), chain(four=FAULTS["four"]), hidden=("three",))
    assert verdict.culprit is not None
    assert verdict.culprit.name == "four"
    assert verdict.culprit.since == ("three",)
    assert verdict.unmatched == ("three",)


def test_right_models_have_no_culprit() -> None:
    for hidden in ((), ("two",), ("three", "four")):
        verdict = blame(chain(), chain(), hidden=hidden)
        assert (verdict.culprit, verdict.between, verdict.guilty) == (None, None, ())


def test_an_output_of_another_size_is_the_largest_error() -> None:
    verdict = blame(chain(), chain(five=lambda a: (a @ W).sum(0)))
    assert verdict.culprit is not None
    assert (verdict.culprit.name, verdict.culprit.own) == ("five", float("inf"))


def test_a_layer_called_twice_has_one_run_of_tensors_for_each_call() -> None:
    calls = [
        Call(path="", type="Net", inputs=("x",), outputs=("c",), leaf=False, parent=-1),
        *(
            Call(path="same", call=number, type="Layer", inputs=(a,), outputs=(b,))
            for number, (a, b) in enumerate([("x", "a"), ("b", "c")])
        ),
    ]
    values = {name: RNG.normal(size=5) for name in "xabc"}
    tensors = [
        Tensor(name="t1", scope="same", inputs=("x'",)), Tensor(name="t2", scope="other", inputs=("t1",)),
        Tensor(name="t3", scope="same", inputs=("t2",)),
    ]  # fmt: skip
    shown = {name: RNG.normal(size=5) for name in ("t1", "t2", "t3")}
    found = align(calls, tensors, values.__getitem__, shown.__getitem__, inputs={}, outputs={})
    assert {key: pair.name for key, pair in found.pairs.items()} == {"a": "t1", "b": "t2", "c": "t3"}
