"""Blocks of convolutional networks, with batch normalisation that has something to normalise."""

from __future__ import annotations

from _module_build import BATCH, HEIGHT, WIDTH, f32, keras_net, module, net

IMAGE = f32("x", BATCH, 6, HEIGHT, WIDTH)
DEEP = f32("x", BATCH, 10, HEIGHT, WIDTH)


class Names:
    """The layers that torch and Paddle spell differently, under the names of torch."""

    def __init__(self, nn):
        self.nn = nn
        self.paddle = hasattr(nn, "BatchNorm2D")

    def conv(self, *args, bias=True, **options):
        if self.paddle:
            return self.nn.Conv2D(*args, bias_attr=None if bias else False, **options)
        return self.nn.Conv2d(*args, bias=bias, **options)

    def transposed(self, *args, **options):
        return (self.nn.Conv2DTranspose if self.paddle else self.nn.ConvTranspose2d)(*args, **options)

    def norm(self, channels):
        return (self.nn.BatchNorm2D if self.paddle else self.nn.BatchNorm2d)(channels)

    def pool(self, size):
        return (self.nn.AdaptiveAvgPool2D if self.paddle else self.nn.AdaptiveAvgPool2d)(size)

    def max_pool(self, size):
        return (self.nn.MaxPool2D if self.paddle else self.nn.MaxPool2d)(size)

    def conv_norm(self, cin, cout, kernel=3, stride=1, groups=1, act="ReLU"):
        """Convolution without bias, batch normalisation, activation: the unit such networks are made of."""
        parts = [self.conv(cin, cout, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False), self.norm(cout)]
        return self.nn.Sequential(*parts, *([getattr(self.nn, act)()] if act else []))


def both(layers, forward):
    """Return the torch and the Paddle maker of one block; ``layers`` takes `Names`."""
    return {lib: net(lib, lambda nn: layers(Names(nn)), forward) for lib in ("torch", "paddle")}


def keras_conv_norm(keras, x, filters, kernel=3, stride=1, act="relu", depthwise=False):
    options = {"strides": stride, "padding": "same", "use_bias": False}
    layer = keras.layers.DepthwiseConv2D(kernel, **options) if depthwise else keras.layers.Conv2D(filters, kernel, **options)
    x = keras.layers.BatchNormalization()(layer(x))
    return keras.layers.Activation(act)(x) if act else x


def residual_layers(names):
    return {
        "first": names.conv_norm(6, 10, stride=2), "second": names.conv_norm(10, 10, act=""),
        "shortcut": names.conv_norm(6, 10, kernel=1, stride=2, act=""),
    }  # fmt: skip


def residual(lib, self, x):
    return lib.nn.functional.relu(self.second(self.first(x)) + self.shortcut(x))


def keras_residual(keras, x):
    main = keras_conv_norm(keras, keras_conv_norm(keras, x, 10, stride=2), 10, act="")
    return keras.layers.ReLU()(main + keras_conv_norm(keras, x, 10, kernel=1, stride=2, act=""))


def mindspore_residual(_):
    import mindspore

    nn = mindspore.nn

    class Net(nn.Cell):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(6, 10, 3, stride=2, pad_mode="pad", padding=1, has_bias=False)
            self.norm1 = nn.BatchNorm2d(10, eps=1e-5)
            self.second = nn.Conv2d(10, 10, 3, stride=1, pad_mode="pad", padding=1, has_bias=False)
            self.norm2 = nn.BatchNorm2d(10, eps=1e-5)
            self.shortcut = nn.Conv2d(6, 10, 1, stride=2, pad_mode="valid", has_bias=False)
            self.relu = nn.ReLU()

        def construct(self, x):
            main = self.norm2(self.second(self.relu(self.norm1(self.first(x)))))
            return self.relu(main + self.shortcut(x))

    return Net()


def bottleneck_layers(names):
    return {"body": names.nn.Sequential(names.conv_norm(10, 4, 1), names.conv_norm(4, 4, 3), names.conv_norm(4, 10, 1, act=""))}


def bottleneck(lib, self, x):
    return lib.nn.functional.relu(x + self.body(x))


def keras_bottleneck(keras, x):
    body = keras_conv_norm(keras, keras_conv_norm(keras, keras_conv_norm(keras, x, 4, 1), 4), 10, 1, act="")
    return keras.layers.ReLU()(x + body)


def inverted_layers(names):
    return {
        "expand": names.conv_norm(6, 18, 1, act="ReLU6"), "depthwise": names.conv_norm(18, 18, 3, groups=18, act="ReLU6"),
        "project": names.conv_norm(18, 6, 1, act=""),
    }  # fmt: skip


def inverted(lib, self, x):
    return x + self.project(self.depthwise(self.expand(x)))


def keras_inverted(keras, x):
    hidden = keras_conv_norm(keras, x, 18, 1, act="relu6")
    hidden = keras_conv_norm(keras, hidden, 18, 3, act="relu6", depthwise=True)
    return x + keras_conv_norm(keras, hidden, 6, 1, act="")


def excite_layers(names):
    return {"pool": names.pool(1), "squeeze": names.conv(10, 3, 1), "excite": names.conv(3, 10, 1)}


def excite(lib, self, x):
    f = lib.nn.functional
    return x * f.hardsigmoid(self.excite(f.relu(self.squeeze(self.pool(x)))))


def keras_excite(keras, x):
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    hidden = keras.layers.Conv2D(3, 1, activation="relu")(pooled)
    return x * keras.layers.Conv2D(x.shape[-1], 1, activation="hard_sigmoid")(hidden)


def mobile_layers(names):
    return dict(
        excite_layers(names),
        expand=names.conv_norm(6, 10, 1, act="Hardswish"), depthwise=names.conv_norm(10, 10, 5, stride=2, groups=10, act="Hardswish"),
        project=names.conv_norm(10, 7, 1, act=""),
    )  # fmt: skip


def mobile(lib, self, x):
    return self.project(excite(lib, self, self.depthwise(self.expand(x))))


def keras_mobile(keras, x):
    hidden = keras_conv_norm(keras, x, 10, 1, act="hard_swish")
    hidden = keras_conv_norm(keras, hidden, 10, 5, stride=2, act="hard_swish", depthwise=True)
    return keras_conv_norm(keras, keras_excite(keras, hidden), 7, 1, act="")


def down_layers(names):
    return {"body": names.nn.Sequential(names.conv_norm(6, 9), names.conv_norm(9, 9)), "pool": names.max_pool(2)}


def down(lib, self, x):
    skip = self.body(x)
    return self.pool(skip), skip


def keras_down(keras, x):
    skip = keras_conv_norm(keras, keras_conv_norm(keras, x, 9), 9)
    return [keras.layers.MaxPooling2D(2)(skip), skip]


def unet_layers(names):
    return {
        "enter": names.conv_norm(6, 8), "pool": names.max_pool(2), "bottom": names.conv_norm(8, 12),
        "up": names.transposed(12, 8, 2, stride=2), "leave": names.conv_norm(16, 5),
    }  # fmt: skip


def unet(cat):
    """Return one level down and up again, joined with the skip: the order of the join matters."""

    def forward(lib, self, x):
        skip = self.enter(x)
        raised = self.up(self.bottom(self.pool(skip)))
        return self.leave(getattr(lib, cat)([skip, raised], 1))

    return forward


def keras_unet(keras, x):
    skip = keras_conv_norm(keras, x, 8)
    bottom = keras_conv_norm(keras, keras.layers.MaxPooling2D(2)(skip), 12)
    raised = keras.layers.Conv2DTranspose(8, 2, strides=2)(bottom)
    return keras_conv_norm(keras, keras.layers.Concatenate()([skip, raised]), 5)


def merge_layers(names):
    return {"side": names.conv(6, 8, 1), "top": names.conv(10, 8, 1), "smooth": names.conv(8, 8, 3, padding=1)}


def merge(lib, self, x, y):
    raised = lib.nn.functional.interpolate(self.top(y), scale_factor=2, mode="nearest")
    return self.smooth(self.side(x) + raised)


def keras_merge_levels(keras, x, y):
    raised = keras.layers.UpSampling2D(2)(keras.layers.Conv2D(8, 1)(y))
    return keras.layers.Conv2D(8, 3, padding="same")(keras.layers.Conv2D(8, 1)(x) + raised)


def pyramid_layers(names):
    return {
        "one": names.conv(6, 4, 1), "two": names.conv(6, 4, 3, padding=2, dilation=2), "four": names.conv(6, 4, 3, padding=4, dilation=4),
        "leave": names.conv(12, 7, 1),
    }  # fmt: skip


def pyramid(cat):
    return lambda lib, self, x: self.leave(getattr(lib, cat)([self.one(x), self.two(x), self.four(x)], 1))


def keras_pyramid(keras, x):
    parts = [keras.layers.Conv2D(4, 1)(x)] + [keras.layers.Conv2D(4, 3, dilation_rate=rate, padding="same")(x) for rate in (2, 4)]
    return keras.layers.Conv2D(7, 1)(keras.layers.Concatenate()(parts))


def patch_layers(names):
    return {"patch": names.conv(6, 11, 4, stride=4), "norm": names.nn.LayerNorm(11)}


def patches(lib, self, x):
    return self.norm(lib.moveaxis(lib.flatten(self.patch(x), 2), 1, 2))


def keras_patches(keras, x):
    tokens = keras.layers.Reshape((-1, 11))(keras.layers.Conv2D(11, 4, strides=4)(x))
    return keras.layers.LayerNormalization(epsilon=1e-5)(tokens)


def joined(layers, forward):
    """Like `both`, for a forward that needs the name of the function that joins tensors."""
    return {lib: net(lib, lambda nn: layers(Names(nn)), forward(cat)) for lib, cat in (("torch", "cat"), ("paddle", "concat"))}


CASES = [
    module(
        "residual-block-downsample", "residual_block", IMAGE, nhwc=True,
        tensorflow=keras_net(keras_residual), mindspore=mindspore_residual, **both(residual_layers, residual),
    ),
    module(
        "bottleneck-block", "bottleneck_block", DEEP, nhwc=True,
        tensorflow=keras_net(keras_bottleneck), **both(bottleneck_layers, bottleneck),
    ),
    module(
        "inverted-residual-relu6", "inverted_residual", IMAGE, nhwc=True,
        tensorflow=keras_net(keras_inverted), **both(inverted_layers, inverted),
    ),
    module(
        "inverted-residual-hardswish-se", "inverted_residual_se", IMAGE, nhwc=True,
        tensorflow=keras_net(keras_mobile), **both(mobile_layers, mobile),
    ),
    module("squeeze-excite", "squeeze_excite", DEEP, nhwc=True, tensorflow=keras_net(keras_excite), **both(excite_layers, excite)),
    module(
        "unet-down-with-skip", "unet_down", IMAGE, nhwc=True, outputs=["pooled", "skip"],
        tensorflow=keras_net(keras_down), **both(down_layers, down),
    ),
    module(
        "unet-up-with-skip", "unet_up", IMAGE, nhwc=True,
        tensorflow=keras_net(keras_unet), **joined(unet_layers, unet),
    ),
    module(
        "feature-pyramid-merge", "feature_pyramid", f32("x", BATCH, 6, 14, 18), f32("y", BATCH, 10, 7, 9), nhwc=True,
        tensorflow=keras_net(keras_merge_levels), **both(merge_layers, merge),
    ),
    module("dilated-pyramid", "dilated_pyramid", IMAGE, nhwc=True, tensorflow=keras_net(keras_pyramid), **joined(pyramid_layers, pyramid)),
    module("patch-embedding", "patch_embedding", IMAGE, nhwc=True, tensorflow=keras_net(keras_patches), **both(patch_layers, patches)),
]  # fmt: skip
