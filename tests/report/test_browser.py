"""The page in a real browser, from disk."""

from __future__ import annotations

import pytest

from harness.report.compat import ENOUGH
from tests.report.driving import Open, click, size, texts, until, write
from tests.report.records import GATE, HOSTILE, RUN, against_float64, hostile, many, one_of_each, realistic, record


def test_opens_from_disk_with_the_filter_ready(page: Open) -> None:
    browser = page(realistic(), gate=GATE, run=RUN)
    assert texts(browser, "#shown") == ["920 cells"]
    assert len(texts(browser, "details.pair")) == 16


def test_a_matrix_cell_leads_to_its_routes_and_cases(page: Open) -> None:
    browser = page(one_of_each())
    click(browser, "#matrix a.cell")
    until(browser, "return document.querySelectorAll('.case').length === 9")
    assert "unit/mismatch" in "".join(texts(browser, ".case .name"))
    assert browser.execute_script("return location.hash") == "#pair-0"


def test_an_opened_case_shows_all_that_is_known(page: Open) -> None:
    browser = page([*one_of_each(), *realistic()], fragment="#cell=unit%2Fmismatch%3A%3Atorch%3Eonnx.dynamo%3Eonnxruntime%40cpu")
    shown = until(browser, "const e = document.querySelector('.case.focus .body'); return e && e.textContent")
    for part in (
        "max abs / rms", "cosine", "worst index", "[0, 3, 17]", "atol 1e-5 + rtol 1e-4", "|actual - expected| <= atol + rtol * |expected|",
        "41× the bound", "target to float64", "Shapes tried: 3, failing: 2", "encoder.layers.1.norm1", "CPUExecutionProvider", "2.13.0",
        "parity repro 'unit/mismatch'", "suites/unit/parity_ops.py",
    ):  # fmt: skip
        assert part in shown


def test_crash_task_and_expectation_details(page: Open) -> None:
    browser = page([*one_of_each(), *realistic()])
    for case, part in (("unit/crash", "Fatal Python error"), ("unit/grid-sample", "until 2027-06-30"), ("unit/healed", "unexpected pass")):
        browser.execute_script("location.hash = arguments[0]", f"#cell={case}::torch>onnx.dynamo>onnxruntime@cpu")
        until(browser, f"const e = document.querySelector('.case.focus'); return e && e.dataset.id.startsWith('{case}')")
        assert part in texts(browser, ".case.focus .body")[0]
    browser.execute_script("location.hash = '#cell=e2e/minilm::torch>onnx.script>onnxruntime@cpu'")
    until(browser, "const e = document.querySelector('.case.focus'); return e && e.dataset.id.startsWith('e2e/minilm')")
    assert "Task metric (decides)" in texts(browser, ".case.focus .body")[0]


def test_filter_by_text_field_outcome_level_and_failing(page: Open) -> None:
    browser = page(realistic())
    write(browser, "family:conv target:litert")
    until(browser, "return document.getElementById('shown').textContent === '12 of 920 cells'")
    assert len(texts(browser, "details.pair")) == 3
    click(browser, "#reset")
    until(browser, "return document.getElementById('shown').textContent === '920 cells'")
    click(browser, "#outcomes button")
    assert texts(browser, "#shown") == ["164 of 920 cells"]
    click(browser, "#levels button")
    assert "of 920 cells" in texts(browser, "#shown")[0]
    click(browser, "#reset")
    click(browser, "#failing")
    assert texts(browser, "#shown") == ["20 of 920 cells"]
    write(browser, "no such thing at all")
    until(browser, "return document.getElementById('shown').textContent === '0 of 920 cells'")
    assert texts(browser, "details.pair") == []


def test_an_operator_cell_shows_its_family_only(page: Open) -> None:
    browser = page(realistic())
    click(browser, "#operators a.cell[data-family='resize']")
    until(browser, "return document.querySelectorAll('.case').length > 0")
    assert {name.split("/")[1] for name in texts(browser, ".case .name")} == {"resize"}
    assert any("family: resize" in text for text in texts(browser, "#levels button"))
    click(browser, "#matrix a.cell")
    until(browser, "return document.getElementById('shown').textContent === '920 cells'")


def test_a_link_to_a_filtered_cell_resets_the_filter(page: Open) -> None:
    browser = page(one_of_each())
    write(browser, "outcome:match")
    until(browser, "return document.getElementById('shown').textContent === '2 of 9 cells'")
    click(browser, "#causes a")
    until(browser, "return document.querySelector('.case.focus')")
    assert texts(browser, "#shown") == ["9 cells"]


def test_the_copy_button_takes_the_command(page: Open) -> None:
    browser = page(one_of_each())
    browser.execute_script(
        "window.taken = []; const clipboard = {writeText: async (text) => { window.taken.push(text); }};"
        "Object.defineProperty(navigator, 'clipboard', {value: clipboard})"
    )
    click(browser, "#causes details summary")
    click(browser, "#causes .copy")
    assert until(browser, "return window.taken[0]") == "parity repro 'unit/mismatch' --route 'torch>onnx.dynamo>onnxruntime@cpu'"
    until(browser, "return document.querySelector('#causes .copy').textContent === 'Copied'")


def test_hostile_records_run_nothing(page: Open) -> None:
    browser = page(
        hostile(), title=HOSTILE[0], gate={"passed": False, "code": 1, "reasons": HOSTILE, "problems": HOSTILE}, run={t: t for t in HOSTILE}
    )
    browser.execute_script("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
    until(browser, "return document.querySelectorAll('.lane').length >= 17")
    browser.execute_script("document.querySelectorAll('.lane, .case, details').forEach((e) => { e.open = true; })")
    until(browser, "return document.querySelectorAll('.case').length === 17")
    browser.execute_script("document.querySelectorAll('.case').forEach((e) => { e.open = true; })")
    until(browser, "return document.querySelectorAll('.case > .body').length === 17")
    assert browser.execute_script("return window.pwned === undefined")
    assert browser.execute_script("return document.querySelectorAll('img, iframe, script').length") == 2
    assert browser.execute_script("return document.querySelectorAll('svg.curve').length") == 17
    assert browser.execute_script("return document.querySelectorAll('.held').length") >= 12
    handlers = "[...document.querySelectorAll('*')].flatMap((e) => [...e.attributes]).filter((a) => /^on|^style$/i.test(a.name)).length"
    assert browser.execute_script(f"return {handlers}") == 0
    assert any("<img src=x onerror=window.pwned=1>" in text for text in texts(browser, ".case .body"))


def test_of_five_thousand_records_the_page_builds_what_is_looked_at(page: Open) -> None:
    browser = page(many(5000))
    assert texts(browser, "#shown") == ["5000 cells"]
    browser.execute_script("location.hash = '#route-0'; follow()")
    assert len(texts(browser, ".case")) == 200
    click(browser, ".more")
    assert len(texts(browser, ".case")) == 250


@pytest.mark.parametrize("width", [400, 760, 1360])
def test_only_tables_scroll_sideways(page: Open, width: int) -> None:
    size(page(realistic(), gate=GATE, run=RUN), width, 900)
    browser = page([record("mismatch", comparisons=(against_float64("y", 41.0),)), *realistic()], gate=GATE, run=RUN)
    click(browser, "#causes details summary")
    click(browser, "#causes a")
    until(browser, "return document.querySelector('.case.focus svg.curve')")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_contrast_in_both_schemes(page: Open, scheme: str) -> None:
    browser = page(one_of_each())
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    ratios = browser.execute_script("""
        const light = (text) => {
          const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
          const [r, g, b] = text.match(/[\\d.]+/g).map((n) => linear(n / 255));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        return [...document.querySelectorAll('.legend .badge')].filter((e) => !e.matches('.plain')).map((e) => {
          const style = getComputedStyle(e);
          const [a, b] = [light(style.color), light(style.backgroundColor)].sort((x, y) => y - x);
          return [e.textContent, style.backgroundImage === 'none' ? (a + 0.05) / (b + 0.05) : 9];
        });""")
    assert len(ratios) == 7
    assert {name: ratio for name, ratio in ratios if ratio < 4.5} == {}


def test_the_compatibility_table_can_be_searched_and_filtered(page: Open) -> None:
    cells = [record("match", f"opinfo/op{n}", family=f"op{n}", dtype="float32") for n in range(ENOUGH)]
    browser = page([*cells, record("mismatch", "opinfo/op7-int", family="op7", dtype="int64")])
    assert texts(browser, "#compat-shown") == [f"{ENOUGH + 1} rows"]
    browser.execute_script("const q = document.getElementById('compat-q'); q.value = 'op7 int'; q.dispatchEvent(new Event('input'))")
    assert len(texts(browser, "#compat tbody tr")) == 1
    browser.execute_script("const q = document.getElementById('compat-q'); q.value = ''; q.dispatchEvent(new Event('input'))")
    click(browser, "#compat-filters button[data-outcome='mismatch']")
    assert texts(browser, "#compat-shown") == [f"1 of {ENOUGH + 1} rows"]
    click(browser, "#compat-filters button[data-outcome='mismatch']")
    assert len(texts(browser, "#compat tbody tr")) == ENOUGH + 1
