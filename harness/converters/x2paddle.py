"""ONNX to a Paddle inference program by X2Paddle, which writes Python code into the folder and runs it."""

from __future__ import annotations

import contextlib
import io
import os
import re
from typing import Any, Mapping

from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source


class X2Paddle:
    """``x2paddle.convert.onnx2paddle``, without its report to the makers.

    Names of parameters and of the generated module stay taken in the process, so each conversion has one of its own.
    """

    name = "paddle.x2paddle"
    sources = ("onnx",)
    target = "paddle.inference"
    toolchain = "x2paddle"
    distributions = ("x2paddle", "paddlepaddle", "onnx")
    options: tuple[Option, ...] = ()
    single_use = True

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Convert; inputs are found by their prefixed names, outputs keep their order."""
        from x2paddle.convert import onnx2paddle

        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                onnx2paddle(source.artifact.entry, dest, disable_feedback=True)
        except (Exception, SystemExit) as error:
            lacking = re.findall(r"^=+ (\w+) =+$", printed.getvalue(), re.MULTILINE)
            if lacking:
                raise Unsupported(f"X2Paddle has no {', '.join(lacking)}") from error
            if isinstance(error, SystemExit):
                raise RuntimeError(f"X2Paddle gave up (exit code {error.code}): {printed.getvalue().strip()[-300:]}") from error
            raise
        entry = os.path.join("inference_model", "model.pdmodel")
        if not os.path.exists(os.path.join(dest, entry)):
            raise RuntimeError(f"X2Paddle reported success and wrote no program: {printed.getvalue().strip()[-300:]}")
        inputs, outputs = _ports(os.path.join(dest, entry))
        ports = source.artifact
        wanted = {port.name: "x2paddle_" + re.sub(r"[:./\-]", "_", port.native) for port in ports.inputs}
        said = tuple(f"input {name} does not reach the program: it was dropped" for name, native in wanted.items() if native not in inputs)
        return Converted(
            entry=entry,
            inputs={name: native for name, native in wanted.items() if native in inputs},
            outputs={port.name: native for port, native in zip(ports.outputs, outputs)}, messages=said,
        )  # fmt: skip


def _ports(path: str) -> tuple[list[str], list[str]]:
    """Return the names a program is fed and fetched by, in order."""
    import paddle

    paddle.enable_static()
    with open(path, "rb") as stream:
        block = paddle.static.deserialize_program(stream.read()).global_block()
    fed = sorted((op.attr("col"), op.output("Out")[0]) for op in block.ops if op.type == "feed")
    fetched = sorted((op.attr("col"), op.input("X")[0]) for op in block.ops if op.type == "fetch")
    return [name for _, name in fed], [name for _, name in fetched]


ADAPTERS = (X2Paddle(),)
