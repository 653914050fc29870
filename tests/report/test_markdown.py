"""The summary for a CI job page."""

from __future__ import annotations

import re

import pytest

from harness.report.markdown import code, fenced, plain, render_markdown
from tests.report.records import GATE, HOSTILE, RUN, culprit, hostile, many, met, one_of_each, record


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a|b", "a&#124;b"),
        ("`x`", "&#96;x&#96;"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("**bold** _u_", "&#42;&#42;bold&#42;&#42; &#95;u&#95;"),
        ("[x](http://e)", "&#91;x&#93;(http&#58;//e)"),
        ("@team onnxruntime@cpu", "&#64;team onnxruntime@cpu"),
        ("back\\slash", "back&#92;slash"),
        ("see www.e.example", "see www&#46;e.example"),
        ("two\nlines", "two"),
    ],
)
def test_text_is_nothing_but_text(raw: str, shown: str) -> None:
    assert plain(raw) == shown


def test_code_is_safe_inside_a_table() -> None:
    assert code("a|`b`<i>") == "<code>a&#124;&#96;b&#96;&lt;i&gt;</code>"


def test_a_fence_is_longer_than_any_run_inside() -> None:
    assert fenced("echo ````") == "`````sh\necho ````\n`````"


def test_hostile_records_leave_no_markup() -> None:
    text = render_markdown(hostile(), title=HOSTILE[0], gate={"passed": True, "reasons": HOSTILE}, run={t: t for t in HOSTILE}, worst=50)
    outside = re.sub(r"(?ms)^(`{3,})sh\n.*?\n\1$", "", text)
    assert set(re.findall(r"<[^>]*>", outside)) <= {"<code>", "</code>", "<br>", "<sub>", "</sub>"}
    assert "`" not in outside
    text.encode()


def test_tables_have_as_many_cells_in_every_row() -> None:
    text = render_markdown(hostile())
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 2
    for block in tables:
        assert len({row.count("|") for row in block.splitlines()}) == 1


def test_summary_of_one_of_each() -> None:
    text = render_markdown(one_of_each(), gate=GATE, run=RUN)
    assert "**✖ Gate failed (exit code 1)**: 2 of 8 executed cells match" in text
    assert "| 2 | 1 | 1 | 1 | 1 | 2 | 1 | 1 | 0 |" in text
    assert "≠ 2/8 mismatch †1 ‡1 unexpected pass ▨1" in text
    assert "### Worst failures (6 causes)" in text
    assert "**1\\. ≠ mismatch** at compare: <code>unit/mismatch</code>" in text
    assert "```sh\nparity repro 'unit/mismatch' --route 'torch>onnx.dynamo>onnxruntime@cpu'\n```" in text
    assert "no CUDA device was found; to get it: run on a machine" in text
    assert "commit 1f0c9ab" in text


def test_verdict_words() -> None:
    assert "○ No gate configured" in render_markdown([record()])
    assert "✓ Gate passed" in render_markdown([record()], gate={"passed": True, "code": 0, "reasons": []})
    assert "0 of 0 executed cells match" in render_markdown([])
    assert "▨ unavailable" in render_markdown([record("unavailable")])


def test_long_runs_stay_short() -> None:
    text = render_markdown(many(5000), gate={"passed": False, "code": 1, "reasons": [f"reason {n}" for n in range(40)]}, worst=2)
    assert len(text.encode()) < 50_000
    assert "- and 30 more" in text
    assert "and 2 more causes; the HTML report lists all of them." in text


def test_many_absences_are_cut() -> None:
    cells = [record("unavailable", f"unit/{n}", error={"message": f"{'x' * n} is missing"}) for n in range(1, 25)]
    assert "- and 4 more" in render_markdown(cells)


def test_bounds_that_could_be_tighter_are_listed_as_text() -> None:
    hints = [f"t.toml, row {number} (*a*): measured at most 1e-6" for number in range(12)]
    text = render_markdown([record()], hints=hints)
    assert "### Bounds that could be tighter\n\n- t.toml, row 0 (&#42;a&#42;): measured at most 1e-6\n" in text
    assert "- and 2 more; the HTML report lists all of them" in text
    assert "tighter" not in render_markdown([record()])


def test_each_failing_cell_has_a_line_about_its_culprit() -> None:
    cells = [record("mismatch", f"unit/{n}", culprit=culprit(sentence=f"It differs at *layer {n}*.")) for n in range(52)]
    text = render_markdown([*cells, record("mismatch", "unit/excused", expectation=met()), record()])
    start = text.index("### Who is to blame")
    lines = text[start:].splitlines()[2:]
    assert lines[0] == ("- <code>unit/0</code> on <code>torch&gt;onnx.dynamo&gt;onnxruntime@cpu</code>: It differs at &#42;layer 0&#42;.")
    assert (len(lines), lines[-1]) == (51, "- and 2 more; the HTML report lists all of them")
    assert "excused" not in text[start:]
    assert "Who is to blame" not in render_markdown([record("crash")])
