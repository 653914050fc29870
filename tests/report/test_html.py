"""The page as text: complete, self-contained, and deaf to what records try to inject."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from harness.core.outcome import Outcome
from harness.core.tolerance import FORMULA
from harness.report.html import render_html
from tests.report.records import GATE, HOSTILE, RUN, culprit, hostile, many, one_of_each, realistic, record


class Page(HTMLParser):
    """The tags, attributes and scripts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.text: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in self.inside:
            self.inside[self._open][-1] += data
        else:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def policy(page: Page) -> str:
    return next(str(attrs["content"]) for tag, attrs in page.tags if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy")


@pytest.fixture(scope="module")
def hostile_page() -> str:
    return render_html(
        hostile(), title=HOSTILE[0], gate={"passed": False, "code": 1, "reasons": HOSTILE, "problems": HOSTILE}, run={t: t for t in HOSTILE}
    )


def test_only_the_two_own_scripts_and_no_handlers(hostile_page: str) -> None:
    page = Page(hostile_page)
    assert [attrs.get("type") for tag, attrs in page.tags if tag == "script"] == ["application/json", None]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on") or name == "style"]
    assert not [tag for tag, _ in page.tags if tag in {"img", "iframe", "object", "embed", "link", "base"}]


def test_scripts_in_records_are_shown_as_text(hostile_page: str) -> None:
    assert "<script>window" not in hostile_page
    assert "<img" not in hostile_page
    assert "&lt;/script&gt;&lt;script&gt;window.pwned=1&lt;/script&gt;" in hostile_page
    assert "{{ 7*7 }}" in hostile_page


def test_invisible_characters_are_written_out(hostile_page: str) -> None:
    assert not re.search("[\x00\u202e\u2028\ud800\x1b]", hostile_page)
    assert "a\\u202egnp.exe" in hostile_page
    hostile_page.encode()


def test_links_stay_inside_the_page(hostile_page: str) -> None:
    targets = [str(attrs[name]) for _, attrs in Page(hostile_page).tags for name in ("href", "src", "action") if attrs.get(name)]
    assert targets
    assert all(target.startswith("#") for target in targets)


def test_the_security_policy_names_exactly_the_own_script_and_style(hostile_page: str) -> None:
    page = Page(hostile_page)

    def digest(text: str) -> str:
        return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    assert policy(page) == (
        f"default-src 'none'; style-src '{digest(page.inside['style'][0])}'; script-src '{digest(page.inside['script'][1])}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_nothing_in_script_or_style_reaches_for_the_network() -> None:
    page = Page(render_html(one_of_each()))
    own = page.inside["style"][0] + page.inside["script"][1].replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//[a-z]+\.|@import|fetch\(|XMLHttpRequest|innerHTML|eval\(", own)


def test_header_says_verdict_counts_and_where() -> None:
    page = Page(
        render_html(
            one_of_each(), title="Release 4.2", gate=GATE, run={**RUN, "packages": {"torch": "2.13"}, "seeds": [1, 2], "none": None}
        )
    )
    assert "Release 4.2 Gate failed exit code 1 2 of 8 executed cells match, 6 count against the release" in page.words
    assert "unmatched: no cell of the whole matrix" in page.words
    assert "packages torch 2.13 seeds 1, 2" in page.words
    assert "platform Linux 6.1 x86_64, glibc 2.36" in page.words


@pytest.mark.parametrize(("gate", "word"), [(None, "No gate configured"), ({"passed": True, "code": 0, "reasons": []}, "Gate passed")])
def test_verdict_words(gate: dict[str, Any] | None, word: str) -> None:
    assert word in Page(render_html([record()], gate=gate)).words


def test_replayed_cells_are_counted() -> None:
    assert "1 of 2 replayed from the cache" in Page(render_html([record(replayed=True), record(case="unit/b")])).words
    assert "None replayed from cache." in Page(render_html([record()])).words


@pytest.mark.parametrize("outcome", [str(outcome) for outcome in Outcome])
def test_matrix_cell_has_class_glyph_and_word(outcome: str) -> None:
    text = render_html([record(outcome)])
    matrix = text[text.index('<section id="matrix">') : text.index("</section>")]
    assert f'<td class="o-{outcome}">' in matrix
    assert f"</i>{outcome}</span>" in matrix


def test_matrix_lists_every_chain_and_links_to_pair_and_route() -> None:
    routes = [f"torch>step{n}>onnxruntime@cpu" for n in range(6)]
    text = render_html([record("mismatch" if n == 1 else "match", route=route) for n, route in enumerate(routes)])
    matrix = text[text.index('<section id="matrix">') : text.index("</section>")]
    assert 'href="#pair-0"' in matrix
    assert 'href="#route-3"' in matrix
    assert "step1 <b>0/1</b>" in matrix
    assert "2 more routes" in matrix


def test_without_a_script_every_cell_can_still_be_read() -> None:
    records = realistic()
    text = render_html(records)
    assert all(f"{item.case}</td>" in text for item in records)
    assert text.count("<noscript>") == len({(item.framework, item.target) for item in records})


def test_sections_of_a_full_run() -> None:
    page = Page(render_html(one_of_each(), gate={**GATE, "problems": ["unmatched: row 9"]}))
    found = {attrs.get("id") for tag, attrs in page.tags if tag == "section"}
    assert found == {"matrix", "causes", "operators", "cells", "expectations", "unavailable"}
    assert "unmatched: row 9" in page.words
    assert "run on a machine with an NVIDIA GPU and driver 550 or later" in page.words
    assert "GridSample has no kernel yet" in page.words
    assert FORMULA in page.words


def test_no_records_says_that_nothing_is_known() -> None:
    assert "This run holds no records" in Page(render_html([])).words


def test_five_thousand_records_stay_below_fifteen_megabytes() -> None:
    text = render_html(many(5000, comparisons=24))
    assert len(text.encode()) < 15e6
    assert len(json.loads(Page(text).inside["script"][0])["records"]) == 5000
    assert "only the worst comparison of each output" in text


def test_rendering_is_deterministic() -> None:
    assert render_html(realistic(), gate=GATE, run=RUN) == render_html(realistic(), gate=GATE, run=RUN)


def test_bounds_that_could_be_tighter_are_listed_as_text() -> None:
    page = render_html([record()], hints=["t.toml, row 1 (<b>): measured at most 1e-6"])
    assert "<li>t.toml, row 1 (&lt;b&gt;): measured at most 1e-6</li>" in page
    assert 'id="tighter"' not in render_html([record()])


def test_the_culprit_is_told_without_a_script_and_with_its_cause() -> None:
    page = render_html([record("mismatch", culprit=culprit(sentence="It differs at <b>norm</b>."))])
    assert '<p class="sentence">It differs at &lt;b&gt;norm&lt;/b&gt;.</p>' in page
    assert "<br>It differs at &lt;b&gt;norm&lt;/b&gt;.<br><code>parity repro" in page[page.index("<noscript>") :]
