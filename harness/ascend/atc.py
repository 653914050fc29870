"""One call of ATC, Ascend's offline compiler, as a value that renders the exact command line; `harness.ascend.line` reads one."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any, Mapping, Sequence

from harness.ascend.paths import paths
from harness.ascend.rules import faults_of
from harness.ascend.shapes import Shape, profiles_text, shapes_text
from harness.ascend.words import FRAMEWORKS, Fault
from harness.core.errors import UsageError
from harness.core.value import value


@value
class AtcCall:
    """What ATC is asked to do with a model; fields are called like its flags, and what is empty is left to ATC's default.

    ``soc_version``: the exact chip, such as Ascend310P3. ``framework``: onnx, tensorflow (frozen graph), mindspore (AIR) or caffe.
    ``mode``: 0 converts, 3 only checks. ``input_shape``: by input, lengths that are a number, -1 for one not known, or (low, high).
    ``dynamic_batch_size``, ``dynamic_image_size`` (height, width) or ``dynamic_dims`` (one number for each -1 axis, in order over all
    inputs): the profiles, of one kind. ``op_precision_mode``, ``modify_mixlist``, ``keep_dtype``, ``customize_dtypes``,
    ``fusion_switch_file``, ``insert_op_conf`` (AIPP) and ``check_report`` are paths of files. ``more``: further flags, as text.

    Raises `UsageError`, with every fault and what to write instead, for what ATC would refuse or quietly take for something else.
    """

    soc_version: str
    framework: str = "onnx"
    mode: int = 0
    weight: str = ""
    input_format: str = ""
    input_shape: Mapping[str, Shape] = dataclasses.field(default_factory=dict)
    dynamic_batch_size: tuple[int, ...] = ()
    dynamic_image_size: tuple[tuple[int, int], ...] = ()
    dynamic_dims: tuple[tuple[int, ...], ...] = ()
    precision_mode: str = ""
    precision_mode_v2: str = ""
    op_precision_mode: str = ""
    modify_mixlist: str = ""
    keep_dtype: str = ""
    customize_dtypes: str = ""
    buffer_optimize: str = ""
    fusion_switch_file: str = ""
    op_select_implmode: str = ""
    optypelist_for_implmode: tuple[str, ...] = ()
    insert_op_conf: str = ""
    output_type: str = ""
    out_nodes: tuple[str, ...] = ()
    input_fp16_nodes: tuple[str, ...] = ()
    log: str = ""
    check_report: str = ""
    more: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = [fault for fault in faults_of(self) if not fault.warning]
        if faults:
            raise UsageError(told(faults))

    def argv(self, model: str, output: str) -> list[str]:
        """Return the words of the command. ``output``: the path of the result without ``.om``, which ATC appends.

        Raises `UsageError` for a model of another front end, or an output that ends in ``.om`` or names no file.
        """
        faults = [fault for fault in paths(model, output, self.framework, self.mode) if not fault.warning]
        if faults:
            raise UsageError(told(faults))
        words = ["atc", "--model=" + model, "--framework=" + str(FRAMEWORKS[self.framework])]
        words += ["--output=" + output] if output else []
        texts = {
            field.name: _text(field.name, getattr(self, field.name))
            for field in dataclasses.fields(self) if field.name not in ("framework", "more")
        }  # fmt: skip
        return words + ["--" + name + "=" + text for name, text in {**texts, **self.more}.items() if text]

    def command(self, model: str, output: str) -> str:
        """Return `argv` as one line for a shell."""
        return " ".join(shlex.quote(word) for word in self.argv(model, output))


def _text(name: str, given: Any) -> str:
    """Return a field as the text of its flag; "" where it says no more than ATC's default."""
    if name == "input_shape":
        return shapes_text(given)
    if name in ("dynamic_image_size", "dynamic_dims"):
        return profiles_text(given)
    if name in ("dynamic_batch_size", "optypelist_for_implmode"):
        return ",".join(map(str, given))
    if name in ("out_nodes", "input_fp16_nodes"):
        return ";".join(given)
    if name == "mode":
        return str(given) if given else ""
    return str(given)


def told(faults: Sequence[Fault]) -> str:
    """Return all faults as one message."""
    lines = ["  " + str(fault) for fault in faults]
    return "\n".join(["atc: {} thing{} to change".format(len(lines), "" if len(lines) == 1 else "s"), *lines])
