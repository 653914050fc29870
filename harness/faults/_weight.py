"""A named weight with its place in a model, and a fault of it."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from harness.core.value import value


@value
class Weight:
    """A tensor and its place in a model.

    ``role``: linear, conv, bias, scale, mean, variance, embedding, positions, rnn, rnn-bias or "" for anything else.
    ``out``: the axis of output channels. ``gates``: for recurrent tensors the gates in order along ``gate_axis``.
    ``recurrent``: the part of a recurrent bias, along that axis, that belongs to the recurrent product.
    ``partners``: role to name of tensors of the same layer (mean, variance, scale, bias; for a convolution those of the
    normalisation behind it). ``node`` and ``layer`` say where it is used.
    """

    name: str
    array: Any
    role: str = ""
    out: int = 0
    gates: tuple[str, ...] = ()
    gate_axis: int = 0
    recurrent: tuple[int, int] = (0, 0)
    partners: Mapping[str, str] | None = None
    eps: float = 1e-5
    node: str = ""
    layer: str = ""

    def partner(self, role: str) -> str:
        """Return the name of another tensor of the layer, "" for none."""
        return (self.partners or {}).get(role, "")


Set = Mapping[str, Weight]
Change = Callable[[Set, Weight, Any], Mapping[str, Any]]


@value
class Fault:
    """One way to break a weight: ``fits(weight)`` says whether it applies, ``change`` returns the changed tensors by name."""

    name: str
    tells: str
    needs: str
    fits: Callable[[Weight], bool]
    change: Change
