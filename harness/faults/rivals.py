"""How other judges decide, as their documents and sources say: pure NumPy, so that they can sit the same exam.

Each takes outputs by name and returns whether it accepts, as `harness.faults.holes.Judge` asks. None of them knows
documented casts, ties or task metrics; where a tool takes tolerances, the ones of the question are passed on.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping

import numpy as np

Outputs = Mapping[str, Any]


def allclose_after_zip(actual: Outputs, expected: Outputs, **extra: Any) -> bool:
    """Return what ``all(np.allclose(a, e, rtol=1e-3, atol=1e-5) for a, e in zip(...))`` returns.

    Source: the loop that exporter tutorials and test suites write by hand; `numpy.allclose` of NumPy 2.4.
    """
    rtol, atol = extra.get("tolerance", (1e-3, 1e-5))
    return all(bool(np.allclose(a, e, rtol=rtol, atol=atol)) for a, e in zip(actual.values(), expected.values()))


def numpy_assert_allclose(actual: Outputs, expected: Outputs, **extra: Any) -> bool:
    """Return whether `numpy.testing.assert_allclose` passes for every pair: rtol 1e-7, atol 0, NaN equal to NaN.

    Source: NumPy 2.4, ``numpy.testing.assert_allclose``: shapes must agree but for scalars, dtypes need not. Names are
    those of the reference, as suites that call it look outputs up.
    """
    rtol, atol = extra.get("tolerance", (1e-7, 0.0))
    return all(_assert_allclose(np.asarray(actual[name]), np.asarray(e), rtol, atol) for name, e in expected.items())


def _assert_allclose(a: Any, e: Any, rtol: float, atol: float) -> bool:
    if a.shape != e.shape and () not in (a.shape, e.shape):
        return False
    if not np.array_equal(np.isnan(a * np.ones(e.shape)), np.isnan(e * np.ones(a.shape))):
        return False
    return bool(np.allclose(a, e, rtol=rtol, atol=atol, equal_nan=True))


# torch.testing._comparison.default_tolerances, by dtype name.
_TORCH = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}


def torch_assert_close(actual: Outputs, expected: Outputs, **extra: Any) -> bool:
    """Return whether `torch.testing.assert_close` passes on two dictionaries, with its defaults.

    Source: torch 2.13, ``torch.testing.assert_close``: keys, shapes and dtypes must agree, NaN is never equal, the tolerances are
    those of the dtype, and two empty mappings are close.
    """
    if set(actual) != set(expected):
        return False
    return all(_assert_close(np.asarray(actual[name]), np.asarray(e), extra.get("tolerance")) for name, e in expected.items())


def _assert_close(a: Any, e: Any, tolerance: Any) -> bool:
    if a.shape != e.shape or a.dtype != e.dtype:
        return False
    rtol, atol = tolerance or _TORCH.get(e.dtype.name, (0.0, 0.0))
    return (
        bool(np.all(np.isclose(a.astype(np.float64), e.astype(np.float64), rtol=rtol, atol=atol)))
        if a.dtype.kind == "f"
        else bool(np.all(a == e))
    )


def polygraphy(actual: Outputs, expected: Outputs, **extra: Any) -> bool:
    """Return what `polygraphy.comparator.Comparator.compare_accuracy` says of one iteration with its defaults.

    Source: ``polygraphy/comparator/compare.py`` (``CompareFunc.simple``) of the TensorRT repository, version 0.49 and later.
    Outputs are paired by name, else by position with one that has no exact partner; those without any are skipped, and only
    when all are does it fail. An element is wrong when both its absolute and its relative error exceed 1e-5 or are NaN, so
    equal infinities are wrong too; shapes must agree, dtypes need not, and empty outputs pass. Pairing by part of a name,
    which comes before that by position, is left out.
    """
    rtol, atol = extra.get("tolerance", (1e-5, 1e-5))
    names, compared, passed = list(expected), 0, True
    for index, (name, a) in enumerate(actual.items()):
        other = names[index] if index < len(names) and names[index] not in actual else ""
        partner = name if name in expected else other
        if partner:
            passed &= _either(np.asarray(a), np.asarray(expected[partner]), rtol, atol)
            compared += 1
    return passed and (compared > 0 or not (actual or expected))


def _either(a: Any, e: Any, rtol: float, atol: float) -> bool:
    if a.shape != e.shape:
        return False
    a, e = a.astype(np.float64), e.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(a - e)
        relative = difference / np.abs(np.where(e == 0, np.finfo(np.float64).eps, e))
    return bool(np.all((difference <= atol) | (relative <= rtol)))


def polygraphy_runs(actual: Any, expected: Any, **extra: Any) -> bool:
    """Return the same over iterations: as many as the shorter side has, and none is fine."""
    return all(polygraphy(a, e, **extra) for a, e in zip(actual, expected))


def torch_onnx_verification(actual: Outputs, expected: Outputs, **extra: Any) -> bool:
    """Return whether the accuracy check of ``torch.onnx.export(verify=True)`` ticks.

    Source: torch 2.13, ``torch/onnx/_internal/exporter``: outputs are zipped, differences are computed with broadcasting, and a
    warning is given where the largest absolute or relative difference is not below the threshold; a comparison with NaN is never true.
    """
    for a, e in zip(actual.values(), expected.values()):
        absolute, relative = _largest(np.asarray(a), np.asarray(e))
        if absolute >= 5e-3 or relative >= 1e-1:
            return False
    return True


def _largest(a: Any, e: Any) -> tuple[float, float]:
    """Return the largest absolute and relative difference; infinite for empty tensors, as the tool has it."""
    if not a.size or not e.size:
        return float("inf"), float("inf")
    with np.errstate(all="ignore"):
        difference = np.abs(e - a) if e.dtype.kind != "b" else np.abs(e.astype(np.float32) - a)
        relative = difference / (np.abs(e) + 1e-7)
        return float(np.max(difference)), float(np.max(relative))


def one_sided_score(actual: Outputs, expected: Outputs, **extra: Any) -> bool:
    """Return whether a score is at least the source's less the tolerance; tensors are not looked at where a task is given.

    Source: MMDeploy's regression test (snapshot of September 2024): ``backend >= torch - tolerance``.
    """
    task = extra.get("task")
    if not task:
        return allclose_after_zip(actual, expected, **extra)
    scores = [float(np.mean(np.argmax(next(iter(side.values())), -1) == task["labels"])) for side in (actual, expected)]
    return bool(scores[0] >= scores[1] - task["max_drop"])


def correlation(actual: Outputs, expected: Outputs, **extra: Any) -> bool:
    """Return whether Pearson's correlation is at least 0.99 where ``allclose(1e-2, 1e-2)`` does not hold already.

    Source: tt-xla's comparison of August 2026; pairs by name.
    """
    for name, held in expected.items():
        a, e = (np.asarray(side, np.float64).reshape(-1) for side in (actual[name], held))
        if a.size != e.size or not (
            np.allclose(a, e, rtol=1e-2, atol=1e-2, equal_nan=True) or (e.size > 1 and np.corrcoef(a, e)[0, 1] >= 0.99)
        ):
            return False
    return True


RIVALS: Mapping[str, Callable[..., bool]] = {
    "allclose after zip": allclose_after_zip,
    "numpy.testing.assert_allclose": numpy_assert_allclose,
    "torch.testing.assert_close": torch_assert_close,
    "polygraphy": polygraphy,
    "torch.onnx verification": torch_onnx_verification,
    "one-sided score": one_sided_score,
    "correlation": correlation,
}
"""Rival judges by name. None of them knows records; `polygraphy_runs` is the one that knows several runs."""
