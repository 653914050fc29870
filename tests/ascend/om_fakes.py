"""Where the stand-ins for CANN are."""

from pathlib import Path

FAKES = Path(__file__).parent / "fakes"
