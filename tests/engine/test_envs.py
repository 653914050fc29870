"""Managed environments without a network: a lock that pins nothing is built, left half done, built at once by two, removed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.core.errors import ParityError, Unavailable, UsageError
from harness.engine import envs, toolchains


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of environments of this test's own, and a pip that reaches nothing."""
    monkeypatch.setenv("PARITY_ENVS", str(tmp_path / "envs"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path


@pytest.fixture
def lock(place: Path) -> Path:
    """A lock file that pins nothing."""
    path = place / "fake.lock"
    path.write_text("# nothing\n")
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands are noted; making an environment only lays down its interpreter, everything else does nothing."""
    commands: list[list[str]] = []

    def run(command: list[str], what: str) -> None:
        commands.append(command)
        if command[1:3] == ["-m", "venv"]:
            time.sleep(0.1)  # long enough for another to come
            (Path(command[3]) / "bin").mkdir(parents=True)
            (Path(command[3]) / "bin" / "python").touch()

    monkeypatch.setattr(envs, "_step", run)
    return commands


def test_a_real_environment_is_built_used_and_removed(lock: Path) -> None:
    said: list[str] = []
    python = envs.build("fake", lock, "", ("json",), said.append)
    asked = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == str(envs.folder("fake", lock))
    assert envs.find("fake", lock) == python
    assert said[-1].startswith("fake is ready after")
    ((name, folder, size),) = envs.built()
    assert (name, folder) == ("fake", python.parent.parent)
    assert size > 0
    assert envs.remove("fake") == [folder]
    assert envs.find("fake", lock) is None
    assert envs.built() == []


def test_a_finished_one_is_left_as_it_is(lock: Path, quick: list[list[str]]) -> None:
    first = envs.build("fake", lock, "", (), print)
    count = len(quick)
    assert envs.build("fake", lock, "", (), print) == first
    assert len(quick) == count


def test_an_interrupted_build_is_not_found_and_is_built_anew(lock: Path, quick: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Callable[[list[str], str], None] = envs._step

    def cut(command: list[str], what: str) -> None:
        if "pip" in command:
            (envs.folder("fake", lock) / "half").touch()
            raise KeyboardInterrupt
        whole(command, what)

    monkeypatch.setattr(envs, "_step", cut)
    with pytest.raises(KeyboardInterrupt):
        envs.build("fake", lock, "", (), print)
    assert envs.find("fake", lock) is None
    assert envs.built() == []
    monkeypatch.setattr(envs, "_step", whole)
    envs.build("fake", lock, "", (), print)
    assert envs.find("fake", lock)
    assert not (envs.folder("fake", lock) / "half").exists()


def test_two_that_ask_at_once_build_once(lock: Path, quick: list[list[str]]) -> None:
    threads = [threading.Thread(target=envs.build, args=("fake", lock, "", (), lambda _: None)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sum("venv" in command for command in quick) == 1
    assert envs.find("fake", lock)


def test_another_lock_is_another_environment(lock: Path, quick: list[list[str]]) -> None:
    envs.build("fake", lock, "", (), print)
    lock.write_text("# nothing, differently\n")
    assert envs.find("fake", lock) is None


def test_a_step_that_fails_says_which_and_why(lock: Path) -> None:
    lock.write_text("no-such-package==1.0\n")
    with pytest.raises(ParityError, match=r"installing fake.lock failed \(exit code 1\):[\s\S]*no-such-package"):
        envs.build("fake", lock, "", (), print)
    assert envs.find("fake", lock) is None


def test_removing_one_name_leaves_those_that_begin_alike(lock: Path, quick: list[list[str]]) -> None:
    for name in ("fake", "fake-more"):
        envs.build(name, lock, "", (), print)
    envs.remove("fake")
    assert [name for name, _, _ in envs.built()] == ["fake-more"]


def test_a_marker_cut_off_is_no_environment_and_hides_no_other(lock: Path, quick: list[list[str]]) -> None:
    for name in ("fake", "other"):
        envs.build(name, lock, "", (), print)
    (envs.folder("fake", lock) / envs.MARKER).write_text('{"na')
    assert [name for name, _, _ in envs.built()] == ["other"]


def test_the_interpreter_is_this_one_or_of_the_version_asked_for() -> None:
    assert envs.interpreter("") == sys.executable
    assert envs.interpreter(f"{sys.version_info[0]}.{sys.version_info[1]}") == sys.executable
    with pytest.raises(Unavailable, match=r"no Python 2.6 was found \(to get it: install Python 2.6"):
        envs.interpreter("2.6")


def test_a_lock_is_read(lock: Path) -> None:
    lock.write_text("# c\nNumPy==1.21.6 ; python_version < '3.8'\ntorch==1.13.1+cpu\n--find-links x\n  # via\n")
    assert envs.locked(lock) == {"NumPy": "1.21.6", "torch": "1.13.1+cpu"}


TOML = """
name = "{name}"
summary = "a test"
imports = {imports}
distributions = ["numpy"]
requires = {requires}
lock = "{lock}"
"""


@pytest.fixture
def described(place: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Describe toolchains in a folder of this test's own."""
    folder = place / "toolchains"
    folder.mkdir()
    monkeypatch.setattr(toolchains, "data_folder", lambda: place)

    def describe(name: str, requires: list[str], imports: list[str], lock: str = "") -> None:
        text = TOML.format(name=name, requires=json.dumps(requires), imports=json.dumps(imports), lock=lock)
        (folder / f"{name}.toml").write_text(text)

    toolchains.toolchains.cache_clear()
    toolchains.locate.cache_clear()
    yield describe
    toolchains.toolchains.cache_clear()
    toolchains.locate.cache_clear()


def test_a_toolchain_is_found_here_or_in_its_environment(described: Callable[..., None], lock: Path, quick: list[list[str]]) -> None:
    described("here", ["numpy>=1"], ["numpy"])
    described("managed", [], ["json"], lock="../fake.lock")
    here = toolchains.locate("here")
    assert (here.python, here.origin, list(here.versions)) == (sys.executable, "current environment", ["numpy"])
    with pytest.raises(Unavailable, match=r"its managed environment is not built \(to get it: parity env build managed\)"):
        toolchains.locate("managed")
    python = envs.build("managed", lock, "", (), print)
    assert (toolchains.locate("managed").python, toolchains.locate("managed").origin) == (str(python), "managed environment")


@pytest.mark.parametrize(
    ("requires", "imports", "said"),
    [
        (["no-such-package>=1"], [], r"toolchain t: package no-such-package is not installed \(to get it: pip install 'parity-.*\[t\]'\)"),
        (["numpy>=999"], [], r"toolchain t: package numpy is .*, it needs >=999"),
        (["numpy"], ["no_such_module"], "toolchain t: module no_such_module cannot be found"),
    ],
)
def test_an_absent_toolchain_says_what_is_missing_and_how_to_get_it(
    described: Callable[..., None], requires: list[str], imports: list[str], said: str
) -> None:
    described("t", requires, imports)
    with pytest.raises(Unavailable, match=said):
        toolchains.locate("t")


def test_an_unknown_toolchain_and_a_wrong_description_are_usage_errors(described: Callable[..., None], place: Path) -> None:
    described("here", ["numpy"], [])
    with pytest.raises(UsageError, match="unknown toolchain 'hree'; did you mean here"):
        toolchains.locate("hree")
    described("here", ["numpy >>> 1"], [])
    toolchains.toolchains.cache_clear()
    with pytest.raises(UsageError, match="toolchain here: requirement 'numpy >>> 1' cannot be read"):
        toolchains.locate("here")
    (place / "toolchains" / "here.toml").write_text("name = 'here'")
    toolchains.toolchains.cache_clear()
    with pytest.raises(UsageError, match=r"here.toml: a toolchain needs name, summary, imports and distributions \('summary'\)"):
        toolchains.toolchains()


def test_a_worker_sees_no_pip_no_hub_and_no_home_of_the_user(
    described: Callable[..., None], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described("here", ["numpy"], [])
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    seen = toolchains.environment(toolchains.toolchains()["here"], place / "home", 3)
    assert not {"SECRET_TOKEN", "PYTHONPATH"} & set(seen)
    assert seen["HOME"] == str(place / "home")
    assert (seen["PIP_NO_INDEX"], seen["HF_HUB_OFFLINE"], seen["OMP_NUM_THREADS"]) == ("1", "1", "3")
