"""The suites' own folder is importable here, as it is where their case files run."""

from __future__ import annotations

import sys
from pathlib import Path

SUITES = Path(__file__).resolve().parents[2] / "suites" / "corpora"
sys.path.insert(0, str(SUITES))
