"""What outputs at several shapes say of a baked length: in words where they show it, nothing where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.numerics.frozen import Seen, frozen

EXPORT = {"batch": 2, "seq": 4}
AXES = {"batch": [("x", 0), ("m", 0)], "seq": [("x", 1)]}


def seen(target: Any, source: Any, shapes: Any = ((2, 4), (3, 4), (2, 6), (5, 7))) -> list[Seen]:
    """Return what is seen where both are functions of an array of that shape; an exception is a refusal."""
    found = []
    for batch, length in shapes:
        x = np.random.default_rng(batch * 100 + length).standard_normal((batch, length, 3)).astype(np.float32)
        want = {"y": np.asarray(source(x))}
        try:
            got: Mapping[str, Any] | None = {"y": np.asarray(target(x))}
        except ValueError:
            got = None
        agrees = got is not None and got["y"].shape == want["y"].shape and bool(np.allclose(got["y"], want["y"]))
        found.append(Seen(lengths={"batch": batch, "seq": length}, target=got, source=want, agrees=agrees))
    return found


def only(*lengths: int, axis: int = 0) -> Any:
    """Return a target that takes these lengths of an axis and refuses others."""

    def target(x: Any) -> Any:
        if x.shape[axis] not in lengths:
            raise ValueError("no")
        return x

    return target


def test_a_refused_axis_is_named_as_it_was_declared() -> None:
    one = frozen(seen(only(2), lambda x: x, ((2, 4), (3, 4), (5, 7), (2, 9))), EXPORT, AXES)
    assert one == ["declares x.0, m.0 as batch and accepts only 2"]
    both = frozen(seen(only(4, 8, axis=1), lambda x: x, ((2, 4), (2, 8), (2, 5), (3, 6), (3, 4))), EXPORT, AXES)
    assert both == ["declares x.1 as seq and accepts only 4 or 8"]


def test_one_refusal_names_no_axis() -> None:
    assert frozen(seen(only(2), lambda x: x, ((2, 4), (3, 4))), EXPORT, AXES) == [], "one length refused is not all but one"


def test_refusals_that_hang_on_another_axis_name_none() -> None:
    def target(x: Any) -> Any:
        if x.shape[0] * x.shape[1] > 20:
            raise ValueError("too many")
        return x

    shapes = ((2, 4), (3, 4), (4, 4), (5, 3), (6, 3), (7, 7), (9, 9))
    assert frozen(seen(target, lambda x: x, shapes), EXPORT, AXES) == []


def test_a_length_that_stays_is_told_with_its_dimension() -> None:
    found = frozen(seen(lambda x: np.resize(x, (x.shape[0], 4, 3)), lambda x: x), EXPORT, AXES)
    assert found == ["output 'y' keeps the length 4 of the export sample along seq"]


def test_a_value_that_stays_is_told() -> None:
    found = frozen(seen(lambda x: np.int64(8), lambda x: np.int64(x.shape[0] * x.shape[1])), EXPORT, AXES)
    assert found == ["output 'y' keeps its value 8, whatever batch and seq are"]


def test_a_value_that_should_stay_is_none_of_it() -> None:
    assert frozen(seen(lambda x: np.int64(8), lambda x: np.int64(8)), EXPORT, AXES) == []


def test_a_baked_divisor_shows_as_a_factor() -> None:
    found = frozen(seen(lambda x: x.sum(axis=1) / 4, lambda x: x.mean(axis=1)), EXPORT, AXES)
    assert found == ["output 'y' is seq / 4 times what it should be: computed with the seq of the export sample"]
    root = frozen(seen(lambda x: x / np.sqrt(4), lambda x: x / np.sqrt(x.shape[1])), EXPORT, AXES)
    assert root == ["output 'y' is sqrt(seq / 4) times what it should be: computed with the seq of the export sample"]
    assert frozen(seen(lambda x: x * 1.5, lambda x: x), EXPORT, AXES) == [], "a factor that no length explains"


def test_right_values_in_other_places_are_told_with_what_moved() -> None:
    def target(x: Any) -> Any:
        return (x.transpose(1, 0, 2) if x.shape[0] != 2 and x.shape[1] != 4 else x).reshape(-1, 3)

    shapes = ((2, 4), (3, 4), (2, 6), (5, 7), (4, 9))
    assert frozen(seen(target, lambda x: x.reshape(-1, 3), shapes), EXPORT, AXES) == [
        "output 'y' holds the right values in other places: axes are merged or split wrongly, only when batch and seq both move"
    ]
    always = frozen(seen(lambda x: x[::-1], lambda x: x), EXPORT, AXES)
    assert always == ["output 'y' holds the right values in other places: axes are merged or split wrongly"]


def test_what_agrees_says_nothing() -> None:
    assert frozen(seen(lambda x: x, lambda x: x), EXPORT, AXES) == []
    assert frozen([], EXPORT, AXES) == []


def test_values_that_are_no_numbers_are_no_riddle() -> None:
    assert frozen(seen(lambda x: x * np.nan, lambda x: x), EXPORT, AXES) == []
    assert frozen(seen(lambda x: x * np.inf, lambda x: x.astype(bool)), EXPORT, AXES) == []
