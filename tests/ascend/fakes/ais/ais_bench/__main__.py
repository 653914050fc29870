"""Takes the documented flags, in the old or the new spelling, and prints times as the timer does. The times are made up."""

import argparse
import json
import os
import sys

NEW = os.environ.get("ASCEND_FAKE_AIS") == "hyphens"
FLAGS = ["model", "input", "output", "output_dirname", "outfmt", "loop", "warmup_count", "device", "dymBatch", "dymHW", "dymDims",
         "dymShape", "pure_data_type"]  # fmt: skip
SPELLED = {"dymBatch": "dym-batch", "dymHW": "dym-hw", "dymDims": "dym-dims", "dymShape": "dym-shape"}

parser = argparse.ArgumentParser(allow_abbrev=False)
for flag in FLAGS:
    parser.add_argument("--" + (SPELLED.get(flag, flag.replace("_", "-")) if NEW else flag), dest=flag)
given = parser.parse_args()
if os.environ.get("ASCEND_FAKE_AIS") == "fails":
    print("[ERROR] load model from file failed, model file is " + given.model)
    sys.exit(255)
if os.environ.get("ASCEND_FAKE_AIS") == "silent":
    sys.exit(0)
times = {"min": 1.5, "max": 9.0, "mean": 2.25, "median": 2.0, "percentile(99%)": 8.5, "count": int(given.loop)}
print("[INFO] -----------------Performance Summary------------------")
print("[INFO] H2D_latency (ms): min = 0.1, max = 0.2, mean = 0.15, median = 0.15, percentile(99%) = 0.2")
print("[INFO] NPU_compute_time (ms): min = 1.5, max = 9.0, mean = 2.25, median = 2.0, percentile(99%) = 8.5")
print("[INFO] throughput 1000*batchsize.mean(1)/NPU_compute_time.mean(2.25): 444.44")
if os.environ.get("ASCEND_FAKE_AIS") != "screen":
    body = {"NPU_compute_time": times, "throughput": 444.44, "args": vars(given), "pid": os.getpid()}
    with open(os.path.join(given.output, "out_summary.json"), "w") as stream:
        json.dump(body, stream)
