"""Pooling: windows that do not divide the input, rounding up, and what a padded cell counts as."""

from __future__ import annotations

from _unit_build import (
    BATCH,
    HEIGHT,
    WIDTH,
    f32,
    jax_fn,
    keras_fn,
    mindspore_layer,
    onnx_graph,
    paddle_fn,
    paddle_layer,
    torch_fn,
    torch_layer,
    unit,
)

from harness import Dim

IMAGE = f32("x", BATCH, 5, HEIGHT, WIDTH)
SIGNAL = f32("x", BATCH, 5, Dim("length", 8, 64, example=12))
VOLUME = f32("x", BATCH, 3, Dim("depth", 4, 12, example=6), 7, 9)
FIXED = f32("x", BATCH, 5, 11, 7)  # adaptive windows: exporters need to know the size


def jax_max_pool(window, strides, padding):
    """Return a helper for the largest of each window, channels first."""
    edges = [(0, 0), (0, 0), *padding]
    return jax_fn(lambda jax, x: jax.lax.reduce_window(x, -float("inf"), jax.lax.max, (1, 1, *window), (1, 1, *strides), edges))


def jax_mean_of_what_is_there(jax, x):
    """Average windows of 3 by 3 over the cells that are no padding."""
    sums = [
        jax.lax.reduce_window(t, 0.0, jax.lax.add, (1, 1, 3, 3), (1, 1, 2, 2), [(0, 0), (0, 0), (1, 1), (1, 1)])
        for t in (x, jax.numpy.ones_like(x))
    ]
    return sums[0] / sums[1]


CASES = [
    unit(
        "max-pool1d-stride3", "max_pool1d", SIGNAL, nhwc=True,
        torch=torch_layer(lambda nn: nn.MaxPool1d(4, stride=3, padding=1)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.MaxPooling1D(4, strides=3, padding="same")(x)),
        paddle=paddle_layer(lambda nn: nn.MaxPool1D(4, stride=3, padding=1)),
        onnx=onnx_graph("y = MaxPool<kernel_shape = [4], strides = [3], pads = [1, 1]>(x)"),
        jax=jax_max_pool((4,), (3,), [(1, 1)]),
    ),
    unit(
        "max-pool2d-ceil-padding", "max_pool2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)),
        paddle=paddle_layer(lambda nn: nn.MaxPool2D(3, stride=2, padding=1, ceil_mode=True)),
        onnx=onnx_graph("y = MaxPool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], ceil_mode = 1>(x)"),
        mindspore=mindspore_layer(lambda nn: nn.MaxPool2d(3, stride=2, pad_mode="same")),
        jax=jax_max_pool((3, 3), (2, 2), [(1, 2), (1, 2)]),
    ),
    unit(
        "max-pool2d-unequal-window", "max_pool2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.MaxPool2d((2, 3), stride=(1, 2), dilation=(2, 1))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.MaxPooling2D((2, 3), strides=(1, 2))(x)),
        paddle=paddle_layer(lambda nn: nn.MaxPool2D((2, 3), stride=(1, 2))),
        onnx=onnx_graph("y = MaxPool<kernel_shape = [2, 3], strides = [1, 2], dilations = [2, 1]>(x)"),
        jax=jax_max_pool((2, 3), (1, 2), [(0, 0), (0, 0)]),
    ),
    unit(
        "max-pool3d-stride2", "max_pool3d", VOLUME, nhwc=True,
        torch=torch_layer(lambda nn: nn.MaxPool3d((2, 3, 2), stride=2, padding=(1, 1, 0))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.MaxPooling3D((2, 3, 2), strides=2)(x)),
        paddle=paddle_layer(lambda nn: nn.MaxPool3D((2, 3, 2), stride=2, padding=(1, 1, 0))),
        onnx=onnx_graph("y = MaxPool<kernel_shape = [2, 3, 2], strides = [2, 2, 2], pads = [1, 1, 0, 1, 1, 0]>(x)"),
    ),
    unit(
        "avg-pool1d-padding", "avg_pool1d", SIGNAL, nhwc=True,
        torch=torch_layer(lambda nn: nn.AvgPool1d(3, stride=2, padding=1)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.AveragePooling1D(3, strides=2, padding="same")(x)),
        paddle=paddle_layer(lambda nn: nn.AvgPool1D(3, stride=2, padding=1, exclusive=False)),
        onnx=onnx_graph("y = AveragePool<kernel_shape = [3], strides = [2], pads = [1, 1], count_include_pad = 1>(x)"),
    ),
    unit(
        "avg-pool2d-exclude-pad", "avg_pool2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.AveragePooling2D(3, strides=2, padding="same")(x)),
        paddle=paddle_layer(lambda nn: nn.AvgPool2D(3, stride=2, padding=1)),
        onnx=onnx_graph("y = AveragePool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]>(x)"),
        mindspore=mindspore_layer(lambda nn: nn.AvgPool2d(3, stride=2, pad_mode="same")),
        jax=jax_fn(jax_mean_of_what_is_there),
    ),
    unit(  # the last window reaches past the padding: how many cells does it divide by?
        "avg-pool2d-include-pad-ceil", "avg_pool2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.AvgPool2d((2, 3), stride=(2, 3), padding=(0, 1), ceil_mode=True)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.AveragePooling2D((2, 3), strides=(2, 3))(x)),
        paddle=paddle_layer(lambda nn: nn.AvgPool2D((2, 3), stride=(2, 3), padding=(0, 1), ceil_mode=True, exclusive=False)),
    ),
    unit(
        "avg-pool2d-divisor-override", "avg_pool2d", IMAGE,
        torch=torch_layer(lambda nn: nn.AvgPool2d(3, stride=2, divisor_override=5)),
        paddle=paddle_layer(lambda nn: nn.AvgPool2D(3, stride=2, divisor_override=5)),
    ),
    unit(
        "avg-pool3d-include-pad", "avg_pool3d", VOLUME, nhwc=True,
        torch=torch_layer(lambda nn: nn.AvgPool3d((2, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.AveragePooling3D((2, 3, 3), strides=(1, 2, 2))(x)),
        paddle=paddle_layer(lambda nn: nn.AvgPool3D((2, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1), exclusive=False)),
    ),
    unit(
        "lp-pool2d-norm3", "lp_pool2d", f32("x", BATCH, 5, HEIGHT, WIDTH),
        torch=torch_fn(lambda torch, x: torch.nn.functional.lp_pool2d(torch.abs(x), 3.0, 2, stride=3)),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.lp_pool2d(paddle.abs(x), 3.0, 2, stride=3)),
        onnx=onnx_graph("y = LpPool<kernel_shape = [2, 2], strides = [3, 3], p = 3>(x)"),
    ),
    unit(
        "global-avg-pool2d", "global_avg_pool", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.AdaptiveAvgPool2d(1)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.GlobalAveragePooling2D(keepdims=True)(x)),
        paddle=paddle_layer(lambda nn: nn.AdaptiveAvgPool2D(1)),
        onnx=onnx_graph("y = GlobalAveragePool(x)"),
        jax=jax_fn(lambda jax, x: jax.numpy.mean(x, axis=(2, 3), keepdims=True)),
    ),
    unit(
        "global-max-pool2d-flat", "global_max_pool", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())),
        tensorflow=keras_fn(lambda keras, x: keras.layers.GlobalMaxPooling2D()(x)),
        paddle=paddle_layer(lambda nn: nn.Sequential(nn.AdaptiveMaxPool2D(1), nn.Flatten())),
        onnx=onnx_graph("p = GlobalMaxPool(x)", "y = Flatten(p)"),
        jax=jax_fn(lambda jax, x: jax.numpy.max(x, axis=(2, 3))),
    ),
    unit(
        "adaptive-avg-pool2d-uneven", "adaptive_avg_pool2d", FIXED, nhwc=True,
        torch=torch_layer(lambda nn: nn.AdaptiveAvgPool2d((4, 3))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.AdaptiveAveragePooling2D((4, 3))(x)),
        paddle=paddle_layer(lambda nn: nn.AdaptiveAvgPool2D((4, 3))),
    ),
    unit(
        "adaptive-max-pool2d-uneven", "adaptive_max_pool2d", FIXED, nhwc=True,
        torch=torch_layer(lambda nn: nn.AdaptiveMaxPool2d((4, 3))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.AdaptiveMaxPooling2D((4, 3))(x)),
        paddle=paddle_layer(lambda nn: nn.AdaptiveMaxPool2D((4, 3))),
    ),
]  # fmt: skip
