"""What ATC printed, in each format CANN has had, becomes one outcome with the operator named."""

from __future__ import annotations

import pytest

from harness.ascend.atc_log import failure, read, warnings
from harness.core.errors import Unavailable, Unsupported, UsageError

HEAD = "ATC start working now, please wait for a moment.\n.....\n"
HEAD += "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"
OLD = "E19010: No parser is registered for Op [/up/Resize], optype [ai.onnx::23::Resize].\n"
MIDDLE = "E10007: [PID: 1234] 2024-05-05-11:12:13.123.456 [--framework] is required. The value must be 0(Caffe) or 1(MindSpore)\n"
NEW = "[PID: 1234] 2026-05-05-11:12:13.123.456 Invalid_Argument(E10001): Value [Ascend910] for parameter [--soc_version] is invalid.\n"
KERNEL = "EZ3003: [PID: 77] 2024-05-05-11:12:13.123.456 No supported Ops kernel and engine are found for [AddDsl], optype [AddDsl].\n"
INNER = "E19999: Inner Error!\n        [GraphPrepare] Failed to run graph prepare\n"
CASES = {
    "refused, up to CANN 7": (OLD, Unsupported, ["/up/Resize", "ai.onnx::23::Resize", "E19010"]),
    "refused by the kernels": (KERNEL, Unsupported, ["AddDsl", "EZ3003"]),
    "a parameter, CANN 8": (MIDDLE, UsageError, ["--framework", "E10007 (a required parameter is missing)"]),
    "a parameter, newest": (NEW, UsageError, ["Ascend910", "E10001"]),
    "a package missing":
        ("EC0010: Failed to import Python module [ModuleNotFoundError: No module named 'decorator'].\n", Unavailable, ["decorator", "pip"]),
    "kernels do not compile": ("E40000: Failed to import te.platform.log_util\n", Unavailable, ["E40000"]),
    "a part of CANN": ("EL0004: Failed to allocate memory\n", RuntimeError, ["EL0004 (an error of the driver)"]),
    "only an inner error": ("", RuntimeError, ["E19999 (an inner error)"]),
    "a kernel of the compiler": ("EB0000: Compile operator[Conv2D_1] failed.\n", RuntimeError, ["Conv2D_1", "compiler of kernels"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_ending_has_one_meaning(name: str) -> None:
    text, kind, said = CASES[name]
    # The inner error that follows tells nothing, and may come first.
    for printed in (HEAD + text + INNER, HEAD + INNER + text):
        error = failure(printed, 255)
        assert type(error) is kind
        assert all(part in str(error) for part in said), error


def test_a_flag_that_this_cann_does_not_know() -> None:
    error = failure("ERROR: unknown command line flag 'precision_mode_v2'\n", 1)
    assert type(error) is UsageError
    assert "precision_mode_v2" in str(error)


def test_a_library_of_the_driver() -> None:
    error = failure("atc.bin: error while loading shared libraries: libascend_hal.so: cannot open shared object file: No such file", 127)
    assert type(error) is Unavailable
    assert "libascend_hal.so" in str(error)


def test_silence_is_an_error_with_its_status() -> None:
    assert str(failure("", 139)) == "atc failed with exit status 139: it printed nothing"


def test_codes_are_told_from_other_words() -> None:
    printed = "node E100012x, FE2024000 and model_E10001_b\nW11001: Op [a] does not hit the high-priority operator information library\n"
    assert [one.code for one in read(printed)] == ["W11001"]
    assert warnings(printed) == ["W11001 (a warning): Op [a] does not hit the high-priority operator information library"]


def test_every_refused_node_is_named_up_to_six() -> None:
    error = failure(HEAD + "".join(OLD.replace("/up/Resize", f"/n{i}/Resize") for i in range(9)), 255)
    assert "/n0/Resize" in str(error)
    assert "and more" in str(error)
