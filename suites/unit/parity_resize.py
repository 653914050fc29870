"""Resize, padding and sampling: ratios that are no whole numbers, borders, both corner conventions."""

from __future__ import annotations

from _unit_build import (
    BATCH,
    HEIGHT,
    LENGTH,
    WIDTH,
    f32,
    jax_fn,
    keras_fn,
    onnx_graph,
    paddle_fn,
    paddle_layer,
    torch_fn,
    torch_layer,
    unit,
)

from harness import uniform

IMAGE = f32("x", BATCH, 3, HEIGHT, WIDTH)
FIXED = f32("x", BATCH, 2, 5, 7)  # small: the ONNX reference evaluator resizes one element at a time
TOKENS = f32("x", BATCH, LENGTH, 7)
GRID = f32("y", BATCH, 5, 9, 2, domain=uniform(-1.3, 1.3))  # some points lie outside the image


def resize(id, family, mode, onnx=None, tensorflow=None, jax=None, **options):
    """Return a case of ``interpolate``, which torch and Paddle spell alike."""
    more = {name: maker for name, maker in (("onnx", onnx), ("tensorflow", tensorflow), ("jax", jax)) if maker}
    return unit(
        id, family, FIXED, nhwc=True,
        torch=torch_fn(lambda torch, x: torch.nn.functional.interpolate(x, mode=mode, **options)),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.interpolate(x, mode=mode, **options)),
        **more,
    )  # fmt: skip


CASES = [
    resize(
        "resize-nearest-fraction", "resize_nearest", "nearest", size=(8, 11),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Resizing(8, 11, interpolation="nearest")(x)),
        onnx=onnx_graph(
            'y = Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(x, , scales)',
            scales=[1.0, 1.0, 1.5, 1.75],
        ),
    ),
    resize(
        "resize-bilinear-half-pixel", "resize_bilinear", "bilinear", size=(8, 11),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Resizing(8, 11)(x)),
        onnx=onnx_graph('y = Resize<mode = "linear">(x, , scales)', scales=[1.0, 1.0, 1.5, 1.75]),
        jax=jax_fn(lambda jax, x: jax.image.resize(x, (*x.shape[:2], 8, 11), "linear")),
    ),
    resize(
        "resize-bilinear-shrink", "resize_bilinear", "bilinear", size=(3, 4),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Resizing(3, 4)(x)),
        jax=jax_fn(lambda jax, x: jax.image.resize(x, (*x.shape[:2], 3, 4), "linear", antialias=False)),
    ),
    resize(
        "resize-bilinear-align-corners", "resize_align_corners", "bilinear", size=(8, 11), align_corners=True,
        onnx=onnx_graph(
            'y = Resize<mode = "linear", coordinate_transformation_mode = "align_corners">(x, , scales)', scales=[1.0, 1.0, 2.0, 3.0]
        ),
    ),
    resize(
        "resize-bicubic", "resize_bicubic", "bicubic", size=(8, 11), align_corners=False,
        tensorflow=keras_fn(lambda keras, x: keras.layers.Resizing(8, 11, interpolation="bicubic")(x)),
        onnx=onnx_graph('y = Resize<mode = "cubic", cubic_coeff_a = -0.75>(x, , scales)', scales=[1.0, 1.0, 1.5, 1.75]),
    ),
    resize("resize-area-shrink", "resize_area", "area", size=(3, 4)),
    unit(  # the scale that was given, or the ratio of the sizes? they differ here
        "resize-by-scale-factor", "resize_scale", IMAGE,
        torch=torch_fn(lambda torch, x: torch.nn.functional.interpolate(x, scale_factor=(1.7, 1.3), mode="bilinear")),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.interpolate(x, scale_factor=[1.7, 1.3], mode="bilinear")),
    ),
    unit(
        "upsample-bilinear-twice", "upsample", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Upsample(scale_factor=2, mode="bilinear")),
        tensorflow=keras_fn(lambda keras, x: keras.layers.UpSampling2D(2, interpolation="bilinear")(x)),
        paddle=paddle_layer(lambda nn: nn.Upsample(scale_factor=2, mode="bilinear")),
    ),
    unit(
        "upsample-nearest-uneven", "upsample", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Upsample(scale_factor=(2, 3))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.UpSampling2D((2, 3))(x)),
        paddle=paddle_layer(lambda nn: nn.Upsample(scale_factor=[2, 3])),
    ),
    unit(
        "resize-linear-1d", "resize_linear", f32("x", BATCH, 3, 11),
        torch=torch_fn(lambda torch, x: torch.nn.functional.interpolate(x, size=17, mode="linear")),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.interpolate(x, size=[17], mode="linear", data_format="NCW")),
    ),
    unit(
        "pad-constant-uneven", "pad_constant", IMAGE,
        torch=torch_fn(lambda torch, x: torch.nn.functional.pad(x, (1, 2, 3, 0), value=-1.5)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.pad(x, [[0, 0], [0, 0], [3, 0], [1, 2]], constant_values=-1.5)),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.pad(x, [1, 2, 3, 0], value=-1.5)),
        onnx=onnx_graph("y = Pad(x, pads, value)", pads=[0, 0, 3, 1, 0, 0, 0, 2], value=-1.5),
        jax=jax_fn(lambda jax, x: jax.numpy.pad(x, [(0, 0), (0, 0), (3, 0), (1, 2)], constant_values=-1.5)),
    ),
    unit(
        "pad-reflect-uneven", "pad_reflect", IMAGE,
        torch=torch_fn(lambda torch, x: torch.nn.functional.pad(x, (1, 2, 3, 0), mode="reflect")),
        tensorflow=keras_fn(lambda keras, x: keras.ops.pad(x, [[0, 0], [0, 0], [3, 0], [1, 2]], mode="reflect")),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.pad(x, [1, 2, 3, 0], mode="reflect")),
        onnx=onnx_graph('y = Pad<mode = "reflect">(x, pads)', pads=[0, 0, 3, 1, 0, 0, 0, 2]),
        jax=jax_fn(lambda jax, x: jax.numpy.pad(x, [(0, 0), (0, 0), (3, 0), (1, 2)], mode="reflect")),
    ),
    unit(
        "pad-replicate-uneven", "pad_edge", IMAGE,
        torch=torch_fn(lambda torch, x: torch.nn.functional.pad(x, (1, 2, 3, 0), mode="replicate")),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.pad(x, [1, 2, 3, 0], mode="replicate")),
        onnx=onnx_graph('y = Pad<mode = "edge">(x, pads)', pads=[0, 0, 3, 1, 0, 0, 0, 2]),
        jax=jax_fn(lambda jax, x: jax.numpy.pad(x, [(0, 0), (0, 0), (3, 0), (1, 2)], mode="edge")),
    ),
    unit(  # like reflect, with the border itself repeated
        "pad-symmetric-uneven", "pad_symmetric", IMAGE,
        tensorflow=keras_fn(lambda keras, x: keras.ops.pad(x, [[0, 0], [0, 0], [3, 0], [1, 2]], mode="symmetric")),
        jax=jax_fn(lambda jax, x: jax.numpy.pad(x, [(0, 0), (0, 0), (3, 0), (1, 2)], mode="symmetric")),
    ),
    unit(
        "pad-circular", "pad_wrap", f32("x", BATCH, 3, LENGTH, 5),
        torch=torch_fn(lambda torch, x: torch.nn.functional.pad(x, (1, 2, 0, 0), mode="circular")),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.pad(x, [1, 2, 0, 0], mode="circular")),
    ),
    unit(
        "crop-uneven", "crop", IMAGE, nhwc=True,
        torch=torch_fn(lambda torch, x: torch.nn.functional.pad(x, (-1, -2, 0, -3))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Cropping2D(((0, 3), (1, 2)))(x)),
        paddle=paddle_fn(lambda paddle, x: x[:, :, :-3, 1:-2]),
        jax=jax_fn(lambda jax, x: x[:, :, :-3, 1:-2]),
    ),
    unit(
        "grid-sample-bilinear", "grid_sample", FIXED, GRID,
        torch=torch_fn(lambda torch, x, y: torch.nn.functional.grid_sample(x, y, align_corners=True)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.nn.functional.grid_sample(x, y, align_corners=True)),
        onnx=onnx_graph("out = GridSample<align_corners = 1>(x, y)", outputs=["out"]),
    ),
    unit(
        "grid-sample-border", "grid_sample", FIXED, GRID,
        torch=torch_fn(lambda torch, x, y: torch.nn.functional.grid_sample(x, y, padding_mode="border", align_corners=False)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.nn.functional.grid_sample(x, y, padding_mode="border", align_corners=False)),
        onnx=onnx_graph('out = GridSample<padding_mode = "border">(x, y)', outputs=["out"]),
    ),
    unit(
        "affine-grid", "affine_grid", f32("x", BATCH, 2, 3),
        torch=torch_fn(lambda torch, x: torch.nn.functional.affine_grid(x, (x.shape[0], 1, 5, 7), align_corners=False)),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.affine_grid(x, [x.shape[0], 1, 5, 7], align_corners=False)),
    ),
    unit(
        "pad-time-axis", "pad_sequence", TOKENS,
        torch=torch_layer(lambda nn: nn.Sequential(nn.ConstantPad1d((2, 1), 0.5), nn.Linear(10, 3))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.ZeroPadding1D((2, 1))(x)),
        paddle=paddle_layer(lambda nn: nn.Sequential(nn.Pad1D([2, 1], value=0.5), nn.Linear(10, 3))),
    ),
]  # fmt: skip
