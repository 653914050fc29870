"""Convolutional networks as published, with seeded weights on small images.

Their weights are kept as built: refilled at random, fifty layers of batch normalisation whose
statistics do not fit the signal leave an output that no longer depends on the input. Instead one
forward pass over noise gives every normalisation the statistics of its own input, as training would,
and then its scale and shift are moved away from 1 and 0.
"""

from __future__ import annotations

import importlib

import numpy as np
from _transformers import transformers

from harness import Case, Dim, TensorSpec

BATCH = Dim("batch", 1, 8, example=2)
FIRST = TensorSpec(name="image", dtype="float32", shape=(BATCH, 3, 64, 64))
LAST = TensorSpec(name="image", dtype="float32", shape=(BATCH, 64, 64, 3))
INPUTS = {"torch": (FIRST,), "paddle": (FIRST,), "tensorflow": (LAST,)}


def noise(*shape):
    return np.random.Generator(np.random.Philox(3)).normal(0.0, 1.0, shape).astype(np.float32)


def spread(shape, low, high):
    """Return seeded values for the scale or shift of one normalisation."""
    return np.random.Generator(np.random.Philox(5)).uniform(low, high, shape).astype(np.float32)


def settle_torch(model):
    import torch

    norms = [part for part in model.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.from_numpy(noise(16, 3, 64, 64)))
        for norm in norms:
            norm.weight.copy_(torch.from_numpy(spread(norm.weight.shape, 0.8, 1.2)))
            norm.bias.copy_(torch.from_numpy(spread(norm.bias.shape, -0.2, 0.2)))
    return model.eval()


def settle_paddle(model):
    import paddle

    norms = [part for part in model.sublayers() if isinstance(part, paddle.nn.BatchNorm2D)]
    for norm in norms:
        norm._momentum = 0.0
    model.train()
    with paddle.no_grad():
        model(paddle.to_tensor(noise(16, 3, 64, 64)))
    for norm in norms:
        norm.weight.set_value(spread(norm.weight.shape, 0.8, 1.2))
        norm.bias.set_value(spread(norm.bias.shape, -0.2, 0.2))
    model.eval()
    return model


def settle_keras(model):
    import keras

    norms = [part for part in model.layers if isinstance(part, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0
    model(noise(16, 64, 64, 3), training=True)
    for norm in norms:
        norm.gamma.assign(spread(norm.gamma.shape, 0.8, 1.2))
        norm.beta.assign(spread(norm.beta.shape, -0.2, 0.2))
    return model


def torch_net(name, **options):
    """Return a builder of ``<name>ForImageClassification`` of the transformers package, logits only."""

    def build():
        import torch

        lib = transformers()

        class Logits(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = getattr(lib, name + "ForImageClassification")(getattr(lib, name + "Config")(num_labels=17, **options))

            def forward(self, image):
                return self.model(pixel_values=image).logits

        return settle_torch(Logits())

    return build


def paddle_net(name, **options):
    return lambda: settle_paddle(getattr(importlib.import_module("paddle").vision.models, name)(num_classes=17, **options))


def keras_net(name, **options):
    def build():
        import keras

        image = keras.Input((64, 64, 3), name="image")
        make = getattr(keras.applications, name)
        return settle_keras(make(weights=None, input_tensor=image, classes=17, classifier_activation=None, **options))

    return build


def vision(id, family, routes=(), **builders):
    inputs = {name: INPUTS[name] for name in builders}
    return Case(id=id, family=family, inputs=inputs, build=builders, outputs=("logits",), routes=routes)


CASES = [
    vision(
        "resnet50", "resnet",
        ("torch>*", "tensorflow>tensorflow@*", "tensorflow>savedmodel.*", "tensorflow>tflite.*", "paddle>*"),  # tf2onnx takes 7 GiB here
        torch=torch_net("ResNet"), tensorflow=keras_net("ResNet50"), paddle=paddle_net("resnet50"),
    ),
    vision(
        "mobilenet-small", "mobilenet",
        torch=torch_net("MobileNetV2"), tensorflow=keras_net("MobileNetV3Small", include_preprocessing=False),
        paddle=paddle_net("mobilenet_v3_small"),
    ),
    vision("densenet121", "densenet", paddle=paddle_net("densenet121")),
    vision("shufflenet-v2", "shufflenet", paddle=paddle_net("shufflenet_v2_x0_5")),
    vision(
        "vit-small", "vision_transformer",
        torch=torch_net(
            "ViT", image_size=64, patch_size=16, hidden_size=96, num_hidden_layers=3, num_attention_heads=4, intermediate_size=160
        ),
    ),
]  # fmt: skip
