"""docs/ASCEND.md is true: its commands print what it shows, its Python runs, its numbers are those of the table."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from harness.ascend.operators import table
from harness.cli import main

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "ASCEND.md").read_text()
BLOCKS = re.findall(r"^```([a-z]*)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


def test_commands_print_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    shown = [block for language, block in BLOCKS if not language]
    assert len(shown) == 2
    for block in shown:
        command, *said = block.splitlines()
        words = shlex.split(command.removeprefix("$ "))
        assert words[:2] == ["parity", "ascend"]
        if not said:
            with pytest.raises(SystemExit) as ended:
                main([*words[1:], "--help"])
            assert ended.value.code == 0
            continue
        assert main(words[1:]) == 1
        assert capsys.readouterr().out.splitlines() == said


def test_python_runs() -> None:
    (block,) = [block for language, block in BLOCKS if language == "python"]
    exec(compile(block, "docs/ASCEND.md", "exec"), {})


def test_the_number_of_operators_is_that_of_the_table() -> None:
    assert f"lists {len(table())} operators" in TEXT
