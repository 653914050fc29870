"""The arrows between the parts, read from the syntax tree; and which Python each part must run on."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "harness"
FILES = sorted(path for path in PACKAGE.rglob("*.py"))
ADAPTERS = ("frameworks", "converters", "runtimes")
# What the modules of each part may import of this package, as prefixes; "" is the part itself.
ARROWS = {
    "ascend": ("core", "ascend"),
    "core": ("core",),
    "numerics": ("core", "numerics"),
    "engine": ("core", "numerics", "faults", "ascend", "engine"),
    "exam": ("core", "numerics", "faults", "engine", "policy", "exam"),
    **{kind: ("core", "faults", "ascend", *(f"{other}._" for other in ADAPTERS)) for kind in ADAPTERS},
    "faults": ("core", "faults"),
    "latency": ("core", "numerics", "latency"),
    "generate": ("core", "numerics", "faults", "engine", "generate"),
    "policy": ("core", "policy"),
    "report": ("core", "report"),
}
# The pytest process and the standard library aside, this is all that may be loaded with a module.
LIGHT = {"numpy", "psutil", "filelock", "platformdirs", "packaging", "pytest", "rich", "jinja2", "markupsafe", "tomli", "typing_extensions"}


def name_of(path: Path) -> str:
    """Return a short name for a file, for test ids."""
    return path.relative_to(PACKAGE).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that a tree imports, at any depth; for ``from a import b`` both ``a`` and ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_load(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the statements that run when the module is imported: not those of functions, not those for type checkers."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
            continue
        yield node
        pending += [child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, ast.excepthandler))]


def exists(module: str) -> bool:
    """Return whether a dotted name is a module of this package, not something in one."""
    place = PACKAGE.parent / module.replace(".", "/")
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def file_of(module: str) -> Path:
    """Return the file of a module of this package."""
    place = PACKAGE.parent / module.replace(".", "/")
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def worker_side() -> list[Path]:
    """Return what a worker imports: its loop, its verbs, every adapter, and whatever these import in turn."""
    found = {PACKAGE / "__init__.py", *(path for path in FILES if path.parent.name in ADAPTERS)}
    pending = [PACKAGE / "engine" / "child.py", *found]
    while pending:
        path = pending.pop()
        found.add(path)
        named = {file_of(module) for module in imports(ast.parse(path.read_text())) if module.startswith("harness") and exists(module)}
        pending += {*named, path.parent / "__init__.py"} - found
    return sorted(found)


WORKER_SIDE = worker_side()


def test_the_worker_imports_little_of_the_engine() -> None:
    engine = {name_of(path) for path in WORKER_SIDE if path.parent.name not in ("core", "faults", "ascend", *ADAPTERS)}
    assert engine == {
        "__init__.py", "engine/__init__.py", "engine/child.py", "engine/serve.py", "engine/serve_ascend.py",
        "engine/serve_faults.py", "engine/serve_gradient.py", "engine/serve_latency.py",
        "engine/serve_parts.py", "engine/serve_probe.py", "engine/serve_reference.py", "engine/serve_session.py",
    }  # fmt: skip


@pytest.mark.parametrize("path", [path for path in FILES if path.parent != PACKAGE], ids=name_of)
def test_imports_follow_the_arrows(path: Path) -> None:
    part = path.relative_to(PACKAGE).parts[0]
    own = {module for module in imports(ast.parse(path.read_text())) if module.startswith("harness.") and exists(module)}
    own -= {f"harness.{other}" for other in ARROWS}  # ``from harness.core import toml`` names the module too
    # The exam sits our own judge in one file; the planted faults themselves know no judge.
    may = (*ARROWS[part], "numerics", "policy") if name_of(path) == "faults/judges.py" else ARROWS[part]
    wrong = [module for module in sorted(own) if not module.removeprefix("harness.").startswith(may)]
    assert not wrong, f"{name_of(path)} imports {', '.join(wrong)}; {part} may import {', '.join(may)}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_framework_is_imported_with_a_module(path: Path) -> None:
    loaded = {name.split(".")[0] for node in at_load(ast.parse(path.read_text())) if isinstance(node, (ast.Import, ast.ImportFrom))
              for name in imports(node)}  # fmt: skip
    strange = loaded - LIGHT - set(sys.stdlib_module_names) - {"harness", "__future__"}
    assert not strange, f"{name_of(path)} imports {', '.join(sorted(strange))} at its top; import it in the function that needs it"


@pytest.mark.parametrize("path", WORKER_SIDE, ids=name_of)
def test_a_worker_of_python_3_7_can_read_it(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text, feature_version=(3, 7))
    assert "from __future__ import annotations" in text or not any(isinstance(node, (ast.AnnAssign, ast.FunctionDef)) for node in tree.body)
    for node in ast.walk(tree):
        assert not isinstance(node, ast.NamedExpr), f"line {node.lineno}: := is newer than Python 3.7"
        if isinstance(node, ast.Call):
            called, keywords = ast.unparse(node.func), {keyword.arg for keyword in node.keywords}
            assert not (called == "zip" and "strict" in keywords), f"line {node.lineno}: zip(strict=) is newer than Python 3.7"
            assert called not in ("functools.cache", "math.prod"), f"line {node.lineno}: {called} is newer than Python 3.7"
            assert not re.search(r"\.(removeprefix|removesuffix|is_relative_to)$", called), f"line {node.lineno}: {called} is newer"
    for node in at_load(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "typing":
            new = {alias.name for alias in node.names} & {"Protocol", "runtime_checkable", "Literal", "Final", "TypedDict", "ParamSpec"}
            assert not new or path.name == "protocols.py", f"line {node.lineno}: typing has no {new} in Python 3.7"


@pytest.mark.parametrize("path", WORKER_SIDE, ids=name_of)
def test_no_type_is_subscripted_when_it_is_loaded(path: Path) -> None:
    """``dict[str, int]`` is an error before Python 3.9 wherever it is no annotation, ``int | None`` before 3.10."""
    for node in at_load(ast.parse(path.read_text())):
        values = [node.value] if isinstance(node, ast.Assign) else node.bases if isinstance(node, ast.ClassDef) else []
        for part in (part for value in values for part in ast.walk(value)):
            if isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name):
                builtin = part.value.id in ("dict", "list", "tuple", "set", "frozenset", "type")
                assert not builtin, f"line {part.lineno}: {ast.unparse(part)} is newer than Python 3.7"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_what_is_public_is_described(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{name_of(path)} does not say what it is for"
    open_: list[tuple[str, ast.AST]] = [("", tree)]
    while open_:
        prefix, scope = open_.pop()
        for node in ast.iter_child_nodes(scope):
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_"):
                continue
            overridden = isinstance(scope, ast.ClassDef) and scope.bases and node.name in ("emit", "collect")
            assert overridden or ast.get_docstring(node), f"{name_of(path)}, line {node.lineno}: {prefix}{node.name} has no docstring"
            if isinstance(node, ast.ClassDef):
                open_.append((f"{node.name}.", node))
