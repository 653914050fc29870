"""Times in the report: only what a record holds, whatever it holds."""

from __future__ import annotations

from typing import Any

import pytest
from records import record

from harness.report.html import render_html
from harness.report.latency import WIDTH, seconds, times

SIDE = {"p50": 0.0012, "p90": 0.002, "first": 0.5, "load": 1.5, "peak": 50 * 2**20, "series": [0.001, 0.002]}
LATENCY: dict[str, Any] = {
    "target": SIDE, "source": {"p50": 0.0024}, "ratio": {"estimate": 0.5, "low": 0.4, "high": 0.6},
    "batches": [{"batch": 8, "per_second": 4000.0}, {"batch": 99, "error": "outside"}], "notes": ["it had not settled"], "load": 1.5,
    "fingerprint": {"cpu": "Made Up 3000", "threads": 2}, "gate": {"outcome": "passed", "reason": "as fast as ever"},
}  # fmt: skip


def test_records_without_times_have_no_section() -> None:
    assert times([record("match")]) is None
    assert 'id="latency"' not in render_html([record("match")])


def test_a_row_shows_what_was_measured_and_leaves_out_what_was_not() -> None:
    found = times([record("match", latency=LATENCY), record("match")])
    assert found is not None
    (row,) = found.rows
    assert row.times == ("1.2 ms", "2 ms", "", "500 ms", "1.5 s")
    assert (row.source, row.memory, row.ratio) == ("2.4 ms", "50 MiB", "0.5 [0.4, 0.6]")
    assert row.batches == "8: 4,000; 99: outside"
    assert found.conditions == "processor Made Up 3000; threads 2; load average 1.5 before"


def test_the_picture_puts_equal_times_in_the_middle() -> None:
    found = times([record("match", latency={**LATENCY, "ratio": {"estimate": 1.0, "low": 0.5, "high": 2.0}})])
    assert found is not None
    (row,) = found.rows
    assert row.place == found.one == WIDTH / 2
    assert row.low is not None
    assert row.high is not None
    assert row.low + row.high == pytest.approx(WIDTH, abs=0.2)
    assert row.side == "even"


@pytest.mark.parametrize(("low", "high", "side"), [(0.4, 0.6, "in"), (1.1, 1.3, "out"), (0.9, 1.1, "even")])
def test_a_ratio_is_coloured_only_where_it_is_certain(low: float, high: float, side: str) -> None:
    found = times([record("match", latency={**LATENCY, "ratio": {"estimate": 1.0, "low": low, "high": high}})])
    assert found is not None
    assert found.rows[0].side == side


def test_the_page_has_the_table_the_gate_and_the_conditions() -> None:
    page = render_html([record("match", latency=LATENCY)])
    for text in ('id="latency"', "1.2 ms", "Made Up 3000", "as fast as ever", "it had not settled", '<svg class="ratio"'):
        assert text in page


@pytest.mark.parametrize(
    "latency",
    [
        {"target": {"p50": "<script>"}}, {"target": {"p50": float("nan")}, "ratio": {"estimate": float("inf")}},
        {"target": {"p50": -1.0}, "ratio": {"estimate": 0.0, "low": "x"}}, {"target": {"p50": True}, "batches": "none", "notes": 3},
        {"target": [1, 2]}, {"target": {"p50": 1e-320}, "ratio": {"estimate": 1e300, "low": 1e-300, "high": 1e308}, "gate": 7},
        {"target": {"x": 1}, "gate": {"outcome": "<b>", "reason": "<img onerror=1>"}, "fingerprint": {"cpu": "</script>"}},
    ],
)  # fmt: skip
def test_whatever_a_record_holds_the_page_is_made(latency: dict[str, Any]) -> None:
    page = render_html([record("match", latency=latency)])
    assert "<img onerror" not in page
    assert "<b>&lt;" not in page


@pytest.mark.parametrize(("number", "text"), [(None, ""), (1.5, "1.5 s"), (0.0005, "500 µs"), (3e-9, "3 ns"), (1e-12, "0.001 ns")])
def test_times_in_their_unit(number: float | None, text: str) -> None:
    assert seconds(number) == text
