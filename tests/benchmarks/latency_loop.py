"""A loop as anybody would write it: ``python latency_loop.py MODEL FEEDS.npz THREADS`` answers each number on its input with as many times.

No part of the harness is imported: this is what its figures are held against.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import onnxruntime


def main() -> None:
    """Load, say so, and answer until the input ends."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(sys.argv[3])
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    feeds = dict(np.load(sys.argv[2]))
    session.run(None, feeds)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        times = []
        session.run(None, feeds)
        for _ in range(int(line)):
            start = time.perf_counter()
            session.run(None, feeds)
            times.append(time.perf_counter() - start)
        sys.stdout.write(json.dumps(times) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
