"""The index of findings and its scripts are one: every script is listed, exists, parses, and says what it shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.benchmarks.findings import alive, error_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCRIPTS = sorted(path.name for path in (DOCS / "findings").glob("*.py"))
LINKED = re.findall(r"\]\(findings/([^)]+)\)", (DOCS / "FINDINGS.md").read_text())


def test_the_index_links_every_script_once_and_nothing_else() -> None:
    assert sorted(LINKED) == SCRIPTS
    assert len(SCRIPTS) >= 30


def test_every_script_parses_and_prints_expected_got_and_error() -> None:
    for name in SCRIPTS:
        text = (DOCS / "findings" / name).read_text()
        tree = ast.parse(text)
        assert ast.get_docstring(tree), f"{name} does not say what it shows"
        assert not re.search(r"import harness|from harness", text), f"{name} needs this harness; it must run alone"
        for word in ("expected", "got", "error"):
            assert re.search(rf'print\("{word}', text), f"{name} does not print {word}"


def test_the_verdict_on_a_script() -> None:
    assert error_of("expected 1\ngot 2\nerror    1.5\n") == "1.5"
    assert [alive(text) for text in ("0.0", "1e-9", "nan", "inf", "shape (1,), expected ()")] == [False, True, True, True, True]
