"""What native code prints, for engines that say there alone why they refuse."""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
from typing import Iterator


@contextlib.contextmanager
def captured(lines: list[str], descriptor: int) -> Iterator[None]:
    """Collect in ``lines`` what is written to standard output (1) or error (2) within, by whatever code; it comes to light nowhere else."""
    libc = ctypes.CDLL(None)
    libc.fflush(None)
    kept = os.dup(descriptor)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), descriptor)
        try:
            yield
        finally:
            libc.fflush(None)
            os.dup2(kept, descriptor)
            os.close(kept)
            file.seek(0)
            text = file.read().decode("utf-8", "replace")
            lines.extend(line.strip() for line in text.splitlines() if line.strip())
