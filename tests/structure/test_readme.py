"""The README is true: its commands are there, its extras exist, its example declares a case."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.core.declared import cases_in, load_module
from harness.core.registry import registry
from harness.engine.settings import check_routes

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Blocks of commands have no language or one of these; the rest are files and outputs.
BLOCKS = re.findall(r"^```([a-z]*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [part.strip() for language, block in BLOCKS if language in ("", "sh", "bash", "console")
            for line in block.splitlines() if line.strip() for part in line.split("&&")]  # fmt: skip


def programs() -> list[list[str]]:
    """Return each command of the README as words, its folder left off the program."""
    found = []
    for command in COMMANDS:
        words = shlex.split(command)
        found.append([words[0].rsplit("/", 1)[-1], *words[1:]])
    return found


def test_there_are_commands_to_check() -> None:
    assert {"pip", "pytest"} <= {words[0] for words in programs()}


@pytest.mark.parametrize("words", programs(), ids=" ".join)
def test_a_command_exists_and_names_what_exists(words: list[str]) -> None:
    program, *arguments = words
    assert program in ("python3", "python", "pip", "pytest", "parity", "cd", "git"), f"{program} is no program of this project"
    if program == "pip":
        for word in arguments:
            for extras in re.findall(r"\[([a-z,]+)\]", word):
                assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"]), f"{word}: no such extra"
        files = [word for flag, word in zip(arguments, arguments[1:]) if flag in ("-c", "-r")]
        assert all((ROOT / name).is_file() for name in files), f"{files} are not all here"
    if program == "pytest":
        named = [word for word in arguments if not word.startswith("-") and word != "parity" and not word.isdigit() and "=" not in word]
        assert all((ROOT / word).exists() for word in named)
    if program == "parity":
        verbs = [word for word in arguments[:1] if not word.startswith("-")]
        with pytest.raises(SystemExit) as ended:
            main([*verbs, "--help"])
        assert ended.value.code == 0


def test_the_programs_it_names_are_installed_with_the_package() -> None:
    assert PROJECT["scripts"] == {"parity": "harness.cli:main"}
    assert PROJECT["entry-points"]["pytest11"] == {"harness.plugin": "harness.plugin"}


@pytest.mark.parametrize("number", [n for n, (language, _) in enumerate(BLOCKS) if language == "python"])
def test_python_in_it_declares_a_case(number: int, tmp_path: Path) -> None:
    file = tmp_path / f"parity_readme_{number}.py"
    file.write_text(BLOCKS[number][1])
    cases = cases_in(load_module(str(file)))
    assert cases
    for case in cases:
        check_routes(case, registry())


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), f"{target} is not here"


def test_every_lock_of_extras_is_pinned() -> None:
    pins = dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE))
    needed = re.findall(r"\[([a-z,]+)\]", " ".join(COMMANDS))
    wanted = {re.split(r"[^A-Za-z0-9_.-]", text)[0] for extras in needed for extra in extras.split(",")
              for text in PROJECT["optional-dependencies"][extra]}  # fmt: skip
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in pins}
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in wanted} - {"parity-harness"} <= names
