"""Tolerance rows: what is read and refused, which row decides, and which are told to be late or unused."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pytest

from harness.core import toml
from harness.core.errors import UsageError
from harness.core.outcome import Outcome, Stage
from harness.core.record import Comparison, Record
from harness.core.tolerance import Tolerance, default_tolerance
from harness.policy.tolerances import Row, bounds_for, problems, read

TODAY = datetime.date(2026, 5, 1)
WHY = {"reason": "deep recurrence", "expires": "2027-01-31"}
LOOSE = {"mode": "declared", "rtol": 1e-2, "atol": 1e-3, **WHY}


def rows(*tables: dict[str, Any]) -> tuple[Row, ...]:
    return read(list(tables), "/project")


def bound(found: tuple[Row, ...], case: str = "resnet", output: str = "y", dtype: str = "float32", **more: Any) -> Tolerance:
    cell = {"level": "e2e", "route": "torch>onnx.dynamo>onnxruntime@cpu", **more}
    return bounds_for(case, cell["level"], cell["route"], found, cell.get("own"))(output, dtype)


def test_files_and_rows_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(
        '[[tolerance]]\ncase = "a*"\nmax_ulp = 4\n[[tolerance]]\nmode = "declared"\npreset = "ascend"\n'
        'route = "*>om@npu"\nreason = "the vendor\'s standard"\nexpires = 2027-01-31\n'
    )
    first, second, third = read(["t.toml", {"level": "unit", "min_cosine": 0.9}], tmp_path)
    assert (first.where, first.subject, first.tolerance and first.tolerance.max_ulp) == ("t.toml, row 1", "a*", 4)
    assert (second.where, second.expires, second.mode, second.subject) == ("t.toml, row 2", "2027-01-31", "declared", "*>om@npu")
    assert (third.where, third.subject) == ("pyproject.toml, [tool.parity.tolerances], row 2", "unit")
    table = {"mode": "declared", "rtol": 1e-8, "files": ["t.toml"]}
    assert [row.where for row in read(table, tmp_path)] == ["pyproject.toml, [tool.parity.tolerances]", "t.toml, row 1", "t.toml, row 2"]
    assert read((), tmp_path) == read([], tmp_path) == read({"files": []}, tmp_path) == ()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"cas": "x"}, ": unknown key 'cas'; did you mean 'case'?"),
        ({"max_cosine": 1}, ": unknown key 'max_cosine'; did you mean 'min_cosine'?"),
        ({"case": ""}, ": case is empty; give a name or a pattern, or leave it out for all"),
        ({"dtype": "flaot32"}, ": unknown dtype 'flaot32'; did you mean float32"),
        ({"level": "units"}, ": unknown level 'units'; did you mean unit"),
        ({"mode": "declare"}, ": unknown mode 'declare'; did you mean declared"),
        ({"mode": "declared"}, ": a tolerance without any limit; give rtol and atol, a preset, or another limit"),
        ({"preset": "torch"}, ': preset would replace the bound from the oracle; say so with mode = "declared", or leave it out'),
        ({"rtol": 1e-6}, ": rtol would replace the bound from the oracle"),
        ({"preset": "torch", "atol": 1.0, "mode": "declared"}, ": has a preset and atol; give either, or two rows for different outputs"),
        ({"preset": "pytorch", "mode": "declared"}, ": unknown preset 'pytorch'; did you mean torch"),
        ({"max_ulp": -1}, ": tolerance max_ulp=-1; expected a finite number >= 0"),
        ({"max_ulp": 1, "reason": 3}, ": reason is 3; write a text, or leave it out"),
        ({**LOOSE, "expires": "soon"}, ": tolerance expires='soon'; expected a date such as 2027-01-31"),
        ({"expires": "soon"}, ": expires='soon'; expected a date such as 2027-01-31"),
        (
            {"mode": "declared", "rtol": 1e-2, "atol": 1e-5},
            " (everything): looser than the default for float64 (rtol 0.01 instead of 1e-07; atol 1e-05 instead of 1e-09) "
            'and has no reason and expires; say why and until when: reason = "..." and expires = "2027-01-31"',
        ),
        (
            {"case": "resnet*", "dtype": "float32", "mode": "declared", "rtol": 1e-2, "reason": "r"},
            " (resnet* float32): looser than the default for float32 (rtol 0.01 instead of 0.0001) and has no expires",
        ),
        ({"mode": "declared", "min_cosine": 0.9}, " (everything): looser than the default for float64 (no rtol, 1e-07 before"),
        ({"mode": "declared", "dtype": "int64", "atol": 1}, " (int64): looser than the default for int64 (atol 1 instead of 0)"),
        ({"mode": "declared", "preset": "ascend"}, " (everything): looser than the default for float64 (rtol 0.0001 instead of 1e-07"),
    ],
    ids=str,
)
def test_a_bad_row_is_one_clear_error(table: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=rf"^pyproject.toml, \[tool.parity.tolerances\], row 1{re.escape(said)}"):
        rows(table)


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text("[tolerance]\nrtol = 1\n")
    with pytest.raises(UsageError, match=r"t\.toml: write each row as its own \[\[tolerance\]\] table"):
        read(["t.toml"], tmp_path)
    (tmp_path / "t.toml").write_text("[[tolerances]]\nrtol = 1\n")
    with pytest.raises(UsageError, match="t.toml: unknown key 'tolerances'; did you mean 'tolerance'"):
        read(["t.toml"], tmp_path)
    with pytest.raises(UsageError, match="cannot read .*gone.toml"):
        read(["gone.toml"], tmp_path)
    with pytest.raises(UsageError, match="files is 't.toml'; expected a list of file names"):
        read({"files": "t.toml"}, tmp_path)


def test_a_tighter_row_needs_neither_reason_nor_expiry() -> None:
    only = {"mode": "declared", "dtype": "float32"}
    assert rows({**only, "rtol": 1e-5, "atol": 1e-6}, {**only, "preset": "torch"})
    assert rows({"max_ulp": 1e6}, {"min_cosine": -1}, {"top_k": 5, "dtype": "*"}), "beside the oracle a limit can only tighten"


def test_the_last_row_that_names_an_output_decides() -> None:
    found = rows({**LOOSE}, {**LOOSE, "rtol": 2e-2, "case": "res*"}, {**LOOSE, "rtol": 3e-2, "case": "resnet", "output": "ids"})
    assert bound(found, "vgg").rtol == 1e-2
    assert bound(found).rtol == 2e-2
    assert bound(found, output="ids").rtol == 3e-2
    assert bound(tuple(reversed(found)), output="ids").rtol == 1e-2, "not the most specific, the last"
    assert bound(found).row == found[1].where


@pytest.mark.parametrize(
    ("key", "fits", "other"),
    [
        ("case", "resnet", "vgg"),
        ("level", "e2e", "unit"),
        ("route", "torch>*", "onnx>*"),
        ("output", "y", "x"),
        ("dtype", "float3?", "float16"),
    ],
)
def test_each_key_narrows_what_a_row_names(key: str, fits: str, other: str) -> None:
    assert bound(rows({**LOOSE, key: fits})).rtol == 1e-2
    assert bound(rows({**LOOSE, key: other})) == default_tolerance("float32")


def test_without_a_dtype_limits_are_about_floats_and_a_preset_about_all() -> None:
    assert bound(rows(LOOSE), dtype="int64") == default_tolerance("int64")
    assert bound(rows({**LOOSE, "dtype": "*"}), dtype="int64").rtol == 1e-2
    ascend = rows({"preset": "ascend", "mode": "declared", **WHY})
    shares = {"float32": 0.9999, "float16": 0.999, "bfloat16": 0.996, "int8": 0.999}
    assert {dtype: bound(ascend, dtype=dtype).min_fraction for dtype in shares} == shares


def test_a_row_beside_the_oracle_keeps_the_default_bound() -> None:
    found = bound(rows({"max_ulp": 8}))
    assert (found.rtol, found.atol, found.max_ulp, found.mode) == (1e-4, 1e-5, 8, "oracle")
    back = bound(rows(LOOSE, {"case": "resnet"}))
    assert (back.rtol, back.mode, back.row) == (1e-4, "oracle", "pyproject.toml, [tool.parity.tolerances], row 2")
    assert bound(rows(LOOSE)).mode == "declared"


def test_the_tolerance_of_a_case_lies_over_every_row_for_floats() -> None:
    own = Tolerance(rtol=0.5, atol=0.0, reason="its own")
    assert bound(rows(LOOSE), own=own) is own
    assert bound((), own=own, dtype="int64") == default_tolerance("int64")
    assert bound((), own=Tolerance(preset="torch", reason="r"), dtype="float16").rtol == 1e-3


def record(case: str = "resnet", tolerance: Tolerance | None = None, outcome: Outcome = Outcome.MATCH) -> Record:
    judged = (Comparison(output="y", match=True, metrics={}, bound=tolerance.bound()),) if tolerance else ()
    return Record(
        id=case, case=case, level="e2e", route="a>b@cpu", framework="a", target="b@cpu", stage=Stage.COMPARE, outcome=outcome,
        comparisons=judged,
    )  # fmt: skip


def test_an_expired_row_that_decided_something_is_told() -> None:
    found = rows({**LOOSE, "case": "res*", "expires": "2026-04-30"}, {**LOOSE, "case": "vgg", "expires": "2020-01-01"})
    cells = [record("resnet", bound(found)), record("other", default_tolerance("float32"))]
    assert problems(cells, found, TODAY) == [
        "expired: the tolerance for res* was valid until 2026-04-30; fix the cells or renew the row "
        "(pyproject.toml, [tool.parity.tolerances], row 1)"
    ]
    assert problems(cells, found, datetime.date(2026, 4, 30)) == [], "the last day is valid"


def test_an_expired_tolerance_of_a_case_is_told_once() -> None:
    own = Tolerance(rtol=1.0, reason="r", expires="2026-01-01")
    assert problems([record("resnet", own), record("resnet", own)], (), TODAY) == [
        "expired: the tolerance of case resnet was valid until 2026-01-01; tighten or renew it"
    ]


def test_a_row_that_decides_nothing_is_told_in_a_complete_run_only() -> None:
    found = rows({**LOOSE, "case": "resnet"}, {**LOOSE, "case": "gone*"}, {**LOOSE, "case": "absent"})
    cells = [record("resnet", bound(found)), record("absent", None, Outcome.UNAVAILABLE)]
    assert problems(cells, found, TODAY) == []
    assert problems(cells, found, TODAY, complete=True) == [
        "unmatched: the tolerance for gone* decides no output of the whole matrix; remove or correct it "
        "(pyproject.toml, [tool.parity.tolerances], row 2)"
    ]
    hidden = rows({**LOOSE, "case": "res*"}, {**LOOSE, "case": "resnet"})
    assert len(problems([record("resnet", bound(hidden))], hidden, TODAY, complete=True)) == 1, "every output is decided by a later row"


def test_the_rows_of_this_repository_are_read_and_none_is_late() -> None:
    root = Path(__file__).resolve().parents[2]
    found = read(toml.read(root / "pyproject.toml")["tool"]["parity"]["tolerances"], root)
    assert found
    assert not [row.where for row in found if row.expires and row.expires < datetime.date.today().isoformat()]
    assert bound(found, "transpose-rotate-axes", level="unit").rtol == 0.0
