"""Writes the reports of a run into a folder. Readers see the old file or the new one, never half of one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.record import Record
from harness.report.html import render_html
from harness.report.markdown import render_markdown


def write_reports(
    records: Sequence[Record], folder: str | os.PathLike[str], gate: Mapping[str, Any] | None = None,
    run: Mapping[str, Any] | None = None, *, title: str = "Parity report", hints: Sequence[str] = (),
) -> dict[str, Path]:  # fmt: skip
    """Write ``index.html`` and ``summary.md``; return their paths as ``html`` and ``markdown``.

    ``hints``: declared bounds that could be tighter, one line each.

    The folder is made when it is missing. Raises `UsageError` when it cannot be written.
    """
    pages = {
        "html": ("index.html", render_html(records, title=title, gate=gate, run=run, hints=hints)),
        "markdown": ("summary.md", render_markdown(records, title=title, gate=gate, run=run, hints=hints)),
    }
    return {kind: write_text(Path(folder) / name, text) for kind, (name, text) in pages.items()}


def write_text(path: Path, text: str) -> Path:
    """Write a text file at once, making its folder. Raises `UsageError` when that is not possible."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(text.encode("utf-8", "replace"))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write the report {path}: {error.strerror or error}; choose a folder that can be written") from None
    return path
