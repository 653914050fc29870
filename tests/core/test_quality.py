"""What stands beside the speed of a cell is what its record holds of its numbers, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from harness.core.outcome import Outcome, Stage
from harness.core.quality import quality
from harness.core.record import Comparison, Record, record_from


def record(*comparisons: Comparison) -> Record:
    return Record(
        id="a", case="a", level="unit", route="onnx>onnxruntime@cpu", framework="onnx", target="onnxruntime@cpu", stage=Stage.COMPARE,
        outcome=Outcome.MATCH, comparisons=comparisons,
    )  # fmt: skip


def tensor(decibels: Any, **shapes: Any) -> Comparison:
    return Comparison(output="y", match=True, metrics={"sqnr_db": decibels}, bound={}, shapes=shapes)


def task(**metrics: Any) -> Comparison:
    return Comparison(output="y", match=True, metrics=metrics, bound={}, against="task")


@pytest.mark.parametrize(
    ("comparisons", "said"),
    [
        ((), ""),
        ((tensor(41.26), tensor(38.04), tensor(-3.0, rung="large"), tensor(12.0, repeat=1), tensor(9.0, seed=4)), "38.0 dB"),
        ((tensor("inf"),), "equal"), ((tensor(float("inf")), tensor(140.0)), "140.0 dB"), ((tensor("-inf"),), "-inf dB"),
        ((tensor("nan"),), ""), ((tensor(None), Comparison(output="z", match=False, metrics={}, bound={})), ""),
        ((tensor(41.0), task(task="accuracy", accuracy=0.98056, source_accuracy=0.98333)), "accuracy -0.28 points (98.06 %)"),
        ((task(task="embedding", min_cosine=0.96826, retrieval=0.0, nearest=0.875),), "cosine >= 0.9683, nearest kept for 87.5 %"),
        ((task(task="token_agreement", agreement=0.9975, prefix=3),), "token agreement 99.75 %"),
        ((tensor(41.0), task()), "41.0 dB"),
    ],
)  # fmt: skip
def test_the_worst_of_ordinary_inputs_is_told(comparisons: tuple[Comparison, ...], said: str) -> None:
    assert quality(record(*comparisons)) == said
    assert quality(record_from(record(*comparisons).to_json())) == said
