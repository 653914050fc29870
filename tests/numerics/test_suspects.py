"""Known quirks, each planted in a layer of NumPy: the right one is named, none is named for noise or for another fault."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.numerics import formulas
from harness.numerics.suspects import settings, suspects_of

RNG = np.random.default_rng(3)
X = RNG.normal(size=(4, 6))
SQUARE, BIAS = RNG.normal(size=(6, 6)), RNG.normal(size=6)
IMAGE = RNG.normal(size=(2, 3, 7, 7))
KERNEL = RNG.normal(size=(4, 3, 3, 3))
SMALL = 0.01 * X
MEAN, VAR, GAMMA, BETA = RNG.normal(size=3), RNG.uniform(0.5, 2, 3), RNG.uniform(0.5, 2, 3), RNG.normal(size=3)
WIH, WHH, BIH, BHH = RNG.normal(size=(20, 6)), RNG.normal(size=(20, 5)), RNG.normal(size=20), RNG.normal(size=20)
TIMES = RNG.normal(size=(7, 2, 6))


def layer_norm(x: Any, eps: float, ddof: int = 0, outside: bool = False) -> Any:
    middle, spread = x.mean(-1, keepdims=True), x.var(-1, keepdims=True, ddof=ddof)
    return (x - middle) / (np.sqrt(spread) + eps if outside else np.sqrt(spread + eps))


def batch_norm(mean: Any, var: Any, eps: float) -> Any:
    by = [np.reshape(v, (1, 3, 1, 1)) for v in (mean, var, GAMMA, BETA)]
    return (IMAGE - by[0]) / np.sqrt(by[1] + eps) * by[2] + by[3]


def lstm(order: tuple[int, ...]) -> Any:
    return formulas.lstm(TIMES, (WIH, WHH, BIH, BHH), order)


def gru(order: tuple[int, ...], after: bool) -> Any:
    return formulas.gru(TIMES, (WIH[:15], WHH[:15], BIH[:15], BHH[:15]), order, after)


def conv(pads: list[tuple[int, int]]) -> Any:
    return formulas.convolve(IMAGE, KERNEL, (2, 2), pads, 1)


def pooled(kind: str, name: str) -> Any:
    pools = formulas.average_pools if kind == "a" else formulas.max_pools
    return dict(pools(IMAGE, (2, 2), (2, 2), (1, 1)))[name]


def resized(name: str) -> Any:
    return dict(formulas.resizes(IMAGE, (10, 10)))[name]


NORMS = {"running_mean": MEAN, "running_var": VAR, "weight": GAMMA, "bias": BETA}
LSTM = {"weight_ih_l0": WIH, "weight_hh_l0": WHH, "bias_ih_l0": BIH, "bias_hh_l0": BHH}
GRU = {name: value[:15] for name, value in LSTM.items()}
SAME = [(1, 1), (1, 1)]
# type, configuration, weights, input, what the source gives, what the target gives, the suspect
QUIRKS: list[tuple[str, str, dict[str, Any], Any, Any, Any, str]] = [
    ("Linear", "", {"weight": SQUARE, "bias": BIAS}, X, X @ SQUARE.T + BIAS, X @ SQUARE + BIAS, "transposed weight"),
    ("Dense", "", {"kernel": SQUARE, "bias": BIAS}, X, X @ SQUARE + BIAS, X @ SQUARE, "missing bias"),
    ("LayerNorm", "eps=1e-05", {}, SMALL, layer_norm(SMALL, 1e-5), layer_norm(SMALL, 1e-3), "epsilon"),
    ("LayerNorm", "eps=1e-05", {}, X, layer_norm(X, 1e-5), layer_norm(X, 1e-12), "epsilon"),
    ("LayerNorm", "eps=1e-05", {}, SMALL, layer_norm(SMALL, 1e-5), layer_norm(SMALL, 1e-5, outside=True), "epsilon outside"),
    ("LayerNorm", "eps=1e-05", {}, X, layer_norm(X, 1e-5), layer_norm(X, 1e-5, ddof=1), "unbiased variance"),
    ("BatchNorm2d", "eps=1e-05", NORMS, IMAGE, batch_norm(MEAN, VAR, 1e-5), batch_norm(MEAN, VAR, 1e-3), "epsilon"),
    ("BatchNorm2d", "eps=1e-05", NORMS, IMAGE, batch_norm(MEAN, VAR, 1e-5), batch_norm(0 * MEAN, 1 + 0 * VAR, 1e-5), "stale statistics"),
    ("GELU", "", {}, X, *[v for _, v in formulas.gelus(X)][:2], "gelu form"),
    ("ReLU6", "", {}, 9 * X, np.clip(9 * X, 0, 6), np.maximum(9 * X, 0), "relu"),
    ("LeakyReLU", "negative_slope=0.01", {}, X, np.where(X < 0, 0.01 * X, X), np.where(X < 0, 0.3 * X, X), "slope"),
    ("Softmax", "dim=-1", {}, X, formulas.softmax(X, -1), formulas.softmax(X, 0), "softmax axis"),
    ("Softmax", "dim=-1", {}, X, formulas.softmax(X, -1), X, "missing softmax"),
    ("Conv2d", "stride=(2, 2), padding=(1, 1)", {"weight": KERNEL}, IMAGE, conv(SAME), conv([(0, 2), (0, 2)]), "padding side"),
    ("Conv2d", "stride=(2, 2), padding=(1, 1)", {"weight": KERNEL}, IMAGE, conv(SAME),
     formulas.convolve(IMAGE, np.swapaxes(KERNEL, 2, 3), (2, 2), SAME, 1), "kernel turned"),
    ("AvgPool2d", "kernel_size=2, stride=2, padding=1", {}, IMAGE,
     pooled("a", "padding counted"), pooled("a", "padding not counted"), "pooling"),
    ("Upsample", "mode=bilinear", {}, IMAGE, resized("bilinear, half_pixel"), resized("bilinear, align_corners"), "resize coordinates"),
    ("Upsample", "mode=nearest", {}, IMAGE,
     resized("nearest, asymmetric, floor"), resized("nearest, half_pixel, round half down"), "resize coordinates"),
    ("LSTM", "", LSTM, TIMES, lstm((0, 1, 2, 3)), lstm((0, 2, 1, 3)), "gate order"),
    ("GRU", "", GRU, TIMES, gru((0, 1, 2), True), gru((1, 0, 2), True), "gate order"),
    ("GRU", "", GRU, TIMES, gru((0, 1, 2), True), gru((0, 1, 2), False), "gate order"),
    ("Conv2d", "", {}, IMAGE, IMAGE, np.ascontiguousarray(IMAGE.transpose(0, 1, 3, 2)), "layout"),
    ("Anything", "", {}, X, X, X / np.sqrt(6), "factor"),
    ("Anything", "", {}, X, np.tanh(X), np.tanh(X).astype(np.float16), "float16"),
]  # fmt: skip


@pytest.mark.parametrize("quirk", QUIRKS, ids=[f"{kind}: {name}" for kind, *_, name in QUIRKS])
def test_a_quirk_is_named(quirk: Any) -> None:
    kind, config, weights, given, source, target, name = quirk
    arrays = [np.asarray(array, np.float32) for array in (source, target)]
    found = suspects_of(kind, config, weights, [given], *arrays)
    assert name in [item["name"] for item in found], found
    best = found[0]
    assert best["before"] > 100 * best["after"] or best["after"] < 1e-5
    assert best["sentence"]


@pytest.mark.parametrize("quirk", QUIRKS, ids=[f"{kind}: {name}" for kind, *_, name in QUIRKS])
def test_noise_has_no_explanation(quirk: Any) -> None:
    kind, config, weights, given, source, _, _ = quirk
    noise = RNG.normal(size=np.shape(source))
    assert suspects_of(kind, config, weights, [given], source, source + 0.1 * noise) == []


def test_attention_scale_and_mask() -> None:
    heads, width, length = 2, 6, 5
    packed, bias, out = RNG.normal(size=(18, 6)), RNG.normal(size=18), RNG.normal(size=(6, 6))
    weights = {"in_proj_weight": packed, "in_proj_bias": bias, "out_proj.weight": out, "out_proj.bias": BIAS}
    x = RNG.normal(size=(2, length, width))
    padding = np.array([[False, False, True, True, False], [False, True, False, False, False]])
    parts = [(x @ w.T + b).reshape(2, length, heads, -1).swapaxes(1, 2) for w, b in zip(np.split(packed, 3), np.split(bias, 3))]

    def made(scale: float, seen: Any) -> Any:
        return formulas.attention(*parts, seen, scale).swapaxes(1, 2).reshape(x.shape) @ out.T + BIAS

    mask = ~padding[:, None, None]
    config = "num_heads=2, batch_first=True"
    found = suspects_of("MultiheadAttention", config, weights, [x, x, x, padding], made(3**-0.5, mask), made(1.0, mask))
    assert [item["name"] for item in found][:1] == ["attention scale"]
    found = suspects_of("MultiheadAttention", config, weights, [x, x, x, padding], made(3**-0.5, mask), made(3**-0.5, ~mask))
    assert [item["name"] for item in found][:1] == ["attention mask"]


def test_settings_are_read_back() -> None:
    assert settings("eps=1e-05, stride=(2, 2), mode=nearest, pads=[0, 1], bias=False") == {
        "eps": 1e-5, "stride": (2, 2), "mode": "nearest", "pads": [0, 1], "bias": False,
    }  # fmt: skip
