"""Elementwise arithmetic: negative operands, halves, both ends of a domain, operands that broadcast."""

from __future__ import annotations

from _unit_build import BATCH, LENGTH, f32, i64, jax_fn, keras_fn, onnx_graph, paddle_fn, same, torch_fn, unit

from harness import Tolerance, integers, normal, uniform

X = f32("x", BATCH, LENGTH, 7, domain=normal(2.0))
ROW = f32("y", 7)
COLUMN = f32("y", BATCH, 1, 7, domain=normal(2.0))
POSITIVE = f32("x", BATCH, LENGTH, 7, domain=uniform(0.05, 9.0))
UNIT = f32("x", BATCH, LENGTH, 7, domain=uniform(-0.99, 0.99))
TINY = f32("x", BATCH, LENGTH, 7, domain=normal(1e-4))  # 1 + x has lost most of x: the naive form is wrong here
WHOLE = i64("x", BATCH, LENGTH, domain=integers(-9, 9))
DIVISOR = i64("y", BATCH, 1, domain=integers(2, 5))
HALVES = f32("x", BATCH, LENGTH, domain=integers(-9, 9))


def unary(name, spec, fn, onnx="", **more):
    """Return a case of one function that is spelt alike everywhere but in ``more``."""
    if onnx:
        more["onnx"] = onnx_graph(f"y = {onnx}(x)")
    return unit(name, name, spec, **{**same(fn), **more})


CASES = [
    unary("abs", X, lambda f, x: f.abs(x), "Abs"),
    unary("exp", X, lambda f, x: f.exp(x), "Exp"),
    unary("log", POSITIVE, lambda f, x: f.log(x), "Log"),
    unary("log1p-tiny", TINY, lambda f, x: f.log1p(x)),
    unary("expm1-tiny", TINY, lambda f, x: f.expm1(x)),
    unary("log2", POSITIVE, lambda f, x: f.log2(x)),
    unary("sqrt", POSITIVE, lambda f, x: f.sqrt(x), "Sqrt"),
    unary("rsqrt", POSITIVE, lambda f, x: f.rsqrt(x), jax=jax_fn(lambda jax, x: jax.lax.rsqrt(x))),
    unary("reciprocal", POSITIVE, lambda f, x: f.reciprocal(x), "Reciprocal"),
    unary("sin", X, lambda f, x: f.sin(x), "Sin"),
    unary("cos", X, lambda f, x: f.cos(x), "Cos"),
    unary("tan", UNIT, lambda f, x: f.tan(x), "Tan"),
    unary("sinh", X, lambda f, x: f.sinh(x), "Sinh"),
    unary("cosh", X, lambda f, x: f.cosh(x), "Cosh"),
    unit(
        "asin", "asin", UNIT, onnx=onnx_graph("y = Asin(x)"),
        torch=torch_fn(lambda torch, x: torch.asin(x)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.arcsin(x)),
        paddle=paddle_fn(lambda paddle, x: paddle.asin(x)),
        jax=jax_fn(lambda jax, x: jax.numpy.arcsin(x)),
    ),
    unit(
        "atanh", "atanh", UNIT, onnx=onnx_graph("y = Atanh(x)"),
        torch=torch_fn(lambda torch, x: torch.atanh(x)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.arctanh(x)),
        paddle=paddle_fn(lambda paddle, x: paddle.atanh(x)),
        jax=jax_fn(lambda jax, x: jax.numpy.arctanh(x)),
    ),
    unit(
        "atan2-all-quadrants", "atan2", X, COLUMN,
        torch=torch_fn(lambda torch, x, y: torch.atan2(x, y)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.arctan2(x, y)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.atan2(x, y)),
        jax=jax_fn(lambda jax, x, y: jax.numpy.arctan2(x, y)),
    ),
    unary("erf", X, lambda f, x: f.erf(x), "Erf", jax=jax_fn(lambda jax, x: jax.lax.erf(x))),
    unary("sign", X, lambda f, x: f.sign(x), "Sign"),
    unary("floor", X, lambda f, x: f.floor(x), "Floor"),
    unary("ceil", X, lambda f, x: f.ceil(x), "Ceil"),
    unary("trunc", X, lambda f, x: f.trunc(x)),
    unit(  # exact halves go to the even neighbour
        "round-halves", "round", HALVES,
        torch=torch_fn(lambda torch, x: torch.round(x / 2)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.round(x / 2.0)),
        paddle=paddle_fn(lambda paddle, x: paddle.round(x / 2.0)),
        onnx=onnx_graph("h = Div(x, two)", "y = Round(h)", two=2.0),
        jax=jax_fn(lambda jax, x: jax.numpy.round(x / 2.0)),
    ),
    unit(
        "add-sub-broadcast", "add", X, COLUMN, f32("z", LENGTH, 1),
        **same(lambda f, x, y, z: f.subtract(f.add(x, y), z)),
        onnx=onnx_graph("a = Add(x, y)", "out = Sub(a, z)", outputs=["out"]),
    ),
    unit(
        "mul-scalar-and-row", "multiply", X, ROW, **same(lambda f, x, y: f.multiply(x, y) * -1.7 + 0.3),
        onnx=onnx_graph("m = Mul(x, y)", "s = Mul(m, a)", "out = Add(s, b)", a=-1.7, b=0.3, outputs=["out"]),
    ),
    unit(
        "div-by-row", "divide", X, f32("y", 7, domain=uniform(0.3, 2.0)), **same(lambda f, x, y: f.divide(x, y) + 2.0 / y),
        onnx=onnx_graph("d = Div(x, y)", "r = Div(two, y)", "out = Add(d, r)", two=2.0, outputs=["out"]),
    ),
    unit(
        "pow-tensor-exponent", "pow", POSITIVE, f32("y", 7, domain=uniform(-2.0, 2.5)),
        torch=torch_fn(lambda torch, x, y: torch.pow(x, y)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.power(x, y)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.pow(x, y)),
        onnx=onnx_graph("out = Pow(x, y)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: jax.numpy.power(x, y)),
    ),
    unit("pow-negative-base-cube", "pow", X, **same(lambda f, x: x**3 - x**2)),
    unit(  # negative numerators: floor and truncation part ways
        "floor-divide-integers", "floor_divide", WHOLE, DIVISOR, **same(lambda f, x, y: f.floor_divide(x, y)),
    ),
    unit(
        "divide-truncating-integers", "div_trunc", WHOLE, DIVISOR,
        torch=torch_fn(lambda torch, x, y: torch.div(x, y, rounding_mode="trunc")),
        paddle=paddle_fn(lambda paddle, x, y: paddle.sign(x) * (paddle.abs(x) // y)),
        onnx=onnx_graph("out = Div(x, y)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: jax.lax.div(x, jax.numpy.broadcast_to(y, x.shape))),
    ),
    unit(
        "remainder-integers", "remainder", WHOLE, DIVISOR,
        torch=torch_fn(lambda torch, x, y: torch.remainder(x, y)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.mod(x, y)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.remainder(x, y)),
        onnx=onnx_graph("out = Mod(x, y)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: jax.numpy.remainder(x, y)),
    ),
    unit(
        "fmod-keeps-sign", "fmod", X, f32("y", 7, domain=uniform(0.3, 1.3)),
        torch=torch_fn(lambda torch, x, y: torch.fmod(x, y)),
        paddle=paddle_fn(lambda paddle, x, y: x - paddle.trunc(x / y) * y),
        onnx=onnx_graph("out = Mod<fmod = 1>(x, y)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: jax.numpy.fmod(x, y)),
    ),
    unit("minimum-maximum", "minimum", X, ROW, **same(lambda f, x, y: (f.minimum(x, y), f.maximum(x, y))),
         onnx=onnx_graph("a = Min(x, y)", "b = Max(x, y)", outputs=["a", "b"])),
    unit(
        "clip-one-side", "clip", X,
        torch=torch_fn(lambda torch, x: torch.clamp(x, max=0.7)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.minimum(x, 0.7)),
        paddle=paddle_fn(lambda paddle, x: paddle.clip(x, max=0.7)),
        onnx=onnx_graph('y = Clip(x, , high)', high=0.7),
        jax=jax_fn(lambda jax, x: jax.numpy.clip(x, max=0.7)),
    ),
    unit(
        "clip-by-tensors", "clip_tensor", X, f32("y", 7, domain=uniform(-2.0, -0.5)), f32("z", 7, domain=uniform(0.5, 2.0)),
        torch=torch_fn(lambda torch, x, y, z: torch.clamp(x, y, z)),
        tensorflow=keras_fn(lambda keras, x, y, z: keras.ops.minimum(keras.ops.maximum(x, y), z)),
        paddle=paddle_fn(lambda paddle, x, y, z: paddle.minimum(paddle.maximum(x, y), z)),
        jax=jax_fn(lambda jax, x, y, z: jax.numpy.clip(x, y, z)),
    ),
    unit(
        "lerp", "lerp", X, COLUMN,
        torch=torch_fn(lambda torch, x, y: torch.lerp(x, y, 0.3)),
        tensorflow=keras_fn(lambda keras, x, y: x + 0.3 * (y - x)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.lerp(x, y, 0.3)),
    ),
    unit(
        "addcmul-addcdiv", "addcmul", X, COLUMN, f32("z", 7, domain=uniform(0.5, 2.0)),
        torch=torch_fn(lambda torch, x, y, z: torch.addcdiv(torch.addcmul(x, y, z, value=0.5), y, z, value=-0.7)),
        tensorflow=keras_fn(lambda keras, x, y, z: x + 0.5 * y * z - 0.7 * y / z),
        paddle=paddle_fn(lambda paddle, x, y, z: x + 0.5 * y * z - 0.7 * y / z),
    ),
    unit(
        "logaddexp", "logaddexp", f32("x", BATCH, LENGTH, 7, domain=normal(40.0)), COLUMN,
        torch=torch_fn(lambda torch, x, y: torch.logaddexp(x, y)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.logaddexp(x, y)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.logaddexp(x, y)),
        jax=jax_fn(lambda jax, x, y: jax.numpy.logaddexp(x, y)),
    ),
    unit(
        "real-fft-magnitude", "fft", f32("x", BATCH, 5, 12),
        tolerance=Tolerance(max_rms_rel=5e-6, reason="each coefficient of a transform is as exact as the largest one, however small it is"),
        torch=torch_fn(lambda torch, x: torch.view_as_real(torch.fft.rfft(x))),
        tensorflow=keras_fn(lambda keras, x: list(keras.ops.rfft(x))),
        paddle=paddle_fn(lambda paddle, x: paddle.as_real(paddle.fft.rfft(x))),
    ),
]  # fmt: skip
