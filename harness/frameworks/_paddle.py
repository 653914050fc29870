"""What the Paddle adapters share: how an inference program is opened."""

from __future__ import annotations

import os
from typing import Any


def config_of(program: str) -> Any:
    """Return the configuration of a program; one without parameters has no file of them."""
    from paddle import inference

    parameters = os.path.splitext(program)[0] + ".pdiparams"
    return inference.Config(program, parameters if os.path.exists(parameters) else "")
