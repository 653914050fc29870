"""Small models whose time is worth knowing: one of matrix products, one of convolutions, one of many short operators."""

from __future__ import annotations

from typing import Any

WIDTH, CLASSES = 256, 16


def torch_perceptron() -> Any:
    """Three linear layers."""
    import torch

    nn = torch.nn
    return nn.Sequential(nn.Linear(WIDTH, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, CLASSES))


def torch_convolutions() -> Any:
    """A stem, two strided blocks and a head."""
    import torch

    nn = torch.nn
    blocks = [
        layer
        for old, new in ((3, 16), (16, 32), (32, 64))
        for layer in (nn.Conv2d(old, new, 3, stride=2, padding=1), nn.BatchNorm2d(new), nn.ReLU())
    ]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES))


def torch_encoder() -> Any:
    """One layer of a transformer: attention, normalisation and many element-wise operators."""
    import torch

    return torch.nn.TransformerEncoderLayer(64, 4, 128, activation="gelu", batch_first=True, norm_first=True)


def keras_perceptron() -> Any:
    """The three linear layers in Keras."""
    import keras

    layers = keras.layers
    x = keras.Input((WIDTH,), name="x")
    y = layers.Dense(512, activation="relu")(layers.Dense(512, activation="relu")(x))
    return keras.Model(x, layers.Dense(CLASSES)(y))


def paddle_perceptron() -> Any:
    """The three linear layers in Paddle."""
    import paddle

    nn = paddle.nn
    return nn.Sequential(nn.Linear(WIDTH, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, CLASSES))
