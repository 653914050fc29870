"""``python -m harness`` is the command ``parity``."""

import sys

from harness.cli import main

sys.exit(main())
