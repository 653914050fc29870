"""Language and vision models of the transformers package, wrapped so that they take and return plain tensors."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def transformers() -> Any:
    """Return the package. A torchvision made for another torch must not take it down: nothing here needs it."""
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):
        # None in sys.modules reads as "not installed"; transformers then leaves its image parts alone.
        sys.modules["torchvision"] = None  # type: ignore[assignment]
    return importlib.import_module("transformers")


def logits_of(model: Any, **options: Any) -> Any:
    """Return a module of (input_ids, attention_mask) whose only output are the logits."""
    import torch

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            return self.model(input_ids=input_ids, attention_mask=attention_mask, **options).logits

    return Logits()
