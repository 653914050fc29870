"""A stand-in for ATC: documented flags, grammar, messages and exit status; what it writes runs on the stand-in for pyACL only.

It reads its command line by itself, not with the harness, so that neither can confirm the other's mistakes. ``ASCEND_FAKE_ATC`` makes
it misbehave: ``no-file``, ``exit-1-with-file``, ``kernel``, ``module``, ``driver``, ``suffix``, ``always-half``, ``sleep``, ``warning``.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import onnx

FLAGS = ["mode", "framework", "model", "weight", "output", "soc_version", "input_format", "input_shape", "input_shape_range", "dynamic_batch_size", "dynamic_image_size", "dynamic_dims", "precision_mode", "precision_mode_v2", "op_precision_mode", "modify_mixlist", "keep_dtype", "customize_dtypes", "buffer_optimize", "fusion_switch_file", "op_select_implmode", "optypelist_for_implmode", "insert_op_conf", "output_type", "out_nodes", "input_fp16_nodes", "log", "check_report", "deterministic", "is_weight_clip", "external_weight", "help", "json", "om"]
SOCS = re.compile(r"Ascend(310|310P[123457]|310B[1-4]|910(A|B|ProA|ProB|PremiumA)|910B([1-4]|2C|4-1)|910_93\d\d)")
PRECISIONS = ["force_fp16", "force_fp32", "cube_fp16in_fp32out", "allow_mix_precision", "allow_mix_precision_fp16", "allow_mix_precision_bf16", "allow_fp32_to_fp16", "allow_fp32_to_bf16", "must_keep_origin_dtype"]
PROFILES = ("dynamic_batch_size", "dynamic_image_size", "dynamic_dims")
TABLE = Path(__file__).parents[3] / "harness" / "ascend" / "cann_onnx_ops.csv"
HOW = os.environ.get("ASCEND_FAKE_ATC", "")


class Refused(Exception):
    """ATC ends with this code and text."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def flags(words: list[str]) -> dict[str, str]:
    """Read as getopt_long does: prefixes, one dash or two, the last of repeated flags."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            sys.exit(print(f"ERROR: Non-option parameter: {word}") or 1)
        name, equals, text = word.lstrip("-").partition("=")
        name = name.replace("-", "_")
        meant = [name] if name in FLAGS else [flag for flag in FLAGS if flag.startswith(name)]
        if len(meant) != 1:
            sys.exit(print(f"ERROR: unknown command line flag '{name}'") or 1)
        if not equals and not rest:
            sys.exit(print(f"ERROR: flag '{name}' is missing its argument") or 1)
        found[meant[0]] = text if equals else rest.pop(0)
    return found


def shapes(text: str) -> dict[str, list[object]]:
    """Read ``--input_shape``: no brackets; ``-1``, a number, or a range."""
    found: dict[str, list[object]] = {}
    for part in filter(None, text.split(";")):
        name, colon, dims = part.rpartition(":")
        if not colon:
            raise Refused("E10002", f"Value [{text}] for parameter [--input_shape] is invalid: no name in [{part}]")
        if re.search(r"[\[\]()]", dims):
            raise Refused("E10014", f"Value [{dims}] for parameter [--input_shape] is invalid")
        found[name] = []
        for dim in filter(None, dims.split(",")):
            if not re.fullmatch(r"-1|[1-9]\d*|\d+~(-1|\d+)", dim):
                raise Refused("E10011", f"Shape [{dim}] of input [{name}] must be a positive integer or -1")
            found[name].append(tuple(map(int, dim.split("~"))) if "~" in dim else int(dim))
    return found


def profiles(given: dict[str, str], declared: dict[str, list[object]]) -> tuple[str, list[list[int]]]:
    """Read the one kind of profiles and hold it to the rules of the documentation."""
    kinds = [kind for kind in PROFILES if kind in given]
    if len(kinds) > 1:
        raise Refused("E10009", f"Parameters [--{kinds[0]}] and [--{kinds[1]}] are mutually exclusive")
    if not kinds:
        return "", []
    kind = kinds[0]
    rows = [[int(n) for n in part.split(",")] for part in given[kind].split("," if kind == PROFILES[0] else ";") if part]
    axes = [(name, axis) for name, shape in declared.items() for axis, length in enumerate(shape) if length == -1]
    if any(isinstance(length, tuple) for shape in declared.values() for length in shape) or not axes:
        raise Refused("E10040", f"[--{kind}] needs an axis of -1 in [--input_shape] and no range")
    if kind == "dynamic_batch_size" and any(axis for _, axis in axes):
        raise Refused("E10018", "Only the first axis may be -1 with [--dynamic_batch_size]")
    if kind == "dynamic_image_size" and [axis for _, axis in axes] not in ([2, 3], [1, 2]):
        raise Refused("E10019", "Only height and width may be -1 with [--dynamic_image_size]")
    if kind == "dynamic_dims" and given.get("input_format") != "ND":
        raise Refused("E10001", "Value [NCHW] for parameter [--input_format] is invalid. Reason: dynamic_dims needs ND")
    wanted = {"dynamic_batch_size": 1, "dynamic_image_size": 2}.get(kind, len(axes))
    if any(len(row) != wanted for row in rows):
        raise Refused("E10045", f"[--{kind}] has profiles of another length than the {wanted} axes of -1")
    for wrong, code in ((len(rows) < 2, "E10035"), (len(rows) > 100, "E10036"), (len({*map(tuple, rows)}) < len(rows), "E10039")):
        if wrong:
            raise Refused(code, f"[--{kind}] has {len(rows)} profiles")
    if min(map(min, rows)) < 1:
        raise Refused("E10038", f"[--{kind}] holds a number below 1")
    return kind, rows


def operators(model: onnx.ModelProto) -> None:
    """Look every node up under the opset of the model, as the parser does."""
    opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 0)
    with TABLE.open() as stream:
        rows = {row["op"]: row for row in csv.DictReader(line for line in stream if not line.startswith("#")) if row["domain"] == "ai.onnx"}
    missing = []
    for node in model.graph.node:
        row = rows.get(node.op_type)
        if node.op_type == "Constant":
            continue
        low_high = re.findall(r"\d+", row["opset_keys"]) if row and row["status"] == "registered" else []
        if not low_high or not int(low_high[0]) <= opset <= int(low_high[-1]):
            missing.append(f"No parser is registered for Op [{node.name}], optype [ai.onnx::{opset}::{node.op_type}].")
    if missing:
        raise Refused("E16002", " ".join(missing[:2]))


def checked(given: dict[str, str]) -> onnx.ModelProto:
    """Check what is asked; return the model."""
    for name in ("model", "framework", "output"):
        if not given.get(name):
            raise Refused("E10007", f"[--{name}] is required")
    if not given.get("soc_version"):
        raise Refused("E10054", "[--soc_version] is required and its value is empty")
    if not SOCS.fullmatch(given["soc_version"]):
        raise Refused("E10001", f"Value [{given['soc_version']}] for parameter [--soc_version] is invalid")
    if given.get("precision_mode", "force_fp16") not in PRECISIONS:
        raise Refused("E10001", f"Value [{given['precision_mode']}] for parameter [--precision_mode] is invalid")
    if "precision_mode" in given and "precision_mode_v2" in given:
        raise Refused("E10056", "[--precision_mode] and [--precision_mode_v2] exclude each other")
    if given["framework"] not in ("1", "3", "5"):
        raise Refused("E10001", f"Value [{given['framework']}] for parameter [--framework] is invalid")
    if given["framework"] == "5":
        try:
            return onnx.load(given["model"])
        except Exception as error:
            raise Refused("E10041", f"Failed to load the model from [{given['model']}]: {type(error).__name__}") from error
    if given["framework"] == "3":
        return frozen(given)
    raise Refused("E13005", f"Failed to parse [{given['model']}]: the stand-in knows ONNX and TensorFlow alone")


def frozen(given: dict[str, str]) -> onnx.ModelProto:
    """Return what a frozen TensorFlow graph says, its inputs called like their nodes and its outputs in the order of ``--out_nodes``."""
    import tensorflow as tf
    import tf2onnx

    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(Path(given["model"]).read_bytes())
    except Exception as error:
        raise Refused("E13005", f"Failed to parse [{given['model']}]") from error
    inputs = [node.name + ":0" for node in graph.node if node.op == "Placeholder"]
    outputs = given["out_nodes"].split(";")
    missing = [name for name in outputs if name.split(":")[0] not in {node.name for node in graph.node}]
    if missing:
        raise Refused("E10016", f"Opname [{missing[0]}] in [--out_nodes] is not found in the model")
    model, _ = tf2onnx.convert.from_graph_def(graph, input_names=inputs, output_names=outputs, opset=15)
    for info in model.graph.input:
        plain = info.name.split(":")[0]
        for node in model.graph.node:
            node.input[:] = [plain if name == info.name else name for name in node.input]
        info.name = plain
    return model


def declared_of(model: onnx.ModelProto, text: str) -> dict[str, list[object]]:
    """Return the shapes of all inputs, those of the command line in place of the model's."""
    filled = {tensor.name for tensor in model.graph.initializer}
    own = {i.name: [d.dim_value or -1 for d in i.type.tensor_type.shape.dim] for i in model.graph.input if i.name not in filled}
    if not own or not model.graph.output:
        raise Refused("E16001", "The graph has no input or output node")
    told = shapes(text)
    for name, shape in told.items():
        if name not in own:
            raise Refused("E10016", f"Opname [{name}] in [--input_shape] is not found in the model")
        if len(shape) != len(own[name]):
            raise Refused("E10049", f"Input [{name}] has {len(own[name])} axes, [--input_shape] gives {len(shape)}")
    whole = {**own, **told}
    if any(-1 in shape for name, shape in own.items() if name not in told):
        raise Refused("E10001", "Value [] for parameter [--input_shape] is invalid. Reason: the model has unknown dims")
    return whole


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model in float16, inputs and outputs as they were; weights are clipped to its range, as ATC does."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True, min_positive_val=5.96e-08, max_finite_val=65504.0)


def converted(given: dict[str, str]) -> bytes:
    """Return the content of the result."""
    model = checked(given)
    operators(model)
    declared = declared_of(model, given.get("input_shape", ""))
    kind, rows = profiles(given, declared)
    if HOW == "always-half" or given.get("precision_mode", "force_fp16") not in ("must_keep_origin_dtype", "force_fp32"):
        model = halved(model)
    head = {"soc": given["soc_version"], "shapes": declared, "kind": kind, "profiles": rows}
    out = io.BytesIO()
    out.write(b"FAKE OM\n" + json.dumps(head).encode() + b"\n" + model.SerializeToString())
    return out.getvalue()


def misbehave() -> None:
    """End as ATC does when its installation is broken, or take very long."""
    if HOW == "driver":
        print("atc.bin: error while loading shared libraries: libascend_hal.so: cannot open shared object file: No such file or directory")
        sys.exit(127)
    if HOW == "module":
        raise Refused("EC0010", "Failed to import Python module [ModuleNotFoundError: No module named 'decorator'].")
    if HOW == "kernel":
        raise Refused("EZ3003", "[PID: 4242] 2026-01-01-10:00:00.123.456 No supported Ops kernel and engine are found for [/act/Relu], optype [Relu].")
    if HOW == "sleep":
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(os.environ["ASCEND_FAKE_PIDS"]).write_text(json.dumps({"pids": [os.getpid(), helper.pid], "folder": os.getcwd()}))
        Path("half.om").write_bytes(b"half")
        time.sleep(600)


def main() -> int:
    """Run."""
    given = flags(sys.argv[1:])
    print("ATC start working now, please wait for a moment.\n...")
    try:
        misbehave()
        content = converted(given)
    except Refused as refused:
        print("ATC run failed, Please check the detail log, Try 'atc --help' for more information")
        print(f"{refused.code}: {refused}\n        TraceBack (most recent call last):")
        print("E19999: Inner Error! [GraphOptimize] failed")
        return 255
    suffix = "_linux_x86_64" if HOW == "suffix" else ""
    if HOW != "no-file":
        Path(given["output"] + suffix + ".om").write_bytes(content)
    if HOW == "warning":
        print("W11001: Op [/act/Relu] does not hit the high-priority operator information library, which might result in compromised performance.")
    print("ATC run success, welcome to the next use." if HOW != "exit-1-with-file" else "ATC run failed, Please check the detail log")
    return 1 if HOW == "exit-1-with-file" else 0


if __name__ == "__main__":
    sys.exit(main())
