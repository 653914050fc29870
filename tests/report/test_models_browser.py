"""Whole models and fuzzed shapes in a real browser: links both ways, the filter, keyboard, what a screen reader is told, small screens."""

from __future__ import annotations

from typing import Any

import pytest

from harness.core.record import Record
from tests.report.driving import Open, click, size, texts, until
from tests.report.model_records import SCRIPT, bert, fuzzed, hostile_models, huge
from tests.report.records import record

SOFTMAX = "bert/encoder.layer.0.attention.self+softmax"


def sift(browser: Any, text: str, count: str) -> None:
    """Write into the filter of the trees and wait for what it says."""
    script = "const q = document.getElementById('part'); q.value = arguments[0]; q.dispatchEvent(new Event('input', {bubbles: true}))"
    browser.execute_script(script, text)
    until(browser, f"return document.getElementById('parts-shown').textContent === '{count}'")


def names(browser: Any) -> list[str]:
    """Return the names of the rows that can be seen; what is in a closed part has a place on the page, but none that shows."""
    seen = "[...document.querySelectorAll('.tree b')].filter((e) => e.checkVisibility())"
    return list(browser.execute_script(f"return {seen}.map((e) => e.textContent)"))


def test_a_verdict_leads_to_its_cell_and_the_cell_back_into_the_tree(page: Open) -> None:
    browser = page(bert())
    click(browser, ".tree a.o-mismatch[aria-label='mismatch, route 1']")
    until(browser, "return document.querySelector('.case.focus .body')")
    shown = browser.execute_script("return document.querySelector('.case.focus').dataset.id")
    assert shown.startswith("bert/encoder.layer.0.attention.self")
    (shown,) = texts(browser, ".case.focus .body")
    assert "Generated from bert: encoder.layer.0.attention.self" in shown
    click(browser, "#part-failing")
    until(browser, "return document.getElementById('parts-shown').textContent === '2 of 29 rows'")
    browser.execute_script("location.hash = arguments[0]", f"#cell=bert/pooler.dense::{SCRIPT}")
    until(browser, "return document.querySelector('.case.focus').dataset.id.startsWith('bert/pooler.dense')")
    click(browser, ".case.focus h4 + p a")
    focus = "const e = document.querySelector('.tree .focus'); return e && e.checkVisibility() && e.querySelector('b').title"
    assert until(browser, focus) == "pooler.dense"
    assert texts(browser, "#parts-shown") == ["29 rows"], "a link into the tree ends the filter"


def test_a_generated_cell_tells_settings_calls_and_fixed_shapes(page: Open) -> None:
    browser = page(bert())
    norm = "encoder.layer.0.attention.output.LayerNorm"
    fixed = "At fixed shapes because an argument follows the shapes in a way that is not known."
    for case, part in (
        (f"bert/{norm}", f"Generated from bert: {norm} (LayerNorm), stands for 7 calls that are alike.Settings: eps=1e-12"),
        ("bert/embeddings-expand.1", f"stands for 1 call.{fixed}"),
        ("bert", "Its modules and functions: 98 % of 412 operators run in unit tests"),
    ):
        browser.execute_script("location.hash = arguments[0]", f"#cell={case}::{SCRIPT}")
        until(browser, f"const e = document.querySelector('.case.focus'); return e && e.dataset.id === '{case}::{SCRIPT}'")
        assert part in texts(browser, ".case.focus .body")[0]


def test_the_filter_shows_what_matches_with_what_it_lies_in(page: Open) -> None:
    browser = page(bert(12))
    before = names(browser)
    sift(browser, "layernorm", "3 of 29 rows")
    assert names(browser) == ["encoder", "layer.0", "attention", "output", "LayerNorm", "output", "LayerNorm", "embeddings", "LayerNorm"]
    sift(browser, "mismatch self", "2 of 29 rows")
    assert names(browser) == ["encoder", "layer.0", "attention", "self", "softmax()"]
    sift(browser, "layer.7.attention", "0 of 29 rows")
    sift(browser, "encoder.layer.7.attention.self+softmax", "1 of 29 rows")
    assert names(browser) == ["encoder", "layer.1 … layer.11"], "what is shown once is found under every path"
    sift(browser, "no such thing", "0 of 29 rows")
    assert names(browser) == []
    assert texts(browser, ".model") == []
    sift(browser, "encoder.layer.7+add", "1 of 29 rows")
    sift(browser, "", "29 rows")
    assert names(browser) == before, "and all is as it was"
    click(browser, "#part-failing")
    until(browser, "return document.getElementById('parts-shown').textContent === '2 of 29 rows'")


def test_the_keyboard_opens_parts_and_follows_verdicts(page: Open) -> None:
    from selenium.webdriver.common.keys import Keys

    browser = page(bert())
    (part,) = [e for e in browser.find_elements("css selector", ".tree summary") if e.text.startswith("pooler")]
    assert "dense" not in names(browser)[-2:]
    part.send_keys(Keys.ENTER)
    assert names(browser)[-2:] == ["dense", "activation"]
    part.send_keys(Keys.SPACE)
    assert names(browser)[-1] == "pooler"
    part.find_element("css selector", ".v a").send_keys(Keys.ENTER)
    until(browser, "const e = document.querySelector('.case.focus'); return e && e.dataset.id.startsWith('bert/pooler::')")
    assert names(browser)[-1] == "pooler", "following a verdict does not open its part"


def test_a_screen_reader_is_told_words_and_whether_a_part_is_open(page: Open) -> None:
    browser = page(bert())
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    told = [(n["role"]["value"], n.get("name", {}).get("value", ""), n) for n in nodes if not n.get("ignored") and "role" in n]
    links = [name for role, name, _ in told if role == "link"]
    assert "mismatch, route 1" in links
    assert not [name for name in links if name in ("✓", "≠")]
    (part,) = [n for role, name, n in told if role == "DisclosureTriangle" and name.startswith("▾ self")]
    assert {item["name"]: item["value"]["value"] for item in part["properties"]}["expanded"] is True
    assert [name for role, name, _ in told if role == "searchbox"] == ["Filter modules and functions", "Filter cells"]
    assert [name for role, name, _ in told if role == "image" and "operators" in name]


def test_who_points_at_a_verdict_is_told_its_route(page: Open) -> None:
    browser = page(bert())
    script = "const a = document.querySelector('.tree .v a'); a.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})); return a.title"
    assert browser.execute_script(script) == f"match, route 1: {SCRIPT}"


def opened(page: Open, made: Record) -> Any:
    browser = page([made], f"#cell={made.id}")
    until(browser, "return document.querySelector('.case.focus .body')")
    return browser


def test_fuzzed_shapes_are_a_grid_of_signs_with_the_smallest_marked(page: Open) -> None:
    browser = opened(page, fuzzed(2, id="f"))
    (shown,) = texts(browser, ".case.focus .body")
    for part in (
        "fails when seq is odd and batch >= 3; holds on 14 others tried", "axis 1 of 'x' stays 16 in the output",
        "The smallest that fails: ≠ batch=3 seq=5", "41 fuzzed of 48 planned · 7 failing · 3 refused by the source itself · 2.25 s",
        "uses3",
    ):  # fmt: skip
        assert part in shown
    assert shown.index("fails when seq") < shown.index("Against the reference")
    lines = "[...document.querySelectorAll('.shapes tr')]"
    rows = browser.execute_script(f"return {lines}.map((line) => [...line.children].map((e) => e.textContent))")
    assert rows == [
        ["seq →", "2", "5", "16", "17", "31"],
        ["batch 1", "✓", "✓", "✓", "✓", "✓"], ["batch 2", "✓", "✓", "✓", "✓", "✓"],
        ["batch 3", "✓", "≠", "✓", "≠", "≠"], ["batch 8", "✓", "≠", "✓", "≠", "≠"],
    ]  # fmt: skip
    title = browser.execute_script("return document.querySelector('.shapes .least').title")
    assert title == "seq=5 batch=3 fails, the smallest: batch=3 seq=5; batch=3 seq=5 rung large seed=3"


@pytest.mark.parametrize(
    ("axes", "heads", "lines"), [(1, ["batch →", "1", "2", "3", "8"], 2), (3, ["", "batch", "seq", "heads", "rung", "seed"], 12)]
)
def test_one_axis_is_a_line_and_three_are_a_list_of_what_fails(page: Open, axes: int, heads: list[str], lines: int) -> None:
    browser = opened(page, fuzzed(axes, id="f"))
    assert texts(browser, ".shapes thead th") == heads
    assert len(texts(browser, ".shapes tr")) == lines
    assert set(texts(browser, ".shapes .bad")) == {"≠"}
    assert len(texts(browser, ".shapes .least")) == 1


def test_of_many_lengths_those_that_fail_their_neighbours_and_the_ends_are_shown(page: Open) -> None:
    tried = [{"batch": n, "seq": m} for n in (1, 2) for m in range(2, 65)]
    failing = [point for point in tried if point["batch"] == 2 and point["seq"] in (41, 43)]
    shapes = {"tried": tried, "failing": failing, "examples": 126, "region": "fails"}
    browser = opened(page, record("mismatch", id="f", shapes=shapes))
    heads = texts(browser, ".shapes thead th")[1:]
    assert {"2", "40", "41", "43", "44", "64"} <= set(heads)
    assert len(heads) <= 16
    assert texts(browser, ".shapes .bad") == ["≠", "≠"]
    assert f"{63 - len(heads)} more lengths were tried" in texts(browser, ".case.focus .body")[0]
    many = record("match", id="f", shapes={"tried": tried, "failing": [], "examples": 126})
    assert len(texts(opened(page, many), ".shapes thead th")) <= 17


def test_shapes_that_all_hold_are_shown_without_alarm(page: Open) -> None:
    shapes = {"tried": [{"batch": n} for n in range(1, 5)], "failing": [], "examples": 8, "refused": 0, "seconds": 1.0, "region": ""}
    browser = opened(page, record("match", id="f", shapes=shapes))
    assert texts(browser, ".shapes td") == ["✓"] * 4
    assert texts(browser, ".case.focus .sentence") == []


def test_hostile_models_run_nothing(page: Open) -> None:
    browser = page(hostile_models())
    browser.execute_script("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
    until(browser, "return document.querySelectorAll('.lane').length >= 17")
    browser.execute_script("document.querySelectorAll('.lane').forEach((e) => { e.open = true; })")
    until(browser, "return document.querySelectorAll('.case').length === 41")
    browser.execute_script("document.querySelectorAll('.case').forEach((e) => { e.open = true; })")
    until(browser, "return document.querySelectorAll('.case > .body').length === 41")
    pointed = "(e) => e.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}))"
    browser.execute_script(f"document.querySelectorAll('.tree .v a').forEach({pointed})")
    assert browser.execute_script("return window.pwned === undefined")
    assert browser.execute_script("return document.querySelectorAll('img, iframe, script').length") == 2
    handlers = "[...document.querySelectorAll('*')].flatMap((e) => [...e.attributes]).filter((a) => /^on|^style$/i.test(a.name)).length"
    assert browser.execute_script(f"return {handlers}") == 0


@pytest.mark.parametrize("width", [360, 760, 1360])
def test_only_tables_scroll_sideways(page: Open, width: int) -> None:
    browser = page([*bert(), fuzzed(2, id="f"), *hostile_models()], "#cell=f")
    size(browser, width, 900)
    until(browser, "return document.querySelector('.case.focus .shapes')")
    browser.execute_script("document.querySelectorAll('#models details').forEach((e) => { e.open = true; })")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signs_and_words_have_contrast_in_both_schemes(page: Open, scheme: str) -> None:
    browser = page([*bert(), *huge(2), fuzzed(2, id="f")], "#cell=f")
    until(browser, "return document.querySelector('.case.focus .shapes')")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    ratios = browser.execute_script("""
        const light = (text) => {
          const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
          const [r, g, b] = text.match(/[\\d.]+/g).map((n) => linear(n / 255));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const behind = (e) => { const c = getComputedStyle(e).backgroundColor; return /, 0\\)$/.test(c) ? behind(e.parentElement) : c; };
        const shown = '.tree b, .tree em, .tree q, .tree u, .tree .v a, .shapes td.bad, .shapes td.good, .shapes th';
        return [...document.querySelectorAll(shown)].map((e) => {
          const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
          return [e.tagName + e.className, (a + 0.05) / (b + 0.05)];
        });""")
    assert {"Ao-match", "Ao-mismatch", "TDbad", "TDgood", "Q", "U"} <= {name for name, _ in ratios}
    assert {name: ratio for name, ratio in ratios if ratio < 4.5} == {}
