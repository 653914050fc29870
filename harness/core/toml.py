"""Reads TOML on every supported interpreter, with errors that name the file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the tables of a TOML file. Raises `UsageError` when it cannot be read or parsed."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {os.fspath(path)}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{os.fspath(path)} is not valid TOML: {error}") from None
