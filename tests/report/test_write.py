"""Files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.report.write import write_reports, write_text
from tests.report.records import GATE, RUN, hostile, one_of_each


def test_both_reports_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "reports"
    paths = write_reports(one_of_each(), folder, GATE, RUN, title="Nightly")
    assert paths == {"html": folder / "index.html", "markdown": folder / "summary.md"}
    assert sorted(os.listdir(folder)) == ["index.html", "summary.md"]
    assert "<h1>Nightly</h1>" in paths["html"].read_text(encoding="utf-8")
    assert paths["markdown"].read_text(encoding="utf-8").startswith("## Nightly\n")


def test_hostile_records_can_be_written(tmp_path: Path) -> None:
    write_reports(hostile(), tmp_path, None, None)


def test_half_a_surrogate_pair_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert write_text(tmp_path / "x", "a\ud800b").read_bytes() == b"a?b"


def test_an_old_report_survives_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "index.html"
    target.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(UsageError, match="cannot write the report .*index.html: No space left on device; choose a folder"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["index.html"]


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("")
    with pytest.raises(UsageError, match="cannot write the report"):
        write_reports([], tmp_path / "reports")
