"""What MNN prints while it works: its calls answer True or a bare exception whatever happened, the reason is on standard output."""

from __future__ import annotations

import contextlib
import re
from typing import Iterator

from harness.converters._captured import captured
from harness.core.errors import Unsupported

# numpy -> the type in which MNN holds it; it has no others.
HELD = {
    "float64": "float32", "float32": "float32", "float16": "float32", "int64": "int32", "int32": "int32", "int16": "int32",
    "uint16": "int32", "bool": "int32", "uint8": "uint8", "int8": "int8",
}  # fmt: skip
# Lines of a conversion or a run that went well, and what every line of its log begins with.
_CHATTER = re.compile(
    r"^(Start to |inputTensors|outputTensors|The device supports|Converted |Don't has bizCode|Use While to compute|The model has subgraphs)"
    r"|ONNX Model (ir|opset) version|has empty input, the index"
)
_CLOCK = re.compile(r"^\[[\d:]+\] [^ ]*:\d+: ")
_REFUSED = re.compile(
    r"These Op Not Support: (?P<ops>[^\n]+)|(?P<said>[^\n]*(?:[Dd]on't support|[Nn]ot [Ss]upport|[Uu]nsupport|not implement)[^\n]*)"
)


@contextlib.contextmanager
def printed(lines: list[str]) -> Iterator[None]:
    """Collect in ``lines`` what MNN prints within, without what it always says. Standard error stays where it is, for crashes."""
    heard: list[str] = []
    try:
        with captured(heard, 1):
            yield
    finally:
        lines.extend(line for line in (_CLOCK.sub("", line) for line in heard) if line and not _CHATTER.search(line))


def failure(lines: list[str], what: str) -> Exception:
    """Return the exception that these lines stand for: a refusal where they name what MNN does not take."""
    text = "\n".join(lines)
    found = _REFUSED.search(text)
    if found:
        operators = ", ".join(sorted(set(re.findall(r"\w+", (found.group("ops") or "").replace("ONNX::", "")))))
        return Unsupported(f"MNN refuses in {what}: {operators or (found.group('said') or '').strip()[:300]}")
    return RuntimeError(f"MNN failed in {what}: {'; '.join(lines[-4:])[:600] or 'it gives no reason'}")
