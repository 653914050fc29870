"""Makes untrusted text and numbers fit to be shown."""

from __future__ import annotations

import functools
import re
from typing import Any

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
# Controls that are not line breaks or tabs, marks that reorder or hide what follows, and halves of surrogate pairs.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@functools.lru_cache(maxsize=16384)
def _seen(text: str) -> str:
    text = _ANSI.sub("", text).replace("\r\n", "\n")
    return _UNSEEN.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def clean(item: Any, limit: int = 0) -> str:
    """Return ``item`` as text without terminal colours, its invisible characters written out.

    With ``limit``, a longer text keeps its beginning and its end.
    """
    text = _seen(str(item))
    if limit and len(text) > limit:
        head = limit // 3
        text = f"{text[:head]}\n… {len(text) - limit} characters left out …\n{text[head - limit :]}"
    return text


def line(item: Any, limit: int = 200) -> str:
    """Return the first line of ``item`` that says something, cut to ``limit`` characters."""
    first = next((part for part in clean(item).split("\n") if part.strip()), "")
    flat = " ".join(first.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def real(item: Any) -> float | None:
    """Return a metric as a number; strict JSON writes NaN and infinities as texts. None for anything else."""
    if isinstance(item, bool) or not isinstance(item, (int, float, str)):
        return None
    try:
        return float(item)
    except ValueError:
        return None


def number(item: Any) -> str:
    """Return a metric with three significant digits; whole numbers stay whole."""
    found = real(item)
    if found is None:
        return clean(item)
    return f"{item}" if isinstance(item, int) else re.sub(r"e([+-])0", r"e\1", f"{found:.3g}").replace("e+", "e")


def count(total: int, word: str) -> str:
    """Return ``total`` with its noun: "1 cell", "2 cells"."""
    return f"{total} {word}" if total == 1 else f"{total} {word}s"
