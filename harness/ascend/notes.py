"""What a runtime is to know of an OM file: how it was compiled, written beside it by whoever compiled it."""

from __future__ import annotations

import json
import os
from typing import Any, Mapping

NAME = "parity-atc.json"


def write(folder: str, noted: Mapping[str, Any]) -> None:
    """Write the notes into the folder of an OM file."""
    with open(os.path.join(folder, NAME), "w", encoding="utf-8") as stream:
        json.dump(dict(noted), stream, indent=1)


def beside(entry: str) -> dict[str, Any]:
    """Return the notes on an OM file; nothing for one made elsewhere."""
    place = os.path.join(os.path.dirname(entry), NAME)
    if not os.path.isfile(place):
        return {}
    with open(place, encoding="utf-8") as stream:
        found: dict[str, Any] = json.load(stream)
    return found
