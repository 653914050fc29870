"""One small awkward model in each framework: a layer called twice, blocks in a container, a keyword, functions between, a layer unused."""

from harness import Case, Dim, TensorSpec, ids

BATCH, LENGTH = Dim("batch", 1, 8, example=2), Dim("length", 2, 20, example=5)
WIDTH = 8


def of_torch():
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.norm, self.never = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3)
            self.gain = nn.Parameter(torch.full((WIDTH,), 1.5))

        def forward(self, x, *, scale=None):
            y = (self.norm(torch.relu(self.linear(x))) + x) * self.gain
            y = y.reshape(x.shape[0], x.shape[1], 2, 4).flatten(2)
            return y if scale is None else y * scale

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.shared, self.blocks = nn.Embedding(11, WIDTH), Block(), nn.ModuleList([Block(), Block()])

        def forward(self, words, signal):
            x = self.shared(self.shared(self.words(words)))
            for block in self.blocks:
                x = block(x, scale=torch.sigmoid(signal))
            return {"last": x, "mean": x.mean(1)}

    return Net()


def of_tensorflow():
    import keras
    import tensorflow as tf
    from keras import layers, ops

    class Block(layers.Layer):
        def __init__(self, **settings):
            super().__init__(**settings)
            self.linear, self.norm, self.never = layers.Dense(WIDTH, name="linear"), layers.LayerNormalization(), layers.Dense(3)

        def build(self, shape):
            self.linear.build(shape)
            self.norm.build(shape)
            self.never.build(shape)
            self.gain = self.add_weight(shape=(WIDTH,), initializer="ones", name="gain")

        def call(self, x, scale=None, training=None):
            batch, length = tf.shape(x)[0], tf.shape(x)[1]
            y = (self.norm(ops.relu(self.linear(x)), training=training) + x) * self.gain
            y = tf.reshape(tf.reshape(y, [batch, length, 2, 4]), (batch, -1, WIDTH))
            return y if scale is None else {"y": y * scale}

    class Reader(layers.Layer):
        def __init__(self, **settings):
            super().__init__(**settings)
            self.gru = layers.GRU(WIDTH, return_sequences=True, return_state=True)

        def build(self, shape):
            self.gru.build(shape)

        def call(self, x):
            return self.gru(x)

    words, signal = keras.Input((None,), dtype="int32", name="words"), keras.Input((None, WIDTH), name="signal")
    x, state = Reader()(layers.Embedding(11, WIDTH, mask_zero=True)(words))
    shared = Block(name="shared")
    x = shared(shared(x))
    for number in range(2):
        x = Block(name=f"block{number}")(x + signal, scale=ops.sigmoid(signal))["y"]
    inner = keras.Sequential([layers.Dense(WIDTH, activation="tanh"), layers.Dropout(0.5), layers.Dense(4)], name="inner")
    return keras.Model([words, signal], {"last": inner(x), "state": state})


def of_paddle():
    import paddle
    from paddle import nn
    from paddle.nn import functional

    class Block(nn.Layer):
        def __init__(self):
            super().__init__()
            self.linear, self.norm, self.never = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3)
            self.gain = self.create_parameter([WIDTH], default_initializer=nn.initializer.Constant(1.5))

        def forward(self, x, scale=None):
            y = (self.norm(functional.relu(self.linear(x))) + x) * self.gain
            y = paddle.reshape(y, [x.shape[0], paddle.shape(x)[1], 2, 4]).flatten(2)
            y[:, 0] = 0.5
            return y if scale is None else y * scale

    class Net(nn.Layer):
        def __init__(self):
            super().__init__()
            self.words, self.lstm, self.shared = nn.Embedding(11, WIDTH), nn.LSTM(WIDTH, WIDTH), Block()
            self.blocks = nn.LayerList([Block(), Block()])

        def forward(self, words, signal):
            x, (state, _) = self.lstm(self.words(words))
            x = self.shared(self.shared(x))
            for block in self.blocks:
                x = block(x, scale=functional.sigmoid(signal))
            return {"last": x, "mean": x.mean(1), "state": state}

    return Net()


def of_mindspore():
    import mindspore
    from mindspore import nn, ops

    class Block(nn.Cell):
        def __init__(self):
            super().__init__()
            self.linear, self.norm, self.never = nn.Dense(WIDTH, WIDTH), nn.LayerNorm((WIDTH,)), nn.Dense(WIDTH, 3)
            self.relu, self.gain = ops.ReLU(), mindspore.Parameter(ops.ones((WIDTH,), mindspore.float32) * 1.5, name="gain")

        def construct(self, x, scale=None):
            y = (self.norm(self.relu(self.linear(x))) + x) * self.gain
            y = ops.reshape(ops.transpose(y, (0, 2, 1)), (x.shape[0], WIDTH, x.shape[1]))
            y = ops.cat((ops.transpose(y, (0, 2, 1)), x), -1)[:, :, :WIDTH]
            return y if scale is None else y * scale

    class Net(nn.Cell):
        def __init__(self):
            super().__init__()
            self.words, self.shared, self.blocks = nn.Embedding(11, WIDTH), Block(), nn.CellList([Block(), Block()])

        def construct(self, words, signal):
            x = self.shared(self.shared(self.words(words)))
            for block in self.blocks:
                x = block(x, scale=ops.sigmoid(signal))
            return x, x.mean(1)

    return Net()


def of_onnx():
    import numpy as np
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(5)
    weights = {"table": rng.normal(size=(11, WIDTH)), "w": rng.normal(size=(WIDTH, WIDTH)), "v": rng.normal(size=(WIDTH, WIDTH))}
    stored = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    stored += [numpy_helper.from_array(np.array([2, 4]), "tail"), numpy_helper.from_array(np.array([0, 0, WIDTH]), "merged")]

    def node(kind, inputs, output, name, **attributes):
        return helper.make_node(kind, inputs, [output] if isinstance(output, str) else output, name=name, **attributes)

    def block(x, y, where, weight):
        return [
            node("MatMul", [x, weight], f"{where}/mm", f"/{where}/linear/MatMul"),
            node("Relu", [f"{where}/mm"], f"{where}/relu", f"/{where}/linear/Relu"),
            node("Shape", [x], f"{where}/lengths", f"/{where}/Shape", start=0, end=2),
            node("Concat", [f"{where}/lengths", "tail"], f"{where}/four", f"/{where}/Concat", axis=0),
            node("Reshape", [f"{where}/relu", f"{where}/four"], f"{where}/split", f"/{where}/Reshape"),
            node("Reshape", [f"{where}/split", "merged"], f"{where}/whole", f"/{where}/Reshape_1"),
            node("gain", [f"{where}/whole", x], y, f"/{where}/gain", domain="own", first=1),
        ]

    gain = helper.make_function(
        "own", "gain", ["a", "b"], ["c"],
        [
            helper.make_node("Constant", [], ["three"], value_float=3.0), helper.make_node("Constant", [], ["axis"], value_int=2),
            helper.make_node("Mul", ["a", "three"], ["m"]), helper.make_node("Add", ["m", "b"], ["s"]),
            _with_reference(helper.make_node("CumSum", ["s", "axis"], ["c"]), "exclusive", "first"),
        ],
        [helper.make_opsetid("", 17)], ["first"],
    )  # fmt: skip
    nodes = [
        node("Gather", ["table", "words"], "e", "/words/Gather"), *block("e", "b0", "blocks.0", "w"), *block("b0", "b1", "blocks.1", "v"),
        node("Neg", ["w"], "minus", "/Neg"), node("MatMul", ["b1", "minus"], "mm", "/MatMul"),
        node("Sigmoid", ["mm"], "open", "/torn/Sigmoid"), node("Add", ["open", "signal"], "between", "/Add"),
        node("Tanh", ["between"], "shut", "/torn/Tanh"), node("Mul", ["open", "shut"], "last", "/Mul"),
    ]  # fmt: skip
    ports = [
        helper.make_tensor_value_info(name, kind, ["batch", "length", *rest])
        for name, kind, rest in (("words", 7, []), ("signal", 1, [WIDTH]), ("last", 1, [WIDTH]), ("b1", 1, [WIDTH]))
    ]
    graph = helper.make_graph(nodes, "net", ports[:2], ports[2:], stored)
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=imports, functions=[gain], ir_version=8)


def _with_reference(node, name, outer):
    attribute = node.attribute.add()
    attribute.name, attribute.ref_attr_name, attribute.type = name, outer, attribute.INT
    return node


def _inputs(words):
    return (
        TensorSpec(name="words", dtype=words, shape=(BATCH, LENGTH), domain=ids(11)),
        TensorSpec(name="signal", dtype="float32", shape=(BATCH, LENGTH, WIDTH)),
    )


def of_counting():
    """A model whose second layer counts its calls, which no argument tells."""
    import torch
    from torch import nn

    class Counting(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x * self.calls

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.counting = nn.Embedding(11, WIDTH), Counting()

        def forward(self, words, signal):
            return self.counting(self.words(words)) + torch.fft.rfft(signal).real.sum()

    return Net()


NET = Case(
    id="net",
    inputs={
        "torch": _inputs("int64"), "onnx": _inputs("int64"),
        "tensorflow": _inputs("int32"), "paddle": _inputs("int32"), "mindspore": _inputs("int32"),
    },
    build={"torch": of_torch, "tensorflow": of_tensorflow, "paddle": of_paddle, "onnx": of_onnx, "mindspore": of_mindspore},
)  # fmt: skip
COUNTING = Case(id="counting", inputs=_inputs("int64"), build={"torch": of_counting})


def _module():
    import tensorflow as tf

    class Plain(tf.Module):
        def __call__(self, x):
            return tf.nn.relu(x) * 2.0

    return Plain()


MODULE = Case(id="module", inputs=[TensorSpec(name="x", dtype="float32", shape=(2, 3))], build={"tensorflow": _module})


def _conv_tensorflow():
    import keras
    from keras import layers

    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="block1_conv")(image)
    x = layers.ReLU(max_value=6.0)(layers.BatchNormalization(name="block1_bn")(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="block1_depthwise")(x) + x
    x = layers.Conv2D(4, 1, name="torn1_a")(x)
    x = layers.Conv2D(4, 1, name="torn1_b")(layers.ReLU(name="between")(x))
    return keras.Model(image, layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def _conv_paddle():
    from paddle import nn

    class Net(nn.Layer):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2D(3, 4, 3, stride=2, padding=1, bias_attr=False), nn.BatchNorm2D(4), nn.Hardswish())
            self.pool, self.head = nn.AdaptiveAvgPool2D(1), nn.Linear(4, 5)

        def forward(self, image):
            x = self.stem(image)
            return self.head(self.pool(x * x.clip(0.1, 2.0)).flatten(1))

    return Net()


CONV = Case(
    id="conv", weights="random", build={"tensorflow": _conv_tensorflow, "paddle": _conv_paddle},
    inputs={
        "tensorflow": [TensorSpec(name="image", dtype="float32", shape=(BATCH, 12, 12, 3))],
        "paddle": [TensorSpec(name="image", dtype="float32", shape=(BATCH, 3, 12, 12))],
    },
)  # fmt: skip
