"""Executes a case file and returns what it declares. Runs inside workers only."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import sys
from typing import Any, Iterator

from harness.core.case import Case
from harness.core.errors import UsageError


@contextlib.contextmanager
def beside(path: str) -> Iterator[None]:
    """Work in the folder of the file ``path`` for a while: a case may name files as seen from its own file."""
    before = os.getcwd()
    os.chdir(os.path.dirname(os.path.realpath(path)))
    try:
        yield
    finally:
        os.chdir(before)


def load_module(path: str) -> Any:
    """Execute the Python file at ``path`` once per content and return its module.

    Its folder is importable while it runs and after, as pytest does for a test file, and is the
    working folder while it runs. Raises `UsageError` when there is no such file.
    """
    path = os.path.realpath(path)
    try:
        with open(path, "rb") as stream:
            digest = hashlib.sha256(stream.read()).hexdigest()[:12]
    except OSError as error:
        raise UsageError(f"cannot read case file {path}: {error.strerror or error}") from None
    name = f"_parity_{os.path.basename(path)[:-3]}_{hashlib.sha256(path.encode()).hexdigest()[:8]}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file; a case file ends in .py")
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with beside(path):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def cases_in(module: Any) -> list[Case]:
    """Return the cases in the module's namespace, in order: a `Case`, or a list or tuple of them."""
    found: dict[int, Case] = {}
    for item in list(vars(module).values()):
        group = [item] if isinstance(item, Case) else item if isinstance(item, (list, tuple)) else ()
        found.update({id(case): case for case in group if isinstance(case, Case)})
    return list(found.values())


def find_case(path: str, case_id: str) -> Case:
    """Return one case of a file, the first of that id. Raises `UsageError` when the file does not declare it."""
    cases = {case.id: case for case in reversed(cases_in(load_module(path)))}
    if case_id not in cases:
        raise UsageError(f"{path} declares no case {case_id!r}; it declares {', '.join(sorted(cases)) or 'none'}")
    return cases[case_id]


def local_dependencies(roots: tuple[str, ...]) -> list[str]:
    """Return the files of modules loaded from below ``roots`` and outside any site-packages folder."""
    files = set()
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        # Some packages give made-up names, as torch does for torch.classes.
        if path and os.path.isabs(path) and path.endswith(".py") and "site-packages" not in path:
            real = os.path.realpath(path)
            if real.startswith(tuple(root.rstrip(os.sep) + os.sep for root in roots)):
                files.add(real)
    return sorted(files)
