"""What ONNX operators are fed in the sweep: tensors by the word that a case is named after."""

from __future__ import annotations

from typing import Any

from _sweep_build import BATCH, HEIGHT, LENGTH, WIDTH, f32, whole

from harness import TensorSpec, integers, normal, uniform

WIDE = normal(4.0)
X = f32("x", BATCH, 6, HEIGHT, WIDTH)
IMAGE = {"dynamic": [X], "fixed": [f32("x", 2, 6, 11, 14)], "equal": [f32("x", 6, 6, 6, 6)]}
LINE = {"dynamic": [f32("x", BATCH, 6, LENGTH)], "fixed": [f32("x", 2, 6, 13)]}
CUBE = {"dynamic": [f32("x", BATCH, 5, LENGTH, 4)], "equal": [f32("x", 4, 4, 4, 4)], "fixed": [f32("x", 2, 3, 5, 4)]}
ROWS = {"dynamic": [f32("x", BATCH, LENGTH, domain=WIDE)], "fixed": [f32("x", 3, 7, domain=WIDE)]}
INTS = {
    "int64": [whole("x", BATCH, LENGTH, domain=integers(-9, 9))],
    "int32": [whole("x", BATCH, LENGTH, domain=integers(-9, 9), dtype="int32")],
}
SEQUENCE = {"dynamic": [f32("x", LENGTH, BATCH, 5)], "fixed": [f32("x", 7, 3, 5)]}
SMALL = integers(-7, 7)


def two(kinds: Any = ("float32", "int64", "int32")) -> dict[str, Any]:
    found = {}
    for kind in kinds:
        domain = WIDE if kind.startswith("float") else None if kind == "bool" else SMALL
        for word, a, b in (("same", (BATCH, LENGTH, 5), (BATCH, LENGTH, 5)), ("broadcast", (BATCH, 1, 5), (LENGTH, 1))):
            found[f"{kind}.{word}"] = [
                TensorSpec(name="x", dtype=kind, shape=a, domain=domain),
                TensorSpec(name="y", dtype=kind, shape=b, domain=domain),
            ]
    return found


def nonzero(kinds: Any = ("int64", "int32")) -> dict[str, Any]:
    """Return dividends of both signs by positive divisors, and by negative ones."""
    found = {}
    for kind in kinds:
        for word, low, high in (("positive", 1, 5), ("negative", -5, -1)):
            found[f"{kind}.{word}"] = [
                whole("x", BATCH, LENGTH, domain=integers(-9, 9), dtype=kind),
                whole("y", BATCH, LENGTH, domain=integers(low, high), dtype=kind),
            ]
    found["float32"] = [f32("x", BATCH, LENGTH, domain=WIDE), f32("y", BATCH, LENGTH, domain=uniform(0.3, 3.0))]
    return found
