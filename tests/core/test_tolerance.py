"""Declared tolerances: what is refused, what travels, what is wider than what, and what each preset says."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.core.presets import PRESETS, limits_of
from harness.core.spec import DTYPES
from harness.core.tolerance import DEFAULTS, FORMULA, Tolerance, default_tolerance, floating, tolerance_from, wider


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "a tolerance without any limit; give rtol and atol, a preset, or another limit"),
        ({"rtol": -1.0}, "tolerance rtol=-1.0; expected a finite number >= 0"),
        ({"atol": float("nan")}, "tolerance atol=nan; expected a finite number >= 0"),
        ({"max_kl": float("inf")}, "tolerance max_kl=inf; expected a finite number >= 0"),
        ({"max_ulp": True}, "tolerance max_ulp=True; expected a finite number >= 0"),
        ({"max_rms_rel": "1"}, "tolerance max_rms_rel='1'; expected a finite number >= 0"),
        ({"min_cosine": 1.5}, "tolerance min_cosine=1.5; expected a number from -1 to 1"),
        ({"min_sqnr_db": float("-inf")}, "tolerance min_sqnr_db=-inf; expected a finite number"),
        ({"rtol": 0.1, "min_fraction": 1.01}, "tolerance min_fraction=1.01; expected a number from 0 to 1"),
        ({"rtol": 0.1, "min_fraction": 0}, "tolerance min_fraction=0; expected a number from 0 to 1, more than 0"),
        ({"rtol": 0.1, "min_fraction": None}, "tolerance min_fraction=None; expected a number from 0 to 1"),
        ({"max_ulp": 1, "min_fraction": 0.9}, "tolerance min_fraction=0.9 without rtol or atol; say what that share must satisfy"),
        ({"top_k": 0}, "tolerance top_k=0; expected a whole number >= 1"),
        ({"top_k": 5, "min_top_k": -0.1}, "tolerance min_top_k=-0.1; expected a number from 0 to 1"),
        ({"min_top_k": 0.9}, "tolerance min_top_k or tie_window without top_k; say how many of the largest scores count"),
        ({"top_k": 5, "tie_window": -1}, "tolerance tie_window=-1; expected a finite number >= 0"),
        ({"rtol": 0.1, "kl_of": "logits"}, "tolerance kl_of='logits' without max_kl; give the largest divergence"),
        ({"max_kl": 0.1, "kl_of": "odds"}, "tolerance kl_of='odds'; expected one of probabilities, logits, range"),
        ({"rtol": 0.1, "reason": "r", "expires": "soon"}, "tolerance expires='soon'; expected a date such as 2027-01-31"),
        ({"rtol": 0.1, "reason": "r", "expires": "20270131"}, "tolerance expires='20270131'; expected a date such as 2027-01-31"),
        ({"rtol": 0.1, "expires": "2027-01-31"}, "tolerance expires='2027-01-31' has no reason; say why the bound is what it is"),
        ({"preset": "pytorch"}, "unknown preset 'pytorch'; did you mean torch"),
        ({"rtol": 0.1, "mode": "both"}, "tolerance mode='both'; expected one of oracle, declared"),
        ({"rtol": 0.1, "max_cosine": 0.9}, "unknown limit 'max_cosine'; did you mean min_cosine"),
    ],
    ids=str,
)
def test_a_bad_tolerance_is_one_clear_error(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=rf"^somewhere: {re.escape(said)}"):
        tolerance_from(given, "somewhere")


def test_one_of_rtol_and_atol_makes_the_other_zero_and_none_of_them_no_bound_on_elements() -> None:
    assert (Tolerance(rtol=0.1).atol, Tolerance(atol=0.1).rtol) == (0.0, 0.0)
    only = Tolerance(min_cosine=0.9)
    assert (only.elementwise, only.rtol, only.atol) == (False, None, None)


@pytest.mark.parametrize(
    "tolerance",
    [
        Tolerance(rtol=1.0, atol=0.0, reason="r"),
        Tolerance(max_kl=0.1, kl_of="logits", top_k=5, min_top_k=0.9, tie_window=0.1, reason="r", expires="2027-01-31"),
        Tolerance(preset="ascend", reason="r"),
        Tolerance(rtol=1e-3, min_fraction=0.9, mode="oracle", row="file, row 3"),
    ],
    ids=repr,
)
def test_it_travels_as_plain_data(tolerance: Tolerance) -> None:
    assert tolerance_from(tolerance.to_json(), "here") == tolerance


def test_a_date_is_a_day_whether_toml_or_text() -> None:
    assert Tolerance(rtol=1.0, reason="r", expires=datetime.date(2027, 1, 31)).expires == "2027-01-31"  # type: ignore[arg-type]


def test_the_bound_of_a_record_names_limits_formula_and_origin() -> None:
    assert default_tolerance("float32").bound() == {"rtol": 1e-4, "atol": 1e-5, "formula": FORMULA}
    found = Tolerance(max_ulp=4, reason="r", expires="2027-01-31", row="t.toml, row 1").bound()
    assert found == {"max_ulp": 4, "reason": "r", "expires": "2027-01-31", "row": "t.toml, row 1"}


@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        (Tolerance(rtol=1e-4, atol=1e-5), DEFAULTS["float32"], []),
        (Tolerance(rtol=1e-5, atol=1e-5, max_ulp=3), DEFAULTS["float32"], []),
        (Tolerance(rtol=1e-3, atol=1e-5), DEFAULTS["float32"], ["rtol 0.001 instead of 0.0001"]),
        (Tolerance(rtol=0.0, atol=2e-5), DEFAULTS["float32"], ["atol 2e-05 instead of 1e-05"]),
        (Tolerance(rtol=0.0, atol=0.0, min_fraction=0.99), DEFAULTS["float32"], ["min_fraction 0.99 instead of 1"]),
        (Tolerance(min_cosine=0.99), DEFAULTS["float32"], ["no rtol, 0.0001 before", "no atol, 1e-05 before"]),
        (Tolerance(min_cosine=0.98), Tolerance(min_cosine=0.99), ["min_cosine 0.98 instead of 0.99"]),
        (Tolerance(max_kl=0.1, kl_of="logits"), Tolerance(max_kl=0.1), ["kl_of logits instead of probabilities"]),
        (Tolerance(top_k=1), Tolerance(top_k=5), ["top_k 1 instead of 5"]),
        (Tolerance(top_k=5, tie_window=0.1), Tolerance(top_k=5), ["tie_window 0.1 instead of 0.0"]),
        (Tolerance(top_k=5), Tolerance(top_k=5, tie_window=0.1), []),
    ],
)
def test_wider_names_each_limit_that_goes_further(new: Tolerance, old: Tolerance, said: list[str]) -> None:
    assert wider(new, old) == said


def test_presets_say_what_their_sources_say() -> None:
    table = {(name, dtype): limits_of(name, dtype) for name in PRESETS for dtype in DTYPES}
    assert table["ascend", "float32"] == {"rtol": 1e-4, "atol": 2**-23, "min_fraction": 0.9999}
    assert table["ascend", "float16"] == {"rtol": 1e-3, "atol": 2**-23, "min_fraction": 0.999}
    assert table["ascend", "bfloat16"] == {"rtol": 4e-3, "atol": 2**-23, "min_fraction": 0.996}
    assert table["ascend", "int8"] == {"rtol": 0.0, "atol": 1.0, "min_fraction": 0.999}
    assert table["ascend", "bool"] == {"rtol": 0.0, "atol": 0.0}
    assert table["torch", "bfloat16"] == {"rtol": 1.6e-2, "atol": 1e-5}
    assert table["torch", "int64"] == {"rtol": 0.0, "atol": 0.0}
    assert table["onnx-backend", "float32"] == table["torch-mlir", "float32"] == {"rtol": 1e-3, "atol": 1e-7}
    assert table["ascend-compare", "float16"] == table["ascend-compare", "int8"]
    for (name, dtype), limits in table.items():
        assert Tolerance(**limits).limits, (name, dtype)
        assert PRESETS[name].__doc__, "each cites its source"


def test_a_preset_is_filled_in_for_a_dtype_under_the_limits_given_beside_it() -> None:
    found = Tolerance(preset="ascend", atol=0.5, reason="r").at("float16")
    assert (found.rtol, found.atol, found.min_fraction, found.reason, found.preset) == (1e-3, 0.5, 0.999, "r", "ascend")
    assert found.at("float16") == found
    plain = Tolerance(rtol=0.1)
    assert plain.at("float16") is plain


def test_floating_is_told_by_the_name() -> None:
    assert [dtype for dtype in DTYPES if not floating(dtype)] == [d for d in DTYPES if d.startswith(("int", "uint", "bool"))]
