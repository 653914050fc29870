"""Labelled records, such as emulated ones, are a column of their own: they are told, and stand in for no device."""

from __future__ import annotations

from typing import Any

import pytest

from harness.core.record import Record, record_from
from harness.policy.gate import gate, load_policy
from harness.report.html import render_html
from harness.report.markdown import render_markdown
from tests.report.records import record

EMULATED = "onnx>ascend.emulated[mode=force_fp16]@cpu"
NPU = "onnx>onnx.atc>ascend.acl@npu"


def emulated(outcome: str = "match", case: str = "unit/a", **changes: Any) -> Record:
    return record(outcome, case, EMULATED, target="ascend.emulated@cpu", label="emulated", **changes)


def absent(case: str = "unit/a") -> Record:
    return record("unavailable", case, NPU)


def test_a_label_is_written_and_read() -> None:
    assert emulated().to_json()["label"] == "emulated"
    assert record_from(emulated().to_json()).label == "emulated"
    assert record_from({key: part for key, part in record().to_json().items() if key != "label"}).label == "", "records of older versions"


def test_a_gate_counts_them_apart() -> None:
    found = gate([record(), emulated(), emulated("mismatch", "unit/b")])
    assert found.to_json()["apart"] == {"emulated": {"cells": 2, "match": 1, "fail": 1}}
    assert (found.code, found.reasons) == (1, (f"emulated: 1 cell: mismatch: unit/b on {EMULATED}",))
    assert "apart" not in gate([record()]).to_json()


def test_one_that_matches_stands_in_for_no_device() -> None:
    assert gate([absent(), emulated()]).code == 3, "the device itself is not here: nothing was compared"
    assert gate([emulated()]).code == 0, "nothing else was asked"
    met = [absent(), emulated(), record()]
    for table, said in (
        ({"require_runtimes": ["ascend*"]}, "require_runtimes ascend*: it is unavailable here"),
        ({"require_runtimes": ["*@cpu", "ascend.acl@npu"]}, "require_runtimes ascend.acl@npu: it is unavailable here"),
        ({"require_match": [{"routes": "onnx>*ascend*"}]}, "require_match onnx>*ascend*: 1 of 1 cell do not match"),
        ({"min_cells": 2}, "min_cells: 1 cell compared, at least 2 required"),
    ):
        found = gate(met, load_policy(table))
        assert found.code == 1
        assert any(reason.startswith(said) for reason in found.reasons), found.reasons


def test_only_emulated_cells_meet_no_pattern() -> None:
    found = gate([record(), emulated()], load_policy({"require_runtimes": ["ascend*"]}))
    assert found.reasons == ("require_runtimes ascend*: no cell of this run targets it",)
    found = gate([record(), emulated()], load_policy({"require_match": [{"routes": "onnx>*"}]}))
    assert found.reasons == ("require_match onnx>*: no such cell in this run",)


def test_a_policy_may_name_the_emulator_itself() -> None:
    policy = load_policy({"require_runtimes": ["ascend.emulated"], "require_match": [{"routes": "onnx>ascend.emulated*"}]})
    assert gate([record(), emulated()], policy).passed
    assert not gate([record(), emulated("mismatch")], policy).passed


@pytest.mark.parametrize("render", [render_markdown, render_html])
def test_reports_head_the_column_with_the_label_and_leave_it_out_of_the_sums(render: Any) -> None:
    cells = [record(), record("mismatch", "unit/b"), emulated(), emulated(case="unit/c")]
    text = render(cells, gate=gate(cells).to_json())
    assert "1 of 2 executed cells match" in text
    assert "emulated, no result of the device itself: 2 of 2 cells match" in text
    assert "cpu (emulated)" in text
    plain = render([record()], gate=gate([record()]).to_json())
    assert "emulated" not in plain.replace("emulated?", "")


def test_a_report_of_nothing_else_says_that_no_device_was_there() -> None:
    text = render_markdown([emulated()], gate=gate([emulated()]).to_json())
    assert "0 of 0 executed cells match" in text
    assert "emulated, no result of the device itself: 1 of 1 cell match" in text
