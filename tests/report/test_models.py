"""Whole models in the page, the summary and the closing lines: complete, linked, small, and deaf to what records try to inject."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from harness.core.record import Record
from harness.pytest_run import Run
from harness.report.html import render_html
from harness.report.markdown import render_markdown
from harness.report.models import Model, model_lines, models
from tests.report.model_records import ROUTES, SCRIPT, bert, cells, hostile_models, huge, node, parts, tree
from tests.report.records import ROUTE, record
from tests.report.test_html import Page


def made(records: list[Record]) -> list[Model]:
    return models(records, {cell.id: place for place, cell in enumerate(records)})


def section(text: str) -> str:
    """Return the part of a page that is about models."""
    start = text.index('<section id="models">')
    return text[start : text.index("</section>", start)]


def test_a_model_has_its_routes_with_the_worst_first_and_its_sums() -> None:
    (model,) = made(bert())
    assert [(lane.number, lane.route) for lane in model.lanes] == [(1, SCRIPT), (2, ROUTE)]
    assert [lane.whole.words for lane in model.lanes if lane.whole] == ["mismatch", "match"]
    sums = {level: (found.matched, found.executed) for level, found in model.lanes[0].tallies.items()}
    assert sums == {"module": (8, 9), "unit": (11, 13)}
    assert (model.cases, model.nodes, model.hidden) == (22, len(tree(3)) + 1, 0)
    assert [(item.type, item.share) for item in model.left] == [("BertModel", "1 %"), ("arange", "under 1 %")]


def test_each_node_has_the_verdict_of_its_case_on_each_route() -> None:
    records = bert()
    (model,) = made(records)
    rows = {row.paths[0] if row.paths else row.name: row for row in model.rows}
    softmax = rows["encoder.layer.0.attention.self+softmax"].marks
    assert [(mark.sign, mark.words) for mark in softmax if mark] == [("≠", "mismatch"), ("✓", "match")]
    assert [records[mark.place].route for mark in softmax if mark] == [SCRIPT, ROUTE]
    assert [(mark.style, mark.words) for mark in rows["encoder.layer.0.intermediate.act"].marks if mark] == [
        ("o-unsupported calm", "unsupported, as expected"), ("o-match", "match"),
    ]  # fmt: skip
    assert model.anchors["bert::" + ROUTE] == "m0"
    assert model.anchors["bert/encoder.layer.0.attention.self.query::" + ROUTE] == rows["encoder.layer.0.attention.self.query"].anchor


def test_an_unexpected_match_and_a_route_that_did_not_run_are_told_apart() -> None:
    nodes = [node("a", "A"), node("b", "B")]
    found = cells(nodes, {"bert/a": {"outcome": "match", "expectation": {"met": False, "problem": "unexpected pass"}}})
    (model,) = made([record(case="bert", level="e2e", parts=parts(nodes)), *found[:3]])
    assert [[mark and mark.words for mark in row.marks] for row in model.rows] == [["match, unexpected", "match"], [None, "match"]]


def test_generated_cells_belong_to_the_model_of_their_framework() -> None:
    paddle = "paddle>paddle2onnx>onnxruntime@cpu"
    nodes = [node("a", "A")]
    records = [
        *(record(case="bert", level="e2e", parts=parts(nodes), route=route) for route in (ROUTE, paddle)),
        *cells(nodes, {"bert/a": {"outcome": "crash"}}, (ROUTE, paddle)),
    ]
    found = made(records)
    assert [(model.framework, [lane.route for lane in model.lanes], model.tally.failing) for model in found] == [
        ("paddle", [paddle], 1), ("torch", [ROUTE], 0),
    ]  # fmt: skip


def test_a_model_that_did_not_run_has_a_tree_where_one_of_its_cases_tells_it() -> None:
    nodes = [node("a", "A"), node("b", "B")]
    first, *others = cells(nodes, {"bert/b": {"outcome": "mismatch"}})
    (model,) = made([dataclasses.replace(first, parts=parts(nodes)), *others])
    assert [lane.whole for lane in model.lanes] == [None] * len(model.lanes)
    assert {row.paths[0] if row.paths else row.name for row in model.rows} == {"a", "b"}
    assert (model.tally.failing, model.case) == (sum(record.outcome == "mismatch" for record in others), "bert")


def test_parts_without_their_model_make_no_section() -> None:
    assert 'id="models"' not in render_html(cells(tree(1), {}))
    assert 'id="models"' not in render_html([record()])
    assert 'href="#models"' in render_html(bert())


def test_every_verdict_leads_to_a_cell_and_every_same_to_its_place() -> None:
    text = render_html(bert())
    page = Page(text)
    ids = [str(attrs["id"]) for _, attrs in page.tags if attrs.get("id")]
    assert len(set(ids)) == len(ids)
    links = [str(attrs["href"]) for tag, attrs in Page(section(text)).tags if tag == "a"]
    assert {link[1:] for link in links} <= set(ids), "without a script a verdict leads to its line among the cells"
    assert sum(link.startswith("#m0n") for link in links) >= 4
    first = re.search(r'<tr id=c(\d+)><td>[^\n]*mismatch</span></td><td>bert/encoder.layer.0.attention.self\+softmax</td>', text)
    assert first
    assert f'<a class="o-mismatch" href=#c{first[1]} aria-label="mismatch, route 1">≠</a>' in section(text)


def test_all_of_the_tree_can_be_read_without_a_script() -> None:
    words = Page(section(render_html(bert()))).words
    for part in (
        "98 % of 412 operators run in unit tests, 100 % in unit or module tests; 22 generated cases", "onnx.torchscript › onnxruntime @cpu",
        "softmax()", "same as query", "layer.1 … layer.2 BertLayer 2 alike same as layer.0 17 inside each",
        "2 of them failing", "no test: takes no tensor", "expand() ×2", "expand() call 2", "takes no tensor",
        "2 kinds of parts left out of the tests, and why", "the model itself",
    ):  # fmt: skip
        assert part in words, part


def test_it_is_open_where_something_fails_only() -> None:
    failing, calm = section(render_html(bert())), section(render_html([*bert(fails={}), *other("calm")]))
    assert len(re.findall(r"<details[^>]* open>", failing)) == 5
    assert not re.findall(r"<details[^>]* open>", calm)
    assert len(re.findall(r"<details[^>]* open>", section(render_html(bert(fails={}))))) == 1, "the only model is open"


def other(name: str) -> list[Record]:
    """Return the whole of another model."""
    return [record(case=name, level="e2e", parts=parts([node("a", "A")]))]


def test_alike_layers_cost_next_to_nothing_and_a_row_little() -> None:
    small, large = (len(section(render_html(bert(layers)))) for layers in (2, 96))
    assert large < 1.5 * small
    assert len(section(render_html(huge()))) < 300 * 2000


def test_names_are_text_and_nothing_else() -> None:
    text = render_html(hostile_models())
    page = Page(text)
    assert [attrs.get("type") for tag, attrs in page.tags if tag == "script"] == ["application/json", None]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on") or name == "style"]
    assert not [tag for tag, _ in page.tags if tag in {"img", "iframe", "object", "embed", "link", "base"}]
    assert all(str(attrs["href"]).startswith("#") for _, attrs in page.tags if attrs.get("href"))
    assert not re.search("[\x00\u202e\u2028\ud800\x1b]", text)
    assert "x" * 200 not in section(text)
    known = {"class", "href", "id", "aria-label", "title", "open", "hidden", "scope"}
    known |= {"type", "placeholder", "autocomplete", "spellcheck", "for"}
    drawn = {"viewbox", "preserveaspectratio", "role", "width", "height", "x", "aria-hidden"}
    assert {name for _, attrs in Page(section(text)).tags for name in attrs} <= known | drawn


def test_every_list_and_disclosure_is_closed_again() -> None:
    for records in (hostile_models(), bert(), huge(30)):
        text = section(render_html(records))
        for tag in ("ul", "details", "summary", "span", "div", "table"):
            assert len(re.findall(f"<{tag}[ >]", text)) == text.count(f"</{tag}>"), tag


@pytest.mark.parametrize("bad", [3, "text", [], [1], True])
def test_parts_that_are_no_parts_are_ignored(bad: Any) -> None:
    records = [record(parts=bad), record(case="b", part=bad)]
    assert not list(model_lines(records))
    assert "### Models" not in render_markdown(records)
    assert 'id="models"' not in render_html(records)


def test_the_summary_tells_coverage_verdicts_failing_parts_and_what_is_left_out() -> None:
    text = render_markdown(bert())
    assert (
        "| <code>bert</code> torch | 98 % of 412 operators run in unit tests, 100 % in unit or module tests | 22 | ≠ 1/2 mismatch "
        "| ≠ 17/18 mismatch | ≠ 24/26 mismatch †1 |"
    ) in text
    route = "<code>torch&gt;onnx.torchscript&gt;onnxruntime@cpu</code>"
    assert f"- <code>encoder.layer.0.attention.self+softmax</code>: ≠ mismatch on {route}: y: 121 of 2048 outside" in text
    assert "- left out, 1 %: BertModel, makes tensors of no tensor" in text
    assert "### Models" not in render_markdown([record()])


def test_the_summary_of_hostile_models_leaves_no_markup() -> None:
    text = re.sub(r"(?ms)^(`{3,})sh\n.*?\n\1$", "", render_markdown(hostile_models(), worst=60))
    assert set(re.findall(r"<[^>]*>", text)) <= {"<code>", "</code>", "<br>", "<sub>", "</sub>"}
    assert "`" not in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({row.count("|") for row in block.splitlines()}) == 1


def test_a_run_closes_with_a_line_for_each_model() -> None:
    run = Run.__new__(Run)
    run.records, run.gate, run.hints, run.written = [*bert(), *other("other")], None, [], {}
    lines = list(run.summary())
    assert [line for line in lines if "operators" in line] == [
        "bert (torch): 98 % of 412 operators run in unit tests, 100 % in unit or module tests; 22 generated cases, 2 failing",
        "other (torch): 98 % of 412 operators run in unit tests, 100 % in unit or module tests; 1 generated case, none of them in this run",
    ]
    some = [cell for cell in bert() if cell.level == "e2e" or "embeddings" in cell.case]
    assert next(model_lines(some)).endswith("; 22 generated cases, 4 of them in this run, 0 failing")
    assert not list(model_lines(cells(tree(1), {}, ROUTES)))
