"""The attributes of a package's layers, read from its source text: no framework is imported to know what it offers."""

from __future__ import annotations

import ast
import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.value import value


@value
class Unread:
    """A default that is no literal, as written in the source; an attribute that must be given has the text ""."""

    text: str = ""


REQUIRED = Unread()


@functools.lru_cache(maxsize=8)
def classes_of(package: str, folder: str) -> Mapping[str, Mapping[str, Any]]:
    """Return class name -> attribute -> default (a literal, or `Unread`) for the classes below ``folder`` of an installed package.

    A class without ``__init__`` has that of its first base, whose classes are looked for by name in the same folder. Private files
    count, private classes do not. Raises `UsageError` where the package is not installed.
    """
    bodies: dict[str, ast.ClassDef] = {}
    for path in sorted((place_of(package) / folder).rglob("*.py")):
        if "test" not in path.name:
            bodies.update({node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)})
    return {name: _attributes(name, bodies) for name in sorted(bodies) if not name.startswith("_")}


def place_of(package: str) -> Path:
    """Return the folder of an installed package, without importing it. Raises `UsageError` where there is none."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(f"{package} is not installed here, so its layers cannot be swept; install it or leave its suite out")
    return Path(next(iter(spec.submodule_search_locations)))


def exported(package: str, module: str) -> tuple[str, ...]:
    """Return the public names of ``module`` of a package: its ``__all__`` where that is a literal, else what it imports."""
    tree = ast.parse((place_of(package) / module).read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return tuple(ast.literal_eval(node.value))
    imported = [alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return tuple(dict.fromkeys(imported))


def _attributes(name: str, bodies: Mapping[str, ast.ClassDef]) -> Mapping[str, Any]:
    seen: set[str] = set()
    while name in bodies and name not in seen:
        seen.add(name)
        body = bodies[name]
        for node in body.body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                return _defaults(node.args)
        name = ast.unparse(body.bases[0]).split(".")[-1] if body.bases else ""
    return {}


def _defaults(arguments: ast.arguments) -> dict[str, Any]:
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)][1:]
    missing: list[ast.expr | None] = [None] * (len(names) - len(arguments.defaults))
    padded = [*missing, *arguments.defaults]
    found = {name: _literal(node) for name, node in zip(names, padded[-len(names) :] if names else [], strict=True)}
    found.update({argument.arg: _literal(node) for argument, node in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)})
    return found


def _literal(node: ast.expr | None) -> Any:
    if node is None:
        return REQUIRED
    try:
        return ast.literal_eval(node)
    except ValueError:
        return Unread(text=ast.unparse(node))
