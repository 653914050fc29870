"""``npu-smi info``: tables as real machines print them, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.ascend.devices import Npu, ask, parse, told

ONE = """
+--------------------------------------------------------------------------------------------------------+
| npu-smi 23.0.0                                   Version: 23.0.0                                       |
+-------------------------------+-----------------+------------------------------------------------------+
| NPU     Name                  | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |
| Chip    Device                | Bus-Id          | AICore(%)    Memory-Usage(MB)                        |
+===============================+=================+======================================================+
| 2       310P3                 | OK              | NA           47                0     / 0             |
| 0       0                     | 0000:01:00.0    | 0            1609 / 21527                            |
+-------------------------------+-----------------+------------------------------------------------------+
| 2       310P3                 | Warning         | NA           46                0     / 0             |
| 1       1                     | 0000:01:00.0    | 0            1434 / 21527                            |
+===============================+=================+======================================================+
| NPU     Chip                  | Process id      | Process name             | Process memory(MB)        |
+===============================+=================+======================================================+
| No running processes found in NPU 2                                                                    |
+===============================+=================+======================================================+
"""
A2 = """
+------------------------------------------------------------------------------------------------+
| npu-smi 24.1.rc2                 Version: 24.1.rc2                                             |
+---------------------------+---------------+----------------------------------------------------+
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
+===========================+===============+====================================================+
| 0     910B3               | OK            | 96.2        44                0    / 0             |
| 0                         | 0000:C1:00.0  | 0           0    / 0          3161 / 65536         |
+===========================+===============+====================================================+
| NPU     Chip              | Process id    | Process name             | Process memory(MB)      |
+===========================+===============+====================================================+
| 0       0                 | 4711          | python3                  | 2048                    |
+===========================+===============+====================================================+
"""
A3 = """
+---------------------------+---------------+----------------------------------------------------+
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip  Phy-ID              | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
+===========================+===============+====================================================+
| 0     Ascend910           | OK            | 160.5       34                0    / 0             |
| 0     0                   | 0000:9D:00.0  | 0           0    / 0          3136 / 65536         |
+------------------------------------------------------------------------------------------------+
| 0     Ascend910           | OK            | -           34                0    / 0             |
| 1     1                   | 0000:9F:00.0  | 0           0    / 0          2889 / 65536         |
+===========================+===============+====================================================+
"""


def test_two_rows_are_one_chip() -> None:
    assert parse(ONE) == [
        Npu(number=2, chip=0, name="310P3", health="OK", bus="0000:01:00.0"),
        Npu(number=2, chip=1, name="310P3", health="Warning", bus="0000:01:00.0"),
    ]
    assert parse(ONE)[0].soc == "Ascend310P3"


def test_processes_are_no_chips() -> None:
    assert [(npu.name, npu.soc) for npu in parse(A2)] == [("910B3", "Ascend910B3")]


def test_a_name_that_several_chips_have_tells_no_soc_version() -> None:
    assert [(npu.chip, npu.name, npu.soc) for npu in parse(A3)] == [(0, "Ascend910", ""), (1, "Ascend910", "")]


@pytest.mark.parametrize("text", ["", "DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)\ndcmi model initialized failed", "|||"])
def test_what_is_no_table_has_no_chips(text: str) -> None:
    assert parse(text) == []


def smi(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, status: int = 0) -> None:
    """Put a program of that name on the PATH."""
    program = folder / "npu-smi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_asking_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(tmp_path, monkeypatch, A2)
    assert told(*ask()) == "NPU 0 chip 0: 910B3, health OK"


def test_a_tool_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(tmp_path, monkeypatch, "dcmi model initialized failed, because the device is used. ret is -8020", 255)
    assert told(*ask()) == (
        "npu-smi info ended with 255 and shows no chip: dcmi model initialized failed, because the device is used. ret is -8020"
    )


def test_without_the_tool_there_is_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert told(*ask()) == "npu-smi is not on the PATH, so the driver is not installed"
