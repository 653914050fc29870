"""Convolutions: strides, dilation, groups and padding that differ per axis and per side."""

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
    paddle_layer,
    torch_layer,
    unit,
)

from harness import Dim

DEPTH = Dim("depth", 4, 12, example=5)
IMAGE = f32("x", BATCH, 6, HEIGHT, WIDTH)
SIGNAL = f32("x", BATCH, 6, Dim("length", 8, 64, example=12))
VOLUME = f32("x", BATCH, 4, DEPTH, 7, 6)


def jax_conv(kernel, **options):
    """Return a helper for a convolution in the words of jax.lax, channels first, with a bias for each channel."""

    def fn(jax, w, x):
        out = jax.lax.conv_general_dilated(x, w["kernel"], **options)
        return out + w["bias"].reshape(-1, *[1] * (x.ndim - 2))

    return jax_fn(fn, kernel=kernel, bias=kernel[:1])


CASES = [
    unit(
        "conv1d-dilation2-stride2", "conv1d", SIGNAL, nhwc=True,
        torch=torch_layer(lambda nn: nn.Conv1d(6, 10, 3, stride=2, padding=3, dilation=2)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Conv1D(10, 3, strides=2)(keras.layers.ZeroPadding1D((3, 2))(x))),
        paddle=paddle_layer(lambda nn: nn.Conv1D(6, 10, 3, stride=2, padding=3, dilation=2)),
        onnx=onnx_graph("y = Conv<strides = [2], pads = [3, 3], dilations = [2]>(x, w, b)", w=(10, 6, 3), b=(10,)),
        jax=jax_conv((10, 6, 3), window_strides=(2,), padding=[(3, 3)], rhs_dilation=(2,)),
    ),
    unit(
        "conv1d-causal", "causal_conv1d", SIGNAL, nhwc=True,
        torch=torch_layer(lambda nn: nn.Sequential(nn.ConstantPad1d((4, 0), 0.0), nn.Conv1d(6, 9, 3, dilation=2))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Conv1D(9, 3, dilation_rate=2, padding="causal")(x)),
        paddle=paddle_layer(lambda nn: nn.Sequential(nn.Pad1D([4, 0]), nn.Conv1D(6, 9, 3, dilation=2))),
        onnx=onnx_graph("y = Conv<pads = [4, 0], dilations = [2]>(x, w, b)", w=(9, 6, 3), b=(9,)),
        jax=jax_conv((9, 6, 3), window_strides=(1,), padding=[(4, 0)], rhs_dilation=(2,)),
    ),
    unit(
        "conv2d-stride2-pad1-groups2", "conv2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Conv2d(6, 10, 3, stride=2, padding=1, groups=2)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Conv2D(10, 3, strides=2, groups=2)(keras.layers.ZeroPadding2D(1)(x))),
        paddle=paddle_layer(lambda nn: nn.Conv2D(6, 10, 3, stride=2, padding=1, groups=2)),
        onnx=onnx_graph("y = Conv<strides = [2, 2], pads = [1, 1, 1, 1], group = 2>(x, w, b)", w=(10, 3, 3, 3), b=(10,)),
        mindspore=mindspore_layer(lambda nn: nn.Conv2d(6, 10, 3, stride=2, pad_mode="pad", padding=1, group=2, has_bias=True)),
        jax=jax_conv((10, 3, 3, 3), window_strides=(2, 2), padding=[(1, 1), (1, 1)], feature_group_count=2),
    ),
    unit(
        "conv2d-unequal-kernel-dilation", "conv2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Conv2d(6, 7, (3, 2), padding=(2, 1), dilation=(2, 1), bias=False)),
        tensorflow=keras_fn(
            lambda keras, x: keras.layers.Conv2D(7, (3, 2), dilation_rate=(2, 1), use_bias=False)(keras.layers.ZeroPadding2D((2, 1))(x))
        ),
        paddle=paddle_layer(lambda nn: nn.Conv2D(6, 7, (3, 2), padding=(2, 1), dilation=(2, 1), bias_attr=False)),
        onnx=onnx_graph("y = Conv<pads = [2, 1, 2, 1], dilations = [2, 1]>(x, w)", w=(7, 6, 3, 2)),
        jax=jax_conv((7, 6, 3, 2), window_strides=(1, 1), padding=[(2, 2), (1, 1)], rhs_dilation=(2, 1)),
    ),
    unit(  # stride 2 on an even size: "same" pads one side only, symmetric padding has the same shape
        "conv2d-same-stride2", "conv2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(6, 8, 3, stride=2))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Conv2D(8, 3, strides=2, padding="same")(x)),
        paddle=paddle_layer(lambda nn: nn.Conv2D(6, 8, 3, stride=2, padding="SAME")),
        onnx=onnx_graph("y = Conv<strides = [2, 2], pads = [0, 0, 1, 1]>(x, w, b)", w=(8, 6, 3, 3), b=(8,)),
        mindspore=mindspore_layer(lambda nn: nn.Conv2d(6, 8, 3, stride=2, pad_mode="same", has_bias=True)),
        jax=jax_conv((8, 6, 3, 3), window_strides=(2, 2), padding="SAME"),
    ),
    unit(  # an even kernel: "same" pads 1 before and 2 after
        "conv2d-same-even-kernel", "conv2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Conv2d(6, 8, 4, padding="same")),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Conv2D(8, 4, padding="same", activation="relu")(x)),
        paddle=paddle_layer(lambda nn: nn.Conv2D(6, 8, 4, padding=[1, 2, 1, 2])),
        onnx=onnx_graph('y = Conv<auto_pad = "SAME_UPPER">(x, w, b)', w=(8, 6, 4, 4), b=(8,)),
        jax=jax_conv((8, 6, 4, 4), window_strides=(1, 1), padding="SAME"),
    ),
    unit(
        "conv2d-reflect-padding", "conv2d_padding_mode", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Conv2d(6, 5, 3, padding=(1, 2), padding_mode="reflect")),
        tensorflow=keras_fn(
            lambda keras, x: keras.layers.Conv2D(5, 3)(keras.ops.pad(x, [[0, 0], [1, 1], [2, 2], [0, 0]], mode="reflect"))
        ),
        paddle=paddle_layer(lambda nn: nn.Conv2D(6, 5, 3, padding=2, padding_mode="reflect")),
    ),
    unit(
        "conv2d-depthwise-multiplier2", "depthwise_conv2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Conv2d(6, 12, 3, stride=2, padding=1, groups=6)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)(x)),
        paddle=paddle_layer(lambda nn: nn.Conv2D(6, 12, 3, stride=2, padding=1, groups=6)),
        onnx=onnx_graph("y = Conv<strides = [2, 2], pads = [1, 1, 1, 1], group = 6>(x, w, b)", w=(12, 1, 3, 3), b=(12,)),
        jax=jax_conv((12, 1, 3, 3), window_strides=(2, 2), padding=[(1, 1), (1, 1)], feature_group_count=6),
    ),
    unit(
        "conv2d-separable", "separable_conv2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Sequential(nn.Conv2d(6, 12, 3, padding=1, groups=6, bias=False), nn.Conv2d(12, 7, 1))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.SeparableConv2D(7, 3, padding="same", depth_multiplier=2)(x)),
        paddle=paddle_layer(lambda nn: nn.Sequential(nn.Conv2D(6, 12, 3, padding=1, groups=6, bias_attr=False), nn.Conv2D(12, 7, 1))),
    ),
    unit(
        "conv3d-stride-per-axis", "conv3d", VOLUME, nhwc=True,
        torch=torch_layer(lambda nn: nn.Conv3d(4, 5, (3, 2, 3), stride=(1, 2, 2), padding=(1, 0, 1))),
        tensorflow=keras_fn(
            lambda keras, x: keras.layers.Conv3D(5, (3, 2, 3), strides=(1, 2, 2))(keras.layers.ZeroPadding3D((1, 0, 1))(x))
        ),
        paddle=paddle_layer(lambda nn: nn.Conv3D(4, 5, (3, 2, 3), stride=(1, 2, 2), padding=(1, 0, 1))),
        onnx=onnx_graph("y = Conv<strides = [1, 2, 2], pads = [1, 0, 1, 1, 0, 1]>(x, w, b)", w=(5, 4, 3, 2, 3), b=(5,)),
        jax=jax_conv((5, 4, 3, 2, 3), window_strides=(1, 2, 2), padding=[(1, 1), (0, 0), (1, 1)]),
    ),
    unit(
        "conv-transpose1d-stride3", "conv_transpose1d", SIGNAL, nhwc=True,
        torch=torch_layer(lambda nn: nn.ConvTranspose1d(6, 5, 4, stride=3, padding=1, output_padding=1)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Conv1DTranspose(5, 4, strides=3, padding="same")(x)),
        paddle=paddle_layer(lambda nn: nn.Conv1DTranspose(6, 5, 4, stride=3, padding=1, output_padding=1)),
    ),
    unit(
        "conv-transpose2d-output-padding", "conv_transpose2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Conv2DTranspose(4, 3, strides=2, padding="same")(x)),
        paddle=paddle_layer(lambda nn: nn.Conv2DTranspose(6, 4, 3, stride=2, padding=1, output_padding=1)),
        onnx=onnx_graph(
            "y = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]>(x, w, b)", w=(6, 4, 3, 3), b=(4,)
        ),
        jax=jax_fn(
            lambda jax, w, x: jax.lax.conv_transpose(x, w["kernel"], (2, 2), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW")),
            kernel=(4, 6, 3, 3),
        ),
    ),
    unit(
        "conv-transpose2d-groups-dilation", "conv_transpose2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.ConvTranspose2d(6, 4, (3, 2), stride=(1, 2), dilation=(2, 1), groups=2, bias=False)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Conv2DTranspose(4, (3, 2), strides=(1, 2), padding="valid", use_bias=False)(x)),
        paddle=paddle_layer(lambda nn: nn.Conv2DTranspose(6, 4, (3, 2), stride=(1, 2), dilation=(2, 1), groups=2, bias_attr=False)),
        onnx=onnx_graph("y = ConvTranspose<strides = [1, 2], dilations = [2, 1]>(x, w)", w=(6, 4, 3, 2)),
    ),
    unit(
        "conv-transpose3d-stride2", "conv_transpose3d", VOLUME, nhwc=True,
        torch=torch_layer(lambda nn: nn.ConvTranspose3d(4, 3, (2, 3, 2), stride=(2, 1, 2), padding=(0, 1, 0))),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Conv3DTranspose(3, (2, 3, 2), strides=(2, 1, 2), padding="same")(x)),
        paddle=paddle_layer(lambda nn: nn.Conv3DTranspose(4, 3, (2, 3, 2), stride=(2, 1, 2), padding=(0, 1, 0))),
    ),
    unit(
        "unfold-image-to-columns", "im2col", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Unfold((3, 2), dilation=(1, 2), padding=1, stride=2)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.image.extract_patches(x, (3, 2), strides=2, padding="valid")),
        paddle=paddle_layer(lambda nn: nn.Unfold([3, 2], dilations=[1, 2], paddings=1, strides=2)),
    ),
    unit(
        "fold-columns-to-image", "col2im", f32("x", BATCH, 12, 20),
        torch=torch_layer(lambda nn: nn.Fold((8, 7), (2, 3), stride=(2, 1))),
        paddle=paddle_layer(lambda nn: nn.Fold([8, 7], [2, 3], strides=[2, 1])),
        onnx=onnx_graph("y = Col2Im<strides = [2, 1]>(x, shape, block)", shape=[8, 7], block=[2, 3], opset=18),
    ),
]  # fmt: skip
