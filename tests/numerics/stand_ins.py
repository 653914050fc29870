"""Small functions in two forms each, as a source and as what a conversion made of it, and how far apart they are held to be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.core.weights import REACH, jitter
from harness.numerics.meaning import meaningful
from harness.numerics.metrics import distance
from harness.numerics.oracle import Yardstick, judge

Function = Callable[[Any], Any]
_erf = np.vectorize(math.erf, otypes=[np.float64])


def erf(x: Any) -> Any:
    """Return the error function in the type of ``x``."""
    return _erf(x.astype(np.float64)).astype(x.dtype)


def layer_norm(epsilon: float) -> Function:
    def function(x: Any) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + x.dtype.type(epsilon))

    return function


def layer_norm_one_pass(x: Any) -> Any:
    """Return a layer norm whose variance is a difference of squares."""
    mean = x.mean(-1, keepdims=True)
    variance = np.square(x).mean(-1, keepdims=True) - np.square(mean)
    return (x - mean) / np.sqrt(np.maximum(variance, 0) + x.dtype.type(1e-5))


def layer_norm_sequential(x: Any) -> Any:
    """Return the very layer norm of `layer_norm`, its sums taken one by one."""
    n = x.dtype.type(x.shape[-1])
    centred = x - in_order(x) / n
    return centred / np.sqrt(in_order(np.square(centred)) / n + x.dtype.type(1e-5))


def in_order(x: Any) -> Any:
    """Return the sum over the last axis, from its first element to its last."""
    return np.cumsum(x, -1, dtype=x.dtype)[..., -1:]


def gelu_erf(x: Any) -> Any:
    return x * (1 + erf(x / x.dtype.type(math.sqrt(2)))) / 2


def gelu_tanh(x: Any) -> Any:
    return x * (1 + np.tanh(x.dtype.type(math.sqrt(2 / math.pi)) * (x + x.dtype.type(0.044715) * x * x * x))) / 2


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def hard_sigmoid(x: Any) -> Any:
    return np.clip(x / 6 + x.dtype.type(0.5), 0, 1)


def softmax(x: Any) -> Any:
    raised = np.exp(x - x.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def softmax_bare(x: Any) -> Any:
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def softmax_in_order(x: Any) -> Any:
    raised = np.exp(x - x.max(-1, keepdims=True))
    return raised / in_order(raised)


def log_sum_exp(x: Any) -> Any:
    top = x.max(-1, keepdims=True)
    return top + np.log(np.exp(x - top).sum(-1, keepdims=True))


def log_sum_exp_in_order(x: Any) -> Any:
    top = x.max(-1, keepdims=True)
    return top + np.log(in_order(np.exp(x - top)))


WEIGHT = np.random.default_rng(5).normal(size=(64, 8)).astype(np.float32)


def dense(x: Any) -> Any:
    return x @ WEIGHT.astype(x.dtype)


def dense_in_order(x: Any) -> Any:
    """Return the same product, each sum taken from its last term to its first."""
    terms = x[..., ::-1, None] * WEIGHT.astype(x.dtype)[::-1]
    return np.cumsum(terms, -2, dtype=x.dtype)[..., -1, :]


def moved_by(x: Any, seed: int) -> Any:
    """Return ``x`` in float64, every value moved by up to `REACH` unit round-offs, numbers of few bits too."""
    return x.astype(np.float64) * (1 + REACH * 2.0**-24 * np.random.default_rng(seed).uniform(-1, 1, x.shape))


def score_of(source: Function, target: Function, *, nudges: int = 0) -> Callable[[Mapping[str, Any]], float]:
    """Return how far ``target`` is from ``source``, over the oracle bound of the judge, as a harness that runs both would tell it.

    The float64 source runs with moved inputs, to see how much it hangs on their last bits: twice as the harness moves
    them, and ``nudges`` times with every value moved. Elements where the source means nothing are left out; another
    pattern of NaN or infinity is infinitely far.
    """

    def score(feeds: Mapping[str, Any]) -> float:
        x = feeds["x"]
        with np.errstate(all="ignore"):
            reference, oracle, actual = source(x), source(x.astype(np.float64)), target(x)
            moved = [jitter("x", x, "float32", seed=seed) for seed in (1, 2)] + [moved_by(x, seed) for seed in range(nudges)]
            spread = np.max([distance(source(inputs), oracle) for inputs in moved], axis=0) / REACH
        counts = meaningful(reference, oracle, spread).mask
        for test in (np.isnan, np.isposinf, np.isneginf):
            if (test(actual) != test(reference))[counts].any():
                return math.inf
        stick = Yardstick(reference=reference, oracle=oracle, spread=spread, terms=max(x.size / oracle.size, 1.0))
        with np.errstate(all="ignore"):  # a twin in float64 reaches numbers whose squares overflow
            return judge(np.where(counts, actual, reference), stick).ratio

    return score


def ordinary_check(source: Function, target: Function, x: Any) -> float:
    """Return the share of elements within rtol 1e-3 and atol 1e-5: what a plain allclose looks at."""
    with np.errstate(all="ignore"):
        return float(np.isclose(target(x), source(x), rtol=1e-3, atol=1e-5, equal_nan=True).mean())


PLANTED: dict[str, tuple[Function, Function]] = {
    "layer norm eps 1e-5 as 1e-6": (layer_norm(1e-5), layer_norm(1e-6)),
    "layer norm eps 1e-5 as 1e-12": (layer_norm(1e-5), layer_norm(1e-12)),
    "layer norm variance in one pass": (layer_norm(1e-5), layer_norm_one_pass),
    "gelu erf as tanh": (gelu_erf, gelu_tanh),
    "relu6 as relu": (lambda x: np.clip(x, 0, 6), lambda x: np.maximum(x, 0)),
    "hardswish as swish": (lambda x: x * hard_sigmoid(x), lambda x: x * sigmoid(x)),
    "sigmoid as hard sigmoid": (sigmoid, hard_sigmoid),
    "sigmoid by tanh, its tail lost": (sigmoid, lambda x: (1 + np.tanh(x / 2)) / 2),
    "exp clipped at 88": (np.exp, lambda x: np.exp(np.minimum(x, x.dtype.type(88)))),
    "log1p naive": (np.log1p, lambda x: np.log(1 + x)),
    "expm1 naive": (np.expm1, lambda x: np.exp(x) - 1),
    "softmax without its maximum": (softmax, softmax_bare),
    "clip lost its upper bound": (lambda x: np.clip(x, -10, 10), lambda x: np.maximum(x, -10)),
    "leaky slope lost far out": (lambda x: np.where(x < -20, x / 100, x), lambda x: x),
    "round half even as half up": (np.round, lambda x: np.floor(x + x.dtype.type(0.5))),
}
CORRECT: dict[str, tuple[Function, Function]] = {
    "sum": (lambda x: x.sum(-1), lambda x: in_order(x)[..., 0]),
    "mean": (lambda x: x.mean(-1), lambda x: in_order(x)[..., 0] / x.dtype.type(x.shape[-1])),
    "dense": (dense, dense_in_order),
    "softmax": (softmax, softmax_in_order),
    "log sum exp": (log_sum_exp, log_sum_exp_in_order),
    "layer norm": (layer_norm(1e-5), layer_norm_sequential),
    "sigmoid": (sigmoid, lambda x: np.where(x < 0, np.exp(x) / (1 + np.exp(x)), 1 / (1 + np.exp(-x)))),
}
