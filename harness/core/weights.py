"""Seeded, non-trivial weights: what makes a dropped bias or a stale statistic visible.

The roles and ranges follow what mutation studies of conversion bugs need: random biases, running
means away from 0 and running variances away from 1, norm scales away from 1, one low-variance
channel so that a wrong epsilon shows.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import numpy as np

from harness.core.value import value


def fill(name: str, shape: tuple[int, ...], seed: int, role: str = "") -> Any:
    """Return float64 values for the parameter or buffer ``name``, a pure function of the arguments.

    ``role``: weight, bias, scale, mean, variance, embedding; guessed from the name and rank when
    empty. Weights are Gaussian with standard deviation ``1/sqrt(fan_in)``, fan-in being the size
    over the smaller of the first and last axis: an upper bound, since layouts differ between
    frameworks, so activations never blow up with depth.
    """
    key = hashlib.sha256(f"{seed}/{name}/{shape}".encode()).digest()
    rng = np.random.Generator(np.random.Philox(int.from_bytes(key[:16], "little")))
    role = role or guess_role(name, len(shape))
    if role == "variance":
        values = rng.uniform(0.1, 2.0, shape)
        if values.size > 1:
            values.reshape(-1)[0] = 1e-3
        return values
    if role == "mean":
        return rng.normal(0.0, 0.5, shape)
    if role == "scale":
        return rng.uniform(0.5, 1.5, shape)
    if role == "bias":
        return rng.normal(0.0, 0.2, shape)
    if role == "embedding":
        return rng.normal(0.0, 1.0, shape)
    size = float(np.prod(shape)) if shape else 1.0
    fan_in = max(1.0, size / max(1, min(shape[0], shape[-1]) if len(shape) > 1 else 1))
    return rng.normal(0.0, min(1.0, 1.0 / np.sqrt(fan_in)) if len(shape) > 1 else 0.3, shape)


Move = Callable[[str, Any, str], Any]
"""Name, array and dtype of a weight or an input to the float64 array that takes its place, of the same shape."""

EIGHT = {"int8": "all", "int8-dynamic": "factors", "int8-weights": "none"}
"""Types whose weights are in 8 bits, and which tensors inside of a model are as well: all of them, by ranges found beforehand, what
enters a product, or none."""
# How far `jitter` moves a value, in unit round-offs of its type: far enough that what hangs on the last bits shows.
REACH = 8.0
# So many values at a time are moved or rounded: a weight of any size needs no more room than its result.
BLOCK = 1 << 16
# Bits of the significand after the first, by type.
_BITS = {"float16": 10, "bfloat16": 7, "float64": 52}


def jitter(name: str, array: Any, dtype: str, *, seed: int) -> Any:
    """Return ``array`` as float64, each value moved by up to `REACH` unit round-offs of ``dtype``; a pure function of the arguments.

    Stands for the rounding that a value of that type carries (Monte Carlo arithmetic: Parker, 1997; CESTAC: Vignes, 1993). A value
    that needs half of its significand or less (0, 1, 2.5, 3/8) is exact by design and stays: where it sits on a threshold, it is
    meant to.
    """
    array = np.asarray(array)
    key = int.from_bytes(hashlib.sha256(f"{seed}/{name}/{array.shape}".encode()).digest()[:16], "little")
    bits = _BITS.get(dtype, 23)
    # These bits of a float64 are zero where the value needs half of the significand of ``dtype`` or less.
    rest = np.int64((1 << 52 - bits // 2) - 1)

    def move(wide: Any, start: int) -> Any:
        stream = np.random.Philox(key)
        stream.advance(start // 4)  # a step of the counter gives four draws
        draws = 2.0 * np.random.Generator(stream).random(wide.shape) - 1.0
        with np.errstate(invalid="ignore", over="ignore"):
            moved = wide * (1.0 + REACH * 2.0 ** -(bits + 1) * draws)
        return np.where(wide.view(np.int64) & rest, moved, wide)

    return _by_blocks(array, move)


def _by_blocks(array: Any, change: Callable[[Any, int], Any]) -> Any:
    """Return what ``change`` makes of the array as float64, given a block of its elements at a time and the place of the first.

    The threads of this process share the work: as many as libraries were told to use.
    """
    flat = array.reshape(-1)
    made = np.empty(flat.shape, np.float64)

    def one(start: int) -> None:
        made[start : start + BLOCK] = change(flat[start : start + BLOCK].astype(np.float64), start)

    starts = range(0, flat.size, BLOCK)
    threads = min(len(starts) // 8, int((os.environ.get("OMP_NUM_THREADS") or "1").split(",")[0]))
    if threads < 2:
        for start in starts:
            one(start)
    else:
        with ThreadPoolExecutor(threads, thread_name_prefix="parity-weights") as pool:
            for _ in pool.map(one, starts):
                pass
    return made.reshape(array.shape)


def rounded(name: str, array: Any, dtype: str, *, precision: str) -> Any:
    """Return ``array`` as float64, rounded to what ``precision`` holds: float16, bfloat16, tfloat32 or one of `EIGHT`.

    int8 is symmetric with one scale for each slice of the last axis of a matrix and one for any other tensor; vectors stay as they are,
    since biases and scales are kept in 32 bits. ``name`` and ``dtype`` play no part.
    """
    array = np.asarray(array)
    if precision in EIGHT:
        wide = array.astype(np.float64)
        if wide.ndim < 2:
            return wide
        axes = tuple(range(wide.ndim - 1)) if wide.ndim == 2 else None
        top = np.maximum(np.max(wide, axis=axes, keepdims=True), -np.min(wide, axis=axes, keepdims=True)) if wide.size else np.float64(0)
        step = np.where(top > 0, top / 127.0, 1.0)
        wide /= step
        return np.multiply(np.round(wide, out=wide), step, out=wide)
    if precision == "float16":

        def halved(wide: Any, _: int) -> Any:
            with np.errstate(over="ignore"):
                return wide.astype(np.float16)

        return _by_blocks(array, halved)
    bits = {"bfloat16": 7, "tfloat32": 10}[precision]

    def cut(wide: Any, _: int) -> Any:
        fraction, exponent = np.frexp(wide)
        return np.ldexp(np.round(np.ldexp(fraction, bits + 1)), exponent - bits - 1)

    return _by_blocks(array, cut)


def in_eight_bits(array: Any, among: int = 0) -> Any:
    """Return float64 numbers rounded to 256 even steps from the smallest to the largest of them, zero among the steps.

    ``among``: the range is that of as many samples more, which is wider: the largest of n Gaussian numbers is near sqrt(2 ln n).

    So are activations held (Jacob et al., Quantization and Training of Neural Networks, 2018, section 2.1). What is no finite number, or
    beyond any (the -1e38 of a mask), takes no part and stays.
    """
    wide = np.asarray(array, np.float64)
    counts = np.abs(wide) < 1e30
    low, high = (min(0.0, float(np.min(wide, initial=0.0, where=counts))), max(0.0, float(np.max(wide, initial=0.0, where=counts))))
    if low == high:
        return wide
    step = (high - low) / 255.0 * float(np.sqrt(np.log1p((1 + among) * wide.size) / np.log1p(wide.size)))
    zero = np.round(-low / step)
    with np.errstate(invalid="ignore"):
        held = (np.clip(np.round(wide / step) + zero, 0.0, 255.0) - zero) * step
    return np.where(counts, held, wide)


@value
class Inner:
    """What becomes of tensors inside of a model: those of ``which`` (a word of `EIGHT`) are rounded as `in_eight_bits` does.

    ``among`` makes another draw of the same rounding: the range is that of so many samples more.
    """

    which: str
    among: int = 0

    @property
    def everywhere(self) -> bool:
        """Whether all are rounded."""
        return self.which == "all"

    @property
    def factors(self) -> bool:
        """Whether those are rounded that a product reads, and no others."""
        return self.which == "factors"

    def __call__(self, array: Any) -> Any:
        """Return the array rounded."""
        return in_eight_bits(array, self.among)


def inner_of(precision: str) -> Inner | None:
    """Return what a target that computes in ``precision`` makes of tensors inside of a model; None where rounding weights says enough."""
    return Inner(which=EIGHT[precision]) if precision in EIGHT else None


def guess_role(name: str, rank: int) -> str:
    """Return the role that a parameter's name and rank suggest."""
    low = name.lower()
    last = low.rsplit("/", 1)[-1].rsplit(".", 1)[-1]
    if "var" in last:
        return "variance"
    if "mean" in last:
        return "mean"
    if "embed" in low and rank == 2:
        return "embedding"
    if "bias" in last or last in ("beta", "b_0", "b"):
        return "bias"
    if last in ("gamma", "scale") or (rank == 1 and ("weight" in last or "w_0" in last)):
        return "scale"
    return "weight"
