"""A stand-in for MindSpore Lite's converter: documented flags and settings, its word of success; it knows ONNX alone.

``ASCEND_FAKE_LITE``: ``no-success``, ``refused``, ``atc``.
"""

import configparser
import os
import re
import sys
from pathlib import Path

import onnx

HOW = os.environ.get("ASCEND_FAKE_LITE", "")
FLAGS = ("fmk", "modelFile", "outputFile", "saveType", "optimize", "configFile", "inputShape")
MODES = ("enforce_fp16", "enforce_fp32", "preferred_fp32", "enforce_origin", "preferred_optimal")


def main() -> int:
    """Convert."""
    given = dict(word.lstrip("-").split("=", 1) for word in sys.argv[1:])
    unknown = set(given) - set(FLAGS)
    if unknown:
        print(f"[ERROR] unknown flag {unknown}\nCONVERT RESULT FAILED:-1")
        return 1
    if HOW == "refused":
        print("[ERROR] Unsupported op: NonMaxSuppression, node nms_1\nCONVERT RESULT FAILED:-500")
        return 1
    if HOW == "atc":
        print("E16002: No parser is registered for Op [a], optype [ai.onnx::20::Gelu].\nCONVERT RESULT FAILED:-1")
        return 1
    if given["fmk"] != "ONNX" or given.get("saveType") != "MINDIR" or given.get("optimize") != "ascend_oriented":
        print("[ERROR] fmk, saveType or optimize is wrong\nCONVERT RESULT FAILED:-1")
        return 1
    settings = configparser.ConfigParser()
    settings.read(given["configFile"])
    mode = settings["ascend_context"].get("precision_mode", "enforce_fp16")
    shapes = re.findall(r"([^:;]+):\[([\d,]*)\]", settings["ascend_context"]["input_shape"])
    model = onnx.load(given["modelFile"])
    if mode not in MODES or len(shapes) != len(model.graph.input):
        print("[ERROR] the settings are wrong\nCONVERT RESULT FAILED:-1")
        return 1
    for info, (name, text) in zip(model.graph.input, shapes):
        assert info.name == name
        for dim, length in zip(info.type.tensor_type.shape.dim, text.split(",")):
            dim.dim_value = int(length)
    if mode == "enforce_fp16":
        from onnxruntime.transformers.float16 import convert_float_to_float16

        model = convert_float_to_float16(model, keep_io_types=True, min_positive_val=5.96e-08, max_finite_val=65504.0)
    Path(given["outputFile"] + ".mindir").write_bytes(b"FAKE MINDIR\n" + model.SerializeToString())
    print("CONVERT RESULT FAILED:-1" if HOW == "no-success" else "CONVERT RESULT SUCCESS:0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
