"""What ATC makes of a model's inputs and outputs: their types, and the axes whose length is open."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

from harness.ascend.finding import DOUBT, NOTE, SHOWN, Finding
from harness.ascend.model import Model
from harness.ascend.words import family

_WIDE = {7: "int64", 11: "float64", 13: "uint64"}


def ports(model: Model, soc: str, shaped_by_data: Sequence[str]) -> Iterator[Finding]:
    """Yield what is to be said of inputs and outputs. ``shaped_by_data``: nodes whose output's shape depends on values."""
    yield from _types(model)
    yield from _open_axes(model, soc, shaped_by_data)
    yield from _outputs(model)


def _types(model: Model) -> Iterator[Finding]:
    for number, dtype in _WIDE.items():
        names = tuple(info.name for info in model.inputs if info.type.tensor_type.elem_type == number)
        if not names:
            continue
        what = f"{dtype} input: the runtime checks bytes, not types, so {dtype[:-2]}32 data is read as something else"
        repair = f"feed {dtype}, C-contiguous"
        if dtype == "float64":
            what = "float64 input: AI Core has no float64, so what depends on it runs on the AI CPU, or not at all"
            repair = "export the model in float32"
        elif dtype == "int64":
            repair += "; or export with int32 inputs: 64-bit integers go to the AI CPU"
        severity = DOUBT if dtype == "float64" else NOTE
        yield Finding(kind="input", severity=severity, what=what, repair=repair, where=names[:SHOWN], count=len(names))


def _open_axes(model: Model, soc: str, shaped_by_data: Sequence[str]) -> Iterator[Finding]:
    shapes = {info.name: model.dims(info.name) for info in model.inputs}
    unknown = tuple(name for name, dims in shapes.items() if dims is None)
    if unknown:
        what = "input of unknown rank: --input_shape must give its whole shape"
        yield Finding(kind="dynamic", severity=NOTE, what=what, repair="export with a shape", where=unknown[:SHOWN], count=len(unknown))
    axes = [f"{name}.{place}" for name, dims in shapes.items() for place, length in enumerate(dims or ()) if not isinstance(length, int)]
    if axes:
        repair = "--input_shape with numbers, or with -1 and profiles" + ("" if family(soc) == "310B" else ", or with LOW~HIGH")
        what = "axis of open length: without --input_shape ATC ends with an error"
        yield Finding(kind="dynamic", severity=NOTE, what=what, repair=repair, where=tuple(axes[:SHOWN]), count=len(axes))
    if axes and shaped_by_data:
        what = "the shape of what this node gives depends on values, which profiles do not allow"
        repair = "numbers or LOW~HIGH in --input_shape, or cut the model before it"
        names = tuple(shaped_by_data[:SHOWN])
        yield Finding(kind="dynamic", severity=DOUBT, what=what, repair=repair, where=names, count=len(shaped_by_data))


def _outputs(model: Model) -> Iterator[Finding]:
    """Outputs with a length that no input's length tells: whoever runs the model must bring a buffer that is large enough."""
    told = {length for info in model.inputs for length in model.dims(info.name) or () if isinstance(length, str)}
    for what, names in _kinds(model.proto.graph.output, told, model).items():
        repair = "a size from the largest profile, or outputSize (ais_bench); pad to a fixed length where that is possible"
        yield Finding(kind="output", severity=NOTE, what=what, repair=repair, where=tuple(names[:SHOWN]), count=len(names))


def _kinds(outputs: Sequence[Any], told: set[str], model: Model) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for info in outputs:
        dims = model.dims(info.name)
        if dims is None:
            found.setdefault("output of unknown rank: its size is known only after the run", []).append(info.name)
        elif any(not isinstance(length, int) and length not in told for length in dims):
            what = "output with a length that no input's length tells: its size is known only after the run"
            found.setdefault(what, []).append(info.name)
    return found
