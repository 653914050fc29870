"""The limits of other tools by name, so that a team can keep the bound it has while it moves over.

Each preset gives the numbers of its source for a dtype. How they are applied is this project's: values are
widened to float64, tolerances add (``atol + rtol * |expected|``), and shape, dtype and the pattern of NaN and
infinities are judged before any limit. Where a source applies its numbers differently, its entry says how.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping

from harness.core.errors import unknown

FLOAT32_EPSILON = 2.0**-23
_FLOATS = ("float", "bfloat")


def _torch(dtype: str) -> dict[str, Any]:
    """``torch.testing.assert_close``, the table of defaults in its documentation (torch 2.13).

    Other dtypes, integers and booleans included, must be equal. Same formula; ``equal_nan=True`` here.
    """
    rtol, atol = {"float64": (1e-7, 1e-7), "float32": (1.3e-6, 1e-5), "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5)}.get(
        dtype, (0.0, 0.0)
    )
    return {"rtol": rtol, "atol": atol}


def _numpy(dtype: str) -> dict[str, Any]:
    """``numpy.allclose``: rtol 1e-5, atol 1e-8 whatever the dtype. Same formula; ``equal_nan=True`` here."""
    return {"rtol": 1e-5, "atol": 1e-8}


def _polygraphy(dtype: str) -> dict[str, Any]:
    """Polygraphy's ``CompareFunc.simple`` (0.53): rtol and atol 1e-5 whatever the dtype.

    It fails an element that is beyond *both*, so its bound is the larger of the two; here they add,
    which is up to twice as wide where both are alike.
    """
    return {"rtol": 1e-5, "atol": 1e-5}


def _optimum(dtype: str) -> dict[str, Any]:
    """Optimum's ONNX export (``validate_model_outputs``): ``numpy.allclose`` with atol 1e-5, so rtol 1e-5 by default.

    Some architectures there ask for another atol, up to 1e-2: declare these as rows.
    """
    return {"rtol": 1e-5, "atol": 1e-5}


def _onnx_backend(dtype: str) -> dict[str, Any]:
    """The ONNX backend test suite (``onnx.backend.test``): ``numpy.testing.assert_allclose`` with rtol 1e-3, atol 1e-7."""
    return {"rtol": 1e-3, "atol": 1e-7}


def _torch_mlir(dtype: str) -> dict[str, Any]:
    """torch-mlir's end-to-end tests (``torch_mlir_e2e_test.reporting``): ``torch.allclose``, rtol 1e-3, atol 1e-7, equal_nan."""
    return {"rtol": 1e-3, "atol": 1e-7}


def _ascend(dtype: str) -> dict[str, Any]:
    """Operator check of Ascend's msit (``opcheck``, ``precision_standard``): a relative bound and a share of the elements.

    There ``|actual / golden - 1| <= bound`` must hold for more than the share, and elements with
    ``|golden|`` up to the epsilon of float32 are not looked at. Here the share may be reached exactly and
    such elements may be off by that epsilon, so an error at a golden zero is seen. ``+-1`` for
    narrow integers is meant as an absolute difference, as it is written there.
    """
    shares = {"float16": (1e-3, 0.999), "bfloat16": (4e-3, 0.996)}
    if dtype.startswith(_FLOATS):
        rtol, share = shares.get(dtype, (1e-4, 0.9999))
        return {"rtol": rtol, "atol": FLOAT32_EPSILON, "min_fraction": share}
    if dtype in ("int8", "int16", "uint16"):
        return {"rtol": 0.0, "atol": 1.0, "min_fraction": 0.999}
    if dtype == "uint8":
        return {"rtol": 0.0, "atol": 1.0, "min_fraction": 0.99}
    if dtype == "bool":
        return {"rtol": 0.0, "atol": 0.0}
    return {"rtol": 1e-4, "atol": 0.0, "min_fraction": 0.9999}


def _ascend_compare(dtype: str) -> dict[str, Any]:
    """What Ascend's network comparison (msit ``compare``, msaccucmp) flags: cosine, relative Euclidean distance, KL, RMSE, mean relative.

    Cosine above 0.99; Euclidean distance over the golden norm (which is the relative root mean square
    error) below 0.05; KL below 0.005 over the whole tensor rescaled to 0..1; root mean square error
    below 1; mean relative error below 1, which leaves out elements near a golden zero there and counts
    them here. The same set for every dtype, and no bound on single elements.
    """
    return {"min_cosine": 0.99, "max_rms_rel": 0.05, "max_kl": 0.005, "kl_of": "range", "max_rmse": 1.0, "max_mean_rel": 1.0}


PRESETS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "torch": _torch, "numpy": _numpy, "polygraphy": _polygraphy, "optimum": _optimum, "onnx-backend": _onnx_backend,
    "torch-mlir": _torch_mlir, "ascend": _ascend, "ascend-compare": _ascend_compare,
}  # fmt: skip


def limits_of(preset: str, dtype: str) -> dict[str, Any]:
    """Return the limits of a preset for ``dtype``, as fields of `Tolerance`. Raises `UsageError` for an unknown name."""
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    return PRESETS[preset](dtype)
