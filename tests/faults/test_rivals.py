"""What we say of other judges is what they do, where they are installed: on every question of the exam about outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.faults.holes import reference
from harness.faults.holes_listed import HOLES
from harness.faults.rivals import RIVALS

QUESTIONS = [
    pytest.param(ask, id=f"{hole.name}-{side}")
    for hole in HOLES
    if hole.kind == "outputs"
    for side, ask in (("plant", hole.plant), ("twin", hole.twin))
]


def says(judge: Callable[..., Any], *args: Any, **more: Any) -> bool:
    """Return whether a judge that raises for a difference does not."""
    try:
        with np.errstate(all="ignore"):
            return judge(*args, **more) is not False
    except Exception:
        return False


@pytest.mark.parametrize("ask", QUESTIONS)
def test_allclose_after_zip(ask: Callable[..., Any]) -> None:
    actual, expected, extra = ask(reference())
    rtol, atol = extra.get("tolerance", (1e-3, 1e-5))
    wanted = says(lambda: all(np.allclose(a, e, rtol, atol) for a, e in zip(actual.values(), expected.values())))
    assert says(RIVALS["allclose after zip"], actual, expected, **extra) == wanted


@pytest.mark.parametrize("ask", QUESTIONS)
def test_numpy_assert_allclose(ask: Callable[..., Any]) -> None:
    actual, expected, extra = ask(reference())
    rtol, atol = extra.get("tolerance", (1e-7, 0.0))

    def judge() -> None:
        for name, array in expected.items():
            np.testing.assert_allclose(actual[name], array, rtol, atol)

    assert says(RIVALS["numpy.testing.assert_allclose"], actual, expected, **extra) == says(judge)


@pytest.mark.parametrize("ask", QUESTIONS)
def test_torch_assert_close(ask: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch")
    actual, expected, extra = ask(reference())
    sides = [{name: torch.from_numpy(np.array(array)) for name, array in side.items()} for side in (actual, expected)]
    more = dict(zip(("rtol", "atol"), extra["tolerance"])) if "tolerance" in extra else {}
    assert says(RIVALS["torch.testing.assert_close"], actual, expected, **extra) == says(torch.testing.assert_close, *sides, **more)


@pytest.mark.parametrize("ask", QUESTIONS)
def test_torch_onnx_verification(ask: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch")
    verification = pytest.importorskip("torch.onnx._internal.exporter._verification")
    actual, expected, extra = ask(reference())

    def judge() -> bool:
        for a, e in zip(actual.values(), expected.values()):
            info = verification._compare_tensors(torch.from_numpy(np.array(e)), torch.from_numpy(np.array(a)))
            if info[0] >= 5e-3 or info[1] >= 1e-1:
                return False
        return True

    assert says(RIVALS["torch.onnx verification"], actual, expected, **extra) == says(judge)
