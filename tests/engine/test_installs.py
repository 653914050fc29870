"""A vendor's installation is found by what it sets up, and what is missing of it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import Unavailable
from harness.engine.installs import Install, find
from harness.engine.toolchains import environment, toolchains


def described(folder: Path) -> Install:
    """Return an installation whose usual place is below a folder of a test."""
    return Install(
        name="CANN", variables=("ASCEND_TOOLKIT_HOME",), programs=("atc",), folders=(str(folder / "usual"),), script="set_env.sh",
        release="*/ascend_toolkit_install.info", passed=("PYTHONPATH",), how="install it",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("ASCEND_TOOLKIT_HOME", raising=False)


def test_nothing_installed(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"CANN is not installed \(no atc on the PATH, no ASCEND_TOOLKIT_HOME\)") as caught:
        find(described(tmp_path), "cann")
    assert caught.value.how == "install it"


def test_installed_and_not_set_up(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    (tmp_path / "usual" / "set_env.sh").touch()
    with pytest.raises(Unavailable, match="not yet set up") as caught:
        find(described(tmp_path), "cann")
    assert caught.value.how == f"source {tmp_path}/usual/set_env.sh"


def test_a_variable_that_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASCEND_TOOLKIT_HOME", str(tmp_path / "gone"))
    with pytest.raises(Unavailable, match="ASCEND_TOOLKIT_HOME is .*gone, and there is no such folder"):
        find(described(tmp_path), "cann")


def test_a_program_counts_with_its_content_and_the_release_beside_it(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "atc"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    first = find(described(tmp_path), "cann")
    assert first["CANN"] == "unknown"
    info = tmp_path / "x86_64-linux" / "ascend_toolkit_install.info"
    info.parent.mkdir()
    info.write_text("package_name=Ascend-cann-toolkit\nversion=8.0.RC2\n")
    program.write_text("#!/bin/sh\n# another\n")
    second = find(described(tmp_path), "cann")
    assert second["CANN"] == "8.0.RC2"
    assert first["atc"] != second["atc"], "another compiler is another version"


def test_workers_get_the_path_of_its_modules_and_others_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/cann/python")
    assert environment(toolchains()["cann"], tmp_path, 1)["PYTHONPATH"] == "/cann/python"
    assert "PYTHONPATH" not in environment(toolchains()["onnxruntime"], tmp_path, 1)


def test_the_way_to_get_cann_is_no_package_of_python() -> None:
    assert "pip" not in toolchains()["cann"].how
    assert "set_env.sh" in toolchains()["cann"].how
