"""Name patterns where only ``*`` and ``?`` are special.

`fnmatch` reads the ``[opset=18]`` of a route as a set of characters, so a route copied from a report
would not match itself.
"""

from __future__ import annotations

import functools
import re


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(sign) or re.escape(sign) for sign in re.sub(r"\*+", "*", pattern)), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole of ``text`` fits ``pattern``, letter case included."""
    return _compiled(pattern).fullmatch(text) is not None


def exact(pattern: str) -> bool:
    """Return whether ``pattern`` can name one thing only."""
    return not set(pattern) & set("*?")


def says_nothing(pattern: str) -> bool:
    """Return whether ``pattern`` holds no letter and no digit, so that it narrows down nothing."""
    return not any(sign.isalnum() for sign in pattern)
