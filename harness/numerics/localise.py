"""Which layer is to blame: its own error against the error it inherits.

With S a source layer, x_s its inputs in the source, x_t those in the target and y_t what the target makes of them:
``y_t - y_s = [y_t - S(x_t)] + [S(x_t) - S(x_s)]``. The first bracket is the layer's own error, the second the
inherited one; S(x_t) is the source layer run alone on the target's own inputs. Nothing here runs a model:
``replay`` does, and arrays come from functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from harness.core.value import value
from harness.numerics.align import Alignment, Call, Tensor, align
from harness.numerics.bound import layer_bound, scaled, worst
from harness.numerics.layout import STRICT, find_layout, fingerprint
from harness.numerics.metrics import distance, widen

Replay = Callable[[int, "list[Any]", bool], "list[Any] | None"]
"""Place of a call, its inputs, whether in float64 -> its outputs, or None where it cannot be run that way."""
AGREES = 1e-4
"""Inputs this near, over their root mean square, count as agreeing; or within 16 roundings of a coarser type."""
CANDIDATES = 6
NEAR = 0.3
JUMP = 10.0
"""Code of no module errs where it is this many times further off than any layer before it."""
MINOR = 0.01
"""A layer with less than this share of the largest ratio is listed, and blamed only when no other is."""

__all__ = ["AGREES", "Alignment", "Call", "Layer", "Replay", "Tensor", "Verdict", "align", "layer_bound", "localise"]


@value
class Layer:
    """One layer's part in the error. ``own`` and ``inherited`` are ratios to the layer's bound, ``total`` the error over the rms.

    ``since``: layers before it whose outputs the target does not show; the own error is that of all of them together.
    ``output``: the tensor it was judged on. ``inputs_agree``: what it is fed is what the source feeds it.
    """

    place: int
    name: str
    type: str
    own: float
    inherited: float
    total: float
    inputs_agree: bool
    output: str = ""
    since: tuple[str, ...] = ()


@value
class Verdict:
    """``culprit`` is the first layer whose inputs agree and whose own error exceeds its bound; ``guilty`` all with such an error, in order.

    ``between``: names of the two layers with code between them that belongs to no module, and errs. ``curve`` holds
    every layer judged. ``unmatched``: layers of which no output was found in the target.
    """

    culprit: Layer | None
    guilty: tuple[Layer, ...]
    between: tuple[str, str] | None
    curve: tuple[Layer, ...]
    unmatched: tuple[str, ...]


def localise(alignment: Alignment, replay: Replay, *, outputs: Sequence[str] = (), coarse: float = 0.0) -> Verdict:
    """Split the error of every leaf and return who is to blame. ``outputs`` are the keys of the model's outputs.

    ``coarse``: unit round-off of the type that the target computes in, where that is coarser than the source's, else 0.

    A layer whose output the target does not show counts as right until the next one that shows; that one is then
    judged together with those before it.
    """
    judge = _Judge(alignment, replay, coarse)
    for place, call in enumerate(alignment.calls):
        if place and call.leaf:
            judge.layer(place, call)
    return judge.verdict(tuple(outputs))


class _Judge:
    def __init__(self, alignment: Alignment, replay: Replay, coarse: float) -> None:
        self._coarse = coarse
        self._near = max(AGREES, 16 * coarse)
        self._strict = max(STRICT, 16 * coarse)
        self._at = alignment
        self._replay = replay
        self._assumed: dict[str, tuple[Any, tuple[str, ...]]] = {}
        self._curve: list[Layer] = []
        self._between: tuple[str, str] | None = None
        self._made = {key for call in alignment.calls[1:] if call.leaf for key in call.outputs}
        self._made |= set(alignment.calls[0].inputs) if alignment.calls else set()
        self._jump: tuple[str, str] | None = None
        self._last = "the input"
        self._unmatched: list[str] = []
        self._pending: list[str] = []  # of those, the ones no later layer has shown to be right
        self._fed: dict[str, tuple[int, int, list[Any]]] = {}

    def layer(self, place: int, call: Call) -> None:
        """Judge one leaf; leave what it makes for those after it."""
        self._find_inputs(place, call)
        known = [self._input(key) for key in call.inputs]
        if any(item is None for item in known):
            return
        fed = [item[0] for item in known if item is not None]
        since = tuple(dict.fromkeys(name for item in known if item is not None for name in item[1]))
        same = [
            np.array_equal(got, self._at.source(key), equal_nan=got.dtype.kind == "f") for got, key in zip(fed, call.inputs, strict=True)
        ]
        expected = [self._at.source(key) for key in call.outputs] if all(same) else self._replay(place, fed, False)
        if expected is None or len(expected) != len(call.outputs):
            return
        self._look_between(call, fed)
        shown = [self._shown(place, call, key, want) for key, want in zip(call.outputs, expected, strict=True)]
        if not any(shown):
            self._unmatched.append(call.name)
            self._pending.append(call.name)
        for number, (key, want, visible) in enumerate(zip(call.outputs, expected, shown, strict=True)):
            if not visible:
                self._fed.setdefault(key, (place, number, fed))
                self._assumed.setdefault(key, (np.asarray(want), (*since, call.name)))
        if any(shown):
            self._measure(place, call, fed, expected, since)
            self._last = call.name

    def _find_inputs(self, place: int, call: Call) -> None:
        """Find what code of no module feeds this layer, once something before it is wrong: what makes the layer come out right."""
        at = self._at
        for key in call.inputs:
            if key in self._made or key in at.pairs or not (self._pending or self._guilty()):
                continue
            after = at.after(other for earlier in at.calls[1:place] for other in earlier.inputs)
            for name in at.free(np.asarray(at.source(key)).size, after)[:CANDIDATES]:
                at.pin(key, name, "successor", at.source(key))
                if self._leads_on(place, key):
                    break
                del at.pairs[key]

    def _input(self, key: str) -> tuple[Any, tuple[str, ...]] | None:
        """Return the target's value of an input and the unseen layers it came through; None where nothing is known of it."""
        shown = self._at.value(key)
        if shown is not None:
            return shown, ()
        if key in self._assumed:
            return self._assumed[key]
        if key in self._made or self._guilty():
            return None
        # Made by code of no module, and not shown: right as long as all before it is, seen or not.
        return self._at.source(key), tuple(self._pending)

    def _shown(self, place: int, call: Call, key: str, want: Any) -> bool:
        """Return whether the target shows this output, after every way to find it."""
        at = self._at
        if key in at.pairs or key in at.misfits:
            return True
        after = at.after(call.inputs)
        if at.by_value(key, after, want, "replay"):
            return True
        if self._hidden(key) or not fingerprint(want).telling:
            return False
        free = at.free(np.asarray(want).size, after)[:CANDIDATES]
        for name in free:
            at.pin(key, name, "successor", want)
            if any(
                self._leads_on(number, key)
                for number, other in enumerate(at.calls)
                if number > place and other.leaf and key in other.inputs
            ):
                return True
            del at.pairs[key]
        near = [(found[1], name) for name in free if (found := find_layout(np.asarray(want), at.target(name), NEAR)) is not None]
        return bool(near) and at.pin(key, min(near)[1], "near", want)

    def _hidden(self, key: str) -> bool:
        """Return whether a layer fed with this value comes out right, so that the value is there and only not shown."""
        users = [call for call in self._at.calls[1:] if call.leaf and key in call.inputs]
        pairs = [self._at.pairs.get(out) for call in users for out in call.outputs]
        return any(pair is not None and pair.how in ("value", "port", "name") and pair.distance < self._near for pair in pairs)

    def _leads_on(self, place: int, key: str) -> bool:
        """Return whether the next layer, fed with the candidate, makes something that the target shows."""
        call = self._at.calls[place]
        known = [self._input(name) for name in call.inputs]
        if any(item is None for item in known):
            return False
        made = self._replay(place, [item[0] for item in known if item is not None], False)
        after = self._at.after([key])
        for out, want in zip(call.outputs, made or (), strict=False):
            pair = self._at.pairs.get(out)
            if pair is not None:
                shown = self._at.value(out)
                if shown is not None and scaled(shown, np.asarray(want)) < self._near:
                    return True
            elif self._at.by_value(out, after + 1, want, "replay"):
                return True
        return False

    def _look_between(self, call: Call, fed: list[Any]) -> None:
        """Note code of no module that errs: its result differs and all layers so far are right."""
        for key, got in zip(call.inputs, fed, strict=True):
            if key in self._made or self._between is not None or self._guilty():
                continue
            far = scaled(got, self._at.source(key))
            names = (self._pending[0] if self._pending else self._last, call.name)
            if far > self._strict:
                self._between = names
            before = max((layer.total for layer in self._curve), default=0.0)
            if far > self._near and far > JUMP * before and self._jump is None:
                self._jump = names

    def _measure(self, place: int, call: Call, fed: list[Any], expected: list[Any], since: tuple[str, ...]) -> None:
        agree = all(scaled(got, self._at.source(key)) <= self._near for got, key in zip(fed, call.inputs, strict=True))
        pairs = [(key, self._at.value(key), want) for key, want in zip(call.outputs, expected, strict=True)]
        rough = [
            got is not None and np.any(distance(widen(got), widen(want)) > layer_bound(want, None, self._coarse)) for _, got, want in pairs
        ]
        exact = (self._exactly(place, fed) if any(rough) else None) or [None] * len(pairs)
        found = []
        for (key, got, want), wide in zip(pairs, exact, strict=False):
            if got is None:
                if key in self._at.misfits:  # another number of elements: no error is larger
                    found.append(self._misfit(place, call, key, agree, since))
                continue
            # Layers judged together may each add their share.
            bound, source = layer_bound(want, wide, self._coarse) * (1 + len(since)), self._at.source(key)
            own, inherited = (worst(distance(widen(a), widen(b)) / bound) for a, b in ((got, want), (want, source)))
            found.append(
                Layer(
                    place=place,
                    name=call.name,
                    type=call.type,
                    own=own,
                    inherited=inherited,
                    total=scaled(got, source),
                    inputs_agree=agree,
                    output=self._at.pairs[key].name,
                    since=since,
                )  # fmt: skip
            )
        if found:
            self._curve.append(max(found, key=lambda layer: layer.own))
            if self._curve[-1].own <= 1:
                self._pending = [name for name in self._pending if name not in since]

    def _misfit(self, place: int, call: Call, key: str, agree: bool, since: tuple[str, ...]) -> Layer:
        return Layer(
            place=place, name=call.name, type=call.type, own=float("inf"), inherited=0.0, total=float("inf"),
            inputs_agree=agree, output=self._at.misfits[key], since=since,
        )  # fmt: skip

    def _exactly(self, place: int, fed: list[Any]) -> list[Any] | None:
        """Return what a layer makes in float64, what it is fed by unseen layers computed so as well."""
        inputs = []
        for key, array in zip(self._at.calls[place].inputs, fed, strict=True):
            made = self._exactly(self._fed[key][0], self._fed[key][2]) if key in self._fed and key not in self._at.pairs else None
            inputs.append(array if made is None else made[self._fed[key][1]])
        return self._replay(place, inputs, True)

    def _guilty(self) -> list[Layer]:
        return [layer for layer in self._curve if layer.own > 1]

    def verdict(self, outputs: tuple[str, ...]) -> Verdict:
        """Return the first layer that explains the error, and what lies around it."""
        guilty = self._guilty()
        largest = max((layer.own for layer in guilty), default=0.0)
        main = next((layer for layer in guilty if layer.inputs_agree and layer.own >= MINOR * largest), None)
        main = main or next((layer for layer in guilty if layer.own >= MINOR * largest), None)
        between = self._between or (self._jump if main is None else None)
        if main is None and between is None:
            for key in outputs:
                got = self._at.value(key)
                if key not in self._made and got is not None and scaled(got, self._at.source(key)) > self._strict:
                    between = (self._last, "the output")
        if between is not None and main is not None and main.inputs_agree:
            between = None
        return Verdict(
            culprit=None if between else main,
            guilty=tuple(guilty),
            between=between,
            curve=tuple(self._curve),
            unmatched=tuple(self._unmatched),
        )
