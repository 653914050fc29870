"""Suspects of recurrent and attention layers: gates, biases, scale and mask."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from harness.numerics import formulas

Said = Mapping[str, Any]


def recurrent(word: str, said: Said, weights: Said, fed: list[Any], want: Any, got: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield LSTM and GRU with gates in every order, the reset gate on either side, biases missing or twice."""
    gates = 4 if "lstm" in word else 3
    onnx = "1" in weights
    w, r = (weights[name][0] if onnx else weights[name] for name in (("1", "2") if onnx else ("weight_ih_l0", "weight_hh_l0")))
    zero = np.zeros(len(w))
    both = np.split(weights["3"][0], 2) if "3" in weights else [weights.get("bias_ih_l0", zero), weights.get("bias_hh_l0", zero)]
    x = np.swapaxes(fed[0], 0, 1) if said.get("batch_first") or said.get("time_major") is False else fed[0]
    biases = {
        "": both,
        "the recurrent bias is missing": [both[0], zero],
        "the bias is missing": [zero, zero],
        "the bias is added twice": [2 * both[0], 2 * both[1]],
    }
    names = ("i", "f", "g", "o") if gates == 4 else ("r", "z", "n")
    for order, after, (said_of, (b, rb)) in itertools.product(itertools.permutations(range(gates)), (True, False), biases.items()):
        if gates == 4 and not after:
            continue
        states = formulas.lstm(x, (w, r, b, rb), order) if gates == 4 else formulas.gru(x, (w, r, b, rb), order, after)
        shown = ", ".join(names[order.index(place)] for place in range(gates))
        words = said_of or f"the gates lie in the order {shown}" + (
            "" if gates == 4 else f", reset {'after' if after else 'before'} the product"
        )
        name = "recurrent bias" if said_of else "gate order"
        for turned in (states, np.swapaxes(states, 0, 1), states[:, None]):
            yield name, words, turned.reshape(got.shape) if turned.size == got.size else turned


def attention(word: str, said: Said, weights: Said, fed: list[Any], want: Any, got: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield multi-head attention with another scale, and with the mask inverted or ignored."""
    packed, heads = weights["in_proj_weight"], int(said["num_heads"])
    first = bool(said.get("batch_first"))
    width = packed.shape[1]
    bias = weights.get("in_proj_bias", np.zeros(3 * width))
    given = (
        [array if first else np.swapaxes(array, 0, 1) for array in (fed * 3)[:3]]
        if len(fed) < 3
        else [a if first else np.swapaxes(a, 0, 1) for a in fed[:3]]
    )
    q, k, v = (
        (array @ w.T + b).reshape(*array.shape[:2], heads, -1).swapaxes(1, 2)
        for array, w, b in zip(given, np.split(packed, 3), np.split(bias, 3), strict=True)
    )
    size = width // heads
    masks = {"": None, **({"the mask is inverted": fed[3][:, None, None] != 0, "the mask is ignored": None} if len(fed) > 3 else {})}
    mask = fed[3][:, None, None] == 0 if len(fed) > 3 else None
    for scale, words in (
        (1.0, "missing"),
        (1 / size, "1/d instead of 1/sqrt(d)"),
        (width**-0.5, "that of all heads together"),
        (size**-0.5, ""),
    ):
        for said_of, other in masks.items():
            if not words and not said_of:
                continue
            mixed = formulas.attention(q, k, v, other if said_of else mask, scale).swapaxes(1, 2).reshape(given[0].shape)
            out = mixed @ weights["out_proj.weight"].T + weights.get("out_proj.bias", 0.0)
            sentence = said_of if said_of else f"the attention scale is {words}"
            yield "attention mask" if said_of else "attention scale", sentence, out if first else np.swapaxes(out, 0, 1)
