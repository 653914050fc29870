"""A machine with the stand-ins for CANN: on the PATH, on the path of workers, for one test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from om_fakes import FAKES

from harness.engine.toolchains import locate


@pytest.fixture
def cann(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of an installation that has a compiler, pyACL and one Ascend310P3."""
    home = tmp_path / "cann"
    program = home / "bin" / "atc"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKES / "fake_atc.py"}" "$@"\n')
    program.chmod(0o755)
    place = home / "x86_64-linux" / "ascend_toolkit_install.info"
    place.parent.mkdir()
    place.write_text("package_name=Ascend-cann-toolkit\nversion=8.0.0\n")
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", str(FAKES / "site"))
    monkeypatch.setenv("ASCEND_TOOLKIT_HOME", str(home))
    locate.cache_clear()
    yield home
    locate.cache_clear()


@pytest.fixture
def no_cann(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without CANN."""
    for name in ("ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    locate.cache_clear()
    yield
    locate.cache_clear()
