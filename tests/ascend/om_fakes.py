"""Where the stand-ins for CANN are, and how this process forgets one."""

import sys
from pathlib import Path

FAKES = Path(__file__).parent / "fakes"


def forget(name: str) -> None:
    """Make the next import of a stand-in a fresh one."""
    for loaded in [module for module in sys.modules if module.split(".")[0] == name]:
        del sys.modules[loaded]
