"""What each case file declares, learned in a worker once per content and remembered.

The pytest process never executes a case file, so a file may import any framework at its top.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import harness
from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.value import value
from harness.engine.cache import digest_file
from harness.engine.toolchains import Located, Toolchain

PACKAGE = Path(harness.__file__).resolve().parent
DECLARING = Located(
    toolchain=Toolchain(name="declare", summary="executes case files", imports=(), distributions=(), env={"KERAS_BACKEND": "tensorflow"}),
    python=sys.executable, origin="current environment", versions={},
)  # fmt: skip

Describe = Callable[[str, list[str]], Mapping[str, Any]]


@value
class Manifest:
    """The cases of one file, without their functions, and the digest of everything they were made of.

    ``problems``: declarations that cannot be used, each as a case id and what is wrong with it.
    """

    file: str
    cases: tuple[Case, ...]
    digest: str
    problems: tuple[tuple[str, str], ...] = ()


def manifest(file: Path, root: Path, store: Path, describe: Describe) -> Manifest:
    """Return the manifest of ``file``, from ``store`` when nothing it was made of has changed.

    ``describe(file, roots)`` executes the file in a worker. ``root`` bounds which imported files count
    as the project's own. Raises `UsageError` for a file that cannot be executed or declares no case.
    """
    path = os.path.realpath(file)
    place = store / "manifests" / f"{hashlib.sha256(path.encode()).hexdigest()[:32]}.json"
    stored = _stored(place)
    if stored is None:
        described = describe(path, [str(root)])
        if not described["cases"] and not described["problems"]:
            raise UsageError(f"{path} declares no case; assign a Case, or a list of them, to a name at its top level")
        files = {name: digest_file(Path(name)) for name in described["files"]}
        stored = {"version": harness.__version__, "files": files, "cases": described["cases"], "problems": described["problems"]}
        place.parent.mkdir(parents=True, exist_ok=True)
        _write(place, stored)
    own = {name: digest for name, digest in stored["files"].items() if not Path(name).is_relative_to(PACKAGE)}
    digest = hashlib.sha256(json.dumps(sorted(own.values())).encode()).hexdigest()
    problems = tuple((case, problem) for case, problem in stored["problems"])
    return Manifest(file=path, cases=tuple(Case.from_json(item) for item in stored["cases"]), digest=digest, problems=problems)


def _stored(place: Path) -> dict[str, Any] | None:
    """Return the stored manifest when it is readable, names no problem and every file it names is unchanged.

    Problems may be mended outside the files that are watched.
    """
    try:
        data: dict[str, Any] = json.loads(place.read_text())
        fresh = (
            data["version"] == harness.__version__
            and not data["problems"]
            and all(digest_file(Path(n)) == d for n, d in data["files"].items())
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return data if fresh else None


def _write(place: Path, data: Mapping[str, Any]) -> None:
    handle, name = tempfile.mkstemp(dir=place.parent)
    with os.fdopen(handle, "w") as stream:
        json.dump(data, stream)
    Path(name).replace(place)
