"""Comparisons, logic, selection, sorting and search."""

from __future__ import annotations

import numpy as np
from _unit_build import BATCH, LENGTH, f32, flags, i64, jax_fn, keras_fn, onnx_graph, paddle_fn, same, torch_fn, unit

from harness import Dim, Ties, integers

X = f32("x", BATCH, LENGTH, 7)
ROW = f32("y", 7)
WHOLE = i64("x", BATCH, LENGTH, domain=integers(-2, 2))
OTHER = i64("y", BATCH, LENGTH, domain=integers(-2, 2))
LONG = f32("x", BATCH, Dim("length", 5, 32, example=12), 7)

CASES = [
    unit(
        "greater-less-floats", "greater", X, ROW, **same(lambda f, x, y: (x > y, f.less_equal(x, y))),
        onnx=onnx_graph("a = Greater(x, y)", "b = LessOrEqual(x, y)", outputs=["a", "b"]),
    ),
    unit(  # small whole numbers: equality and the boundary of "or equal" do occur
        "equal-integers", "equal", WHOLE, OTHER, **same(lambda f, x, y: (f.not_equal(x, y), f.greater_equal(x, y))),
        onnx=onnx_graph("e = Equal(x, y)", "n = Not(e)", "g = GreaterOrEqual(x, y)", outputs=["n", "g"]),
    ),
    unit(
        "logical-mixed", "logical", flags("x", BATCH, 5, 7), flags("y", BATCH, 1, 7),
        **same(lambda f, x, y: f.logical_xor(f.logical_and(x, y), f.logical_or(f.logical_not(x), y))),
        onnx=onnx_graph("a = And(x, y)", "n = Not(x)", "o = Or(n, y)", "out = Xor(a, o)", outputs=["out"]),
    ),
    unit(
        "bitwise-mixed", "bitwise", WHOLE, OTHER,
        **same(lambda f, x, y: f.bitwise_xor(f.bitwise_and(x, y), f.bitwise_or(x, y))),
        onnx=onnx_graph("a = BitwiseAnd(x, y)", "o = BitwiseOr(x, y)", "out = BitwiseXor(a, o)", outputs=["out"], opset=18),
    ),
    unit(
        "where-broadcast", "where", flags("x", BATCH, LENGTH, 1), ROW, f32("z", BATCH, 1, 7),
        **same(lambda f, x, y, z: f.where(x, y, z)),
        onnx=onnx_graph("out = Where(x, y, z)", outputs=["out"]),
    ),
    unit(
        "isnan-isinf-guarded", "isnan", X,
        torch=torch_fn(lambda torch, x: torch.nan_to_num(torch.log(x), nan=-3.0, posinf=2.0, neginf=-2.0)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.nan_to_num(keras.ops.log(x), nan=-3.0, posinf=2.0, neginf=-2.0)),
        paddle=paddle_fn(lambda paddle, x: paddle.nan_to_num(paddle.log(x), nan=-3.0, posinf=2.0, neginf=-2.0)),
        onnx=onnx_graph("l = Log(x)", "n = IsNaN(l)", "y = Where(n, low, l)", low=-3.0),
        jax=jax_fn(lambda jax, x: jax.numpy.nan_to_num(jax.numpy.log(x), nan=-3.0, posinf=2.0, neginf=-2.0)),
    ),
    unit(
        "topk-smallest-axis1", "topk", LONG, ties={"indices": Ties(scores="values", axis=1)},
        torch=torch_fn(lambda torch, x: torch.topk(x, 3, dim=1, largest=False)),
        paddle=paddle_fn(lambda paddle, x: paddle.topk(x, 3, axis=1, largest=False)),
        onnx=onnx_graph("values, indices = TopK<axis = 1, largest = 0>(x, k)", k=[3], outputs=["values", "indices"]),
        outputs=["values", "indices"],
    ),
    unit(
        "topk-largest", "topk", X, ties={"indices": Ties(scores="values")},
        torch=torch_fn(lambda torch, x: torch.topk(x, 4)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.top_k(x, 4)),
        paddle=paddle_fn(lambda paddle, x: paddle.topk(x, 4)),
        onnx=onnx_graph("values, indices = TopK(x, k)", k=[4], outputs=["values", "indices"]),
        outputs=["values", "indices"],
        jax=jax_fn(lambda jax, x: jax.lax.top_k(x, 4)),
    ),
    unit(
        "sort-descending-axis1", "sort", X,
        torch=torch_fn(lambda torch, x: torch.sort(x, dim=1, descending=True).values),
        tensorflow=keras_fn(lambda keras, x: keras.ops.flip(keras.ops.sort(x, axis=1), axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.sort(x, axis=1, descending=True)),
        jax=jax_fn(lambda jax, x: jax.numpy.sort(x, axis=1, descending=True)),
    ),
    unit(  # ties: only a stable order is defined
        "argsort-stable-ties", "argsort", WHOLE,
        torch=torch_fn(lambda torch, x: torch.argsort(x, dim=1, stable=True)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.argsort(x, axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.argsort(x, axis=1, stable=True)),
        jax=jax_fn(lambda jax, x: jax.numpy.argsort(x, axis=1)),
    ),
    unit(
        "kth-value", "kthvalue", LONG,
        torch=torch_fn(lambda torch, x: torch.kthvalue(x, 2, dim=1).values),
        tensorflow=keras_fn(lambda keras, x: keras.ops.sort(x, axis=1)[:, 1]),
        paddle=paddle_fn(lambda paddle, x: paddle.kthvalue(x, 2, axis=1)[0]),
    ),
    unit(
        "searchsorted-right", "searchsorted", WHOLE,
        torch=torch_fn(lambda torch, x: torch.bucketize(x, torch.tensor([-1, 0, 1]), right=True)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.digitize(keras.ops.cast(x, "float32"), np.array([-1.0, 0.0, 1.0]))),
        paddle=paddle_fn(lambda paddle, x: paddle.bucketize(x, paddle.to_tensor([-1, 0, 1]), right=True)),
    ),
    unit(
        "unique-sorted", "unique", WHOLE,
        torch=torch_fn(lambda torch, x: torch.unique(x, return_counts=True)),
        paddle=paddle_fn(lambda paddle, x: paddle.unique(x, return_counts=True)),
        onnx=onnx_graph("values, , , counts = Unique(x)", outputs=["values", "counts"]),
        outputs=["values", "counts"],
        # From one process to the next paddle2onnx gives the values another type: nothing that can be expected.
        routes=["torch>*", "onnx>*", "paddle>paddle@*", "paddle>paddle.static>paddle.inference@*"],
    ),
]  # fmt: skip
