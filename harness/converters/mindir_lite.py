"""MindIR and ONNX to MindIR for Ascend, by MindSpore Lite's ``converter_lite``, which compiles for the NPU of the machine it runs on."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any, Mapping

from harness.ascend import notes
from harness.ascend.atc_log import failure
from harness.ascend.process import run, workplace
from harness.converters._onnx_ports import outputs_of
from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source

_FRAMEWORKS = {"onnx": "ONNX", "mindir": "MINDIR"}
_PRECISIONS = ("enforce_fp16", "enforce_fp32", "preferred_fp32", "enforce_origin", "preferred_optimal")
_SUCCESS = "CONVERT RESULT SUCCESS:0"
_REFUSED = re.compile(r"(?i)(?:unsupported|not support(?:ed)?)[^\n]*?(?:op|node|parser)[^\n]*")


class Lite:
    """``converter_lite``, held to its exit status, its word of success and the file it writes."""

    name = "mindir.lite"
    sources = tuple(_FRAMEWORKS)
    target = "mindir.ascend"
    toolchain = "mindspore_lite"
    distributions = ("numpy",)
    made_of = ("harness.ascend.process", "harness.ascend.atc_log", "harness.ascend.notes")
    options = (
        Option(name="precision_mode", default="enforce_fp16", choices=_PRECISIONS, help="types of operators, float16 by default"),
        Option(name="dynamic", default=False, choices=(False,), help="compiled for the example shapes"),
    )

    def coarsest(self, options: Mapping[str, Any]) -> str:
        """Return the coarsest type that the precision mode computes in; "" for that of the source."""
        return "" if options["precision_mode"] in ("enforce_fp32", "enforce_origin") else "float16"

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Compile in a folder of its own, and keep what it wrote."""
        artifact = source.artifact
        fmk = _FRAMEWORKS[artifact.format]
        order = outputs_of(artifact.entry, self.name) if fmk == "ONNX" else [port.native for port in artifact.outputs]
        with workplace() as folder:
            out = os.path.join(folder, "out")
            os.mkdir(out)
            words = [
                "converter_lite", "--fmk=" + fmk, "--modelFile=" + artifact.entry, "--outputFile=" + os.path.join(out, "model"),
                "--saveType=MINDIR", "--optimize=ascend_oriented", "--configFile=" + self._settings(source, fmk, folder, options),
            ]  # fmt: skip
            status, printed = run(words, folder)
            made = sorted(name for name in os.listdir(out) if name.endswith(".mindir"))
            if status != 0 or _SUCCESS not in printed or len(made) != 1:
                raise _failure(printed, status, len(made))
            for name in os.listdir(out):
                shutil.move(os.path.join(out, name), os.path.join(dest, name))
        inputs = {port.name: port.native for port in artifact.inputs}
        notes.write(dest, {"precision_mode": options["precision_mode"], "inputs": list(inputs.values())})
        outputs = {port.name: str(order.index(port.native)) for port in artifact.outputs}
        return Converted(entry=made[0], inputs=inputs, outputs=outputs)

    def _settings(self, source: Source, fmk: str, folder: str, options: Mapping[str, Any]) -> str:
        """Write the settings file; here, unlike on ATC's command line, shapes have brackets."""
        lines = ["[ascend_context]", "precision_mode=" + options["precision_mode"]]
        if fmk == "ONNX":
            shapes = [
                "{}:[{}]".format(port.native, ",".join(map(str, source.feeds[port.name].shape))) for port in source.artifact.inputs
            ]
            lines.append("input_shape=" + ";".join(shapes))
        place = os.path.join(folder, "settings.ini")
        with open(place, "w", encoding="utf-8") as stream:
            stream.write("\n".join(lines) + "\n")
        return place


def _failure(printed: str, status: int, made: int) -> Exception:
    refused = _REFUSED.search(printed)
    if refused:
        return Unsupported("converter_lite refuses: " + refused.group(0).strip()[:400])
    if re.search(r"(?<![0-9A-Za-z_])E[0-9A-Z]\d{4}(?!\w)", printed) or "cannot open shared object" in printed:
        return failure(printed, status)  # ATC's own words, from the compiler inside
    last = " | ".join(printed.strip().splitlines()[-3:]) or "nothing"
    return RuntimeError(f"converter_lite ended with {status}, wrote {made} .mindir files and said: {last[:400]}")


ADAPTERS = (Lite(),)
