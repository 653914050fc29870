"""The compatibility table: shown when there is much to search in, complete, and deaf to what records try to inject."""

from __future__ import annotations

import re

from harness.core.outcome import Outcome
from harness.core.record import Record, record_from
from harness.report.compat import ENOUGH, by_dtype, compat
from harness.report.html import render_html
from harness.report.markdown import render_markdown
from tests.report.records import HOSTILE, met, record

DYNAMO, SCRIPT = "torch>onnx.dynamo>onnxruntime@cpu", "torch>torchscript.trace>torchscript@cpu"


def op(number: int, outcome: str = "match", route: str = DYNAMO, dtype: str = "float32", **changes: object) -> Record:
    name = f"op{number}"
    return record(outcome, f"opinfo/{name}/default/{dtype}/0", route, **{"family": name, "dtype": dtype, **changes})


def many(outcomes: dict[int, str]) -> list[Record]:
    return [op(number, outcomes.get(number, "match")) for number in range(ENOUGH)]


def test_few_families_have_no_table() -> None:
    assert compat(many({})[:-1]) is None
    assert 'id="compat"' not in render_html(many({})[:-1])
    assert "Operators × dtype" not in render_markdown(many({})[:-1])
    e2e = [record("match", f"model{number}", level="e2e", family=f"f{number}") for number in range(ENOUGH)]
    assert compat(e2e) is None


def test_a_line_for_each_operator_and_dtype_and_a_column_for_each_route() -> None:
    cells = [*many({7: "mismatch"}), op(7, "crash", SCRIPT), op(7, "match", SCRIPT, "int64"), op(7, "match", DYNAMO, dtype="int64")]
    found = compat(cells)
    assert found is not None
    assert [column.route for column in found.columns] == [DYNAMO, SCRIPT]
    assert found.dtypes == ("float32", "int64")
    lines = {(line.family, line.dtype): line for line in found.lines}
    assert len(lines) == len(found.lines) == ENOUGH + 1
    assert {route: str(part.worst) for route, part in lines["op7", "float32"].tallies.items()} == {DYNAMO: "mismatch", SCRIPT: "crash"}
    assert lines["op7", "float32"].outcomes == ("crash", "mismatch")
    assert found.counts == {"match": ENOUGH, "mismatch": 1, "crash": 1}
    assert sum(part.total for line in found.lines for part in line.tallies.values()) == len(cells)
    sums = {(column.route, dtype): (dict(worst), tried) for column, dtype, worst, tried in by_dtype(found)}
    assert sums[DYNAMO, "float32"] == ({"match": ENOUGH - 1, "mismatch": 1}, ENOUGH)
    assert sums[SCRIPT, "int64"] == ({"match": 1}, 1)


def test_the_page_says_for_each_row_what_to_filter_by() -> None:
    page = render_html([*many({3: "unsupported"}), op(3, "match", SCRIPT, "bool")])
    section = re.search(r'<section id="compat">.*?</section>', page, re.DOTALL)
    assert section
    rows = re.findall(r'<tr data-outcomes="([^"]*)" data-text="([^"]*)">', section[0])
    assert len(rows) == ENOUGH + 1
    assert ("unsupported", "torch op3 float32") in rows
    assert ("match", "torch op3 bool") in rows
    assert '<button type="button" data-outcome="unsupported" aria-pressed="false">' in section[0]
    assert 'href="#compat"' in page


def test_markdown_counts_by_route_and_dtype_and_names_what_does_not_match() -> None:
    text = render_markdown([*many({3: "unsupported", 4: "mismatch"}), op(5, "error", expectation=met())])
    line = next(row for row in text.splitlines() if "onnx.dynamo" in row and "| float32 |" in row)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[2] == str(ENOUGH)
    assert cells.count("1") == 3  # unsupported, mismatch, and the expected error
    assert "<summary>3 operators that do not match on every route</summary>" in text
    assert "<code>op3</code> float32" in text
    assert "<code>op6</code> float32" not in text


def test_names_are_text_wherever_they_stand() -> None:
    cells = [*many({}), *(op(0, "error", family=text, dtype=text, target=f"{text}@cpu") for text in HOSTILE)]
    page = render_html(cells)
    section = re.search(r'<section id="compat">.*?</section>\s*<section id="cells">', page, re.DOTALL)
    assert section
    assert "<script" not in section[0]
    assert "<img" not in section[0]
    assert "onerror=window" not in re.sub(r'"[^"]*"|&lt;.*?&gt;', "", section[0])
    told = render_markdown(cells)
    told = told[told.index("### Operators") : told.index("### Worst")]
    assert not {"<script", "<img", "<svg", "**bold**"} & {sign for sign in ("<script", "<img", "<svg", "**bold**") if sign in told}


def test_the_dtype_of_a_record_survives_its_line_and_older_lines_have_none() -> None:
    made = op(1, dtype="float16")
    data = made.to_json()
    assert record_from(data).dtype == "float16"
    del data["dtype"]
    assert record_from(data).dtype == ""
    assert Outcome(data["outcome"]) is made.outcome
