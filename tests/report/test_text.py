"""Untrusted text and numbers, made fit to be shown."""

from __future__ import annotations

import pytest

from harness.report.text import clean, count, line, number


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07rest", "rest"),
        ("a\x00b\x07", "a\\u0000b\\u0007"),
        ("file\u202egnp.exe", "file\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("half \ud800", "half \\ud800"),
        ("two\r\nlines\tand a tab", "two\nlines\tand a tab"),
        ("模型 ✓ 🙂", "模型 ✓ 🙂"),
        (12, "12"),
    ],
)
def test_clean_writes_out_what_cannot_be_seen(raw: object, shown: str) -> None:
    assert clean(raw) == shown


def test_clean_keeps_both_ends_of_a_long_text() -> None:
    shown = clean("a" * 500 + "b" * 500, 90)
    assert shown.startswith("a" * 30)
    assert shown.endswith("b" * 60)
    assert "910 characters left out" in shown


def test_line_takes_the_first_line_that_says_something() -> None:
    assert line("\n \n  first   words \nsecond") == "first words"
    assert line("x" * 300, 10) == "x" * 9 + "…"
    assert line("") == ""


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (0.000123456, "0.000123"),
        (1e-07, "1e-7"),
        (3, "3"),
        (2.5e12, "2.5e12"),
        ("nan", "nan"),
        (float("inf"), "inf"),
        ("top", "top"),
        ([1], "[1]"),
    ],
)
def test_numbers_have_three_digits(raw: object, shown: str) -> None:
    assert number(raw) == shown


def test_count_agrees_with_its_noun() -> None:
    assert (count(1, "cell"), count(2, "cell")) == ("1 cell", "2 cells")
