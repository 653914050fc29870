"""One opened cell in a real browser: who is to blame, the error over depth, what each output was held to."""

from __future__ import annotations

from typing import Any

from harness.core.tolerance import FORMULA
from tests.report.driving import Open, texts, until, write
from tests.report.records import against_float64, culprit, declared, one_of_each, record

LINK = "unit%2Fmismatch%3A%3Atorch%3Eonnx.dynamo%3Eonnxruntime%40cpu"


def opened(page: Open, *comparisons: Any, **changes: Any) -> Any:
    """Return the browser with one mismatch opened."""
    if comparisons:
        changes["comparisons"] = comparisons
    browser = page([record("mismatch", case="unit/mismatch", **changes)], "#cell=" + LINK)
    until(browser, "return document.querySelector('.case.focus .body')")
    return browser


def test_the_culprit_is_told_with_its_suspects(page: Open) -> None:
    (shown,) = texts(opened(page), ".case.focus .body")
    for part in (
        "Who is to blame", "The result differs first after onnx.dynamo, at encoder.layers.1.norm1 (LayerNorm)",
        "3100 × what the layer may add", "inherited errornone", "the source's own: the error begins here", "batch=2 rung thresholds",
        "epsilon is 0.001, declared 1e-05",
        "of a difference of 0.08 of the rms 1e-7 is left", "showing inner tensors is cheap here", "Error over depth: 9 layers",
    ):  # fmt: skip
        assert part in shown


def test_the_curve_has_a_text_alternative_a_table_and_one_mark_for_each_layer(page: Open) -> None:
    browser = opened(page)
    words = browser.execute_script("return document.querySelector('svg.curve').getAttribute('aria-label')")
    assert words == (
        "Error over the depth of 9 layers; to blame is layer 5, encoder.layers.1.norm1; own error is greatest at encoder.layers.1.norm1, "
        "3100 times its bound; inherited error is greatest at encoder.layers.1.act, 1600 times its bound; total error is greatest at "
        "encoder.layers.2.act, 0.16 of the rms"
    )
    count = "return [...arguments[0].map((css) => document.querySelectorAll('svg.curve ' + css).length)]"
    found = browser.execute_script(count, ["rect.own", "circle.inherited", "circle.total", "rect.touch", "rect.band", "text.guilty"])
    assert found == [7, 9, 9, 9, 1, 1], "a layer without an error of its own has no bar"
    assert browser.execute_script("return document.querySelector('svg.curve text.guilty').textContent") == "▲ encoder.layers.1.norm1"
    heights = browser.execute_script(
        "return [...document.querySelectorAll('svg.curve rect.own')].map((e) => Number(e.getAttribute('height')))"
    )
    assert heights.index(max(heights)) == 2
    browser.execute_script("document.querySelectorAll('.case.focus details.sub').forEach((e) => { e.open = true; })")
    assert len(texts(browser, ".case.focus details.sub tbody tr")) == 9
    assert texts(browser, ".case.focus details.sub tr.bad") == ["encoder.layers.1.norm1310000.08"]


def test_errors_beyond_every_axis_stay_inside_the_picture(page: Open) -> None:
    curve = [
        {"path": "a", "own": 1e-300, "inherited": 0.0, "total": "nan"},
        {"path": "b", "own": float("inf"), "inherited": 1e300, "total": 5.0},
    ]
    browser = opened(page, culprit=culprit(curve=curve, layer="between a and b"))
    places = browser.execute_script(
        "const bars = [...document.querySelectorAll('svg.curve rect.own')];"
        "return bars.map((e) => [e.getAttribute('y'), e.getAttribute('height')].map(Number))"
    )
    assert len(places) == 2
    assert all(30 <= y <= 154 and 0 < height <= 124 for y, height in places), places
    assert browser.execute_script("return document.querySelector('svg.curve text.guilty').textContent") == "▲ b"
    assert "NaN" not in browser.execute_script("return document.querySelector('svg.curve').outerHTML").replace("total NaN", "")


def test_an_oracle_bound_is_told_by_its_parts(page: Open) -> None:
    (shown,) = texts(opened(page, against_float64("y", 41.0)), ".case.focus .held")
    for part in (
        "y ≠ fails batch=2 rung thresholds · bound from the float64 run", "4.1e-4 away from where the source and its float64 twin lie",
        "1e-5 is allowed there, the sum of rounding, noise and error. That is 41× the bound.", "rounding6e-6", "noise3e-6", "error1e-6",
        "13.7× the bound: all errors together", "41 of 2048 elements (2%) hang on the last bits", "index [0, 3, 17]", "K = 64 terms",
        "distance to [oracle, reference] <=",
    ):  # fmt: skip
        assert part in shown
    heads = texts(opened(page, against_float64("y", 41.0)), ".case.focus .metrics th")
    assert {"worst / bound", "tensor / bound", "signal to noise, dB", "max ulp", "ties exchanged", "elements undetermined"} <= set(heads)


def test_declared_limits_are_told_with_what_was_measured_and_why(page: Open) -> None:
    (shown,) = texts(opened(page, declared()), ".case.focus .held")
    for part in (
        "declared bound", "every elementatol 0.001 + rtol 0.01 · 50.0% of the bound", "cosine≠ ≥ 0.999 · measured 0.98",
        "units in the last place≠ ≤ 4 · measured 512", "rows whose 5 largest are the same≥ 1 · measured 1",
        "declared in fixtures/tolerances.toml, row 3 · preset torch · because int8 weights · until 2027-06-30", FORMULA,
    ):  # fmt: skip
        assert part in shown, shown


def test_only_the_worst_comparison_of_an_output_gets_a_card(page: Open) -> None:
    rows = [against_float64("y", 0.4), against_float64("y", 9.0), against_float64("z", 0.1), against_float64("y", 41.0)]
    cards = texts(opened(page, *rows), ".case.focus .held")
    assert len(cards) == 2
    assert "41× the bound" in cards[0]
    assert cards[1].startswith("z ✓ match")


def test_what_ran_and_the_bundle_are_told(page: Open) -> None:
    messages = ("folded 2 nodes", "bundle: out/net-1: 1 node that still fails; run reproduce.py there")
    (shown,) = texts(opened(page, messages=messages), ".case.focus .body")
    assert "operators there100%" in shown
    assert "Without this harness: out/net-1: 1 node that still fails; run reproduce.py there" in shown
    assert shown.index("folded 2 nodes") < shown.index("Run it again") < shown.index("Without this harness")


def test_failing_rungs_are_named(page: Open) -> None:
    tried = [{"batch": 2}, {"batch": 2, "rung": "large"}, {"batch": 2, "rung": "zeros"}]
    shapes = {"tried": tried, "failing": [tried[1]], "judged": 3}
    (shown,) = texts(opened(page, shapes=shapes), ".case.focus .body")
    assert "Inputs tried: 3, failing: 1" in shown
    assert "Ordinary inputs match. Rungs of the input ladder that fail: large" in shown


def test_a_filter_finds_the_layer_to_blame(page: Open) -> None:
    browser = page(one_of_each())
    write(browser, "norm1")
    until(browser, "return document.getElementById('shown').textContent === '1 of 9 cells'")
