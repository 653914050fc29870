"""Whole models of real size, with seeded weights, from which `generation` generates tests."""

from __future__ import annotations

import os
import sys

from harness import Case, Dim, TensorSpec, ids, mask

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "suites", "e2e"))

BATCH, LENGTH = Dim("batch", 1, 8), Dim("length", 2, 128, example=16)
SIDE = Dim("side", 64, 256, multiple=32, example=96)


def _transformer(kind, **settings):
    def build():
        import torch
        from _transformers import transformers

        library = transformers()

        class Plain(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = getattr(library, kind)(getattr(library, settings["config"])(**settings.get("sizes", {})))

            def forward(self, input_ids, attention_mask):
                return self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)[0]

        return Plain()

    return build


def _resnet():
    import torch
    from _transformers import transformers

    library = transformers()

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = library.ResNetForImageClassification(library.ResNetConfig(num_labels=1000))

        def forward(self, pixels):
            return self.model(pixels).logits

    return Plain()


def _keras(name):
    def build():
        import keras

        return getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3))

    return build


def _mobilenet():
    from paddle.vision.models import mobilenet_v3_small

    return mobilenet_v3_small()


def _exported():
    import io

    import torch

    sizes = {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 500}
    model = _transformer("BertModel", config="BertConfig", sizes=sizes)().eval()
    words = torch.ones(2, 16, dtype=torch.int64)
    axes = {0: torch.export.Dim("batch", min=1, max=8), 1: torch.export.Dim("length", min=2, max=128)}
    names = {"input_names": ["input_ids", "attention_mask"], "output_names": ["hidden"]}
    program = torch.onnx.export(model, (words, words), dynamo=True, dynamic_shapes=(axes, axes), **names)
    stream = io.BytesIO()
    program.save(stream)
    return stream.getvalue()


def _words(below):
    domains = {"input_ids": ids(below), "attention_mask": mask()}
    return [TensorSpec(name=name, dtype="int64", shape=(BATCH, LENGTH), domain=domain) for name, domain in domains.items()]


def _pixels(*shape):
    return [TensorSpec(name="pixels", dtype="float32", shape=shape)]


LLAMA = {"hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 8, "num_key_value_heads": 4}
CASES = [
    Case(id="bert-base", inputs=_words(30522), build={"torch": _transformer("BertModel", config="BertConfig")}),
    Case(id="llama", inputs=_words(32000), build={"torch": _transformer("LlamaForCausalLM", config="LlamaConfig", sizes=LLAMA)}),
    Case(id="resnet50", inputs=_pixels(BATCH, 3, SIDE, SIDE), build={"torch": _resnet}),
    Case(id="keras-resnet50", inputs=_pixels(BATCH, 96, 96, 3), build={"tensorflow": _keras("ResNet50")}),
    Case(id="keras-mobilenet-v3", inputs=_pixels(BATCH, 96, 96, 3), build={"tensorflow": _keras("MobileNetV3Small")}),
    Case(id="onnx-bert", inputs=_words(500), build={"onnx": _exported}),
    Case(id="paddle-mobilenet-v3", inputs=_pixels(BATCH, 3, 96, 96), build={"paddle": _mobilenet}),
]
