"""A classifier of handwritten digits, trained on the spot in each framework and judged on held-out images.

Every fifth image is held out. Training runs once per process and only its weights are kept, so that
each build is a fresh model with the same weights.
"""

from __future__ import annotations

import functools

import numpy as np

from harness import Case, Dim, RealData, Task, TensorSpec, uniform

IMAGE = TensorSpec(name="image", dtype="float32", shape=(Dim("batch", 1, 512, example=360), 8, 8), domain=uniform(0.0, 1.0))
EPOCHS, CHUNK, RATE = 6, 64, 0.01


@functools.lru_cache(maxsize=1)
def digits():
    """Return training images, training labels, held-out images, held-out labels."""
    from sklearn.datasets import load_digits

    source = load_digits()
    images, labels = (source.images / 16.0).astype(np.float32), source.target.astype(np.int64)
    held = np.arange(len(labels)) % 5 == 0
    return images[~held], labels[~held], images[held], labels[held]


def chunks():
    """Return shuffled index batches, the same in every process and framework."""
    count = len(digits()[1])
    rng = np.random.Generator(np.random.Philox(7))
    return [part for _ in range(EPOCHS) for part in np.array_split(rng.permutation(count), count // CHUNK)]


def held_out():
    known, _, images, labels = digits()
    # A quantisation finds its ranges with images that it is not judged on.
    return RealData(feeds={"image": images}, labels=labels, calibration=({"image": known[:512]},))


def torch_net():
    import torch

    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(512, 10),
            )  # fmt: skip

        def forward(self, image):
            return self.body(image.unsqueeze(1))

    return Net()


@functools.lru_cache(maxsize=1)
def torch_trained():
    import torch

    torch.manual_seed(0)
    net = torch_net().train()
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    images, labels = [torch.from_numpy(array) for array in digits()[:2]]
    for part in chunks():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(images[part]), labels[part]).backward()
        optimizer.step()
    return net.state_dict()


def torch_model():
    net = torch_net()
    net.load_state_dict(torch_trained())
    return net


def keras_net():
    import keras

    layers = keras.layers
    image = keras.Input((8, 8), name="image")
    x = layers.Reshape((8, 8, 1))(image)
    for filters in (16, 32):
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(layers.Conv2D(filters, 3, padding="same")(x)))
        x = layers.MaxPooling2D(2)(x) if filters == 16 else x
    return keras.Model(image, layers.Dense(10)(layers.Dropout(0.2)(layers.Flatten()(x))))


@functools.lru_cache(maxsize=1)
def keras_trained():
    import keras

    keras.utils.set_random_seed(0)
    net = keras_net()
    net.compile(optimizer=keras.optimizers.Adam(RATE), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, labels = digits()[:2]
    order = np.concatenate(chunks())
    net.fit(images[order], labels[order], batch_size=CHUNK, epochs=1, shuffle=False, verbose=0)
    return net.get_weights()


def keras_model():
    net = keras_net()
    net.set_weights(keras_trained())
    return net


def paddle_net():
    import paddle

    nn = paddle.nn

    class Net(nn.Layer):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2D(1, 16, 3, padding=1), nn.BatchNorm2D(16), nn.ReLU(), nn.MaxPool2D(2),
                nn.Conv2D(16, 32, 3, padding=1), nn.BatchNorm2D(32), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(512, 10),
            )  # fmt: skip

        def forward(self, image):
            return self.body(image.unsqueeze(1))

    return Net()


@functools.lru_cache(maxsize=1)
def paddle_trained():
    import paddle

    paddle.seed(0)
    net = paddle_net()
    net.train()
    optimizer = paddle.optimizer.Adam(RATE, parameters=net.parameters())
    images, labels = digits()[:2]
    for part in chunks():
        loss = paddle.nn.functional.cross_entropy(net(paddle.to_tensor(images[part])), paddle.to_tensor(labels[part]))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
    return net.state_dict()


def paddle_model():
    net = paddle_net()
    net.set_state_dict(paddle_trained())
    return net


DIGITS = Case(
    id="digits-classifier",
    family="image_classifier",
    inputs=(IMAGE,),
    build={"torch": torch_model, "tensorflow": keras_model, "paddle": paddle_model},
    outputs=("logits",),
    data=held_out,
    task=Task(metric="accuracy", bounds={"max_drop": 0.0}, coarse={"int8": {"max_drop": 0.01}}),
    generate=("unit", "module"),
)
