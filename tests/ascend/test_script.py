"""ATC calls in scripts: found with their lines, with what the shell does to them before ATC sees a word."""

from __future__ import annotations

import pytest

from harness.ascend.script import calls_in

REST = "--model=m.onnx --framework=5 --output=m --soc_version=Ascend310P3"


def test_a_script_without_faults_has_its_calls_found_by_line() -> None:
    text = f"""#!/bin/bash
# atc --model=commented.onnx
source set_env.sh && sudo atc {REST} \\
    --input_shape="x:1,3;y:1,4" > log.txt 2>&1 || exit 1
echo "the atc program --is done"
for soc in Ascend310P3 Ascend310P1; do
  LD_LIBRARY_PATH=$HERE /opt/atc/bin/atc --model=m.onnx --framework=5 --output=m_$soc --soc_version=$soc; done
"""
    found = calls_in(text)
    assert [(one.line, one.faults) for one in found] == [(3, ()), (7, ())]
    assert "--input_shape=x:1,3;y:1,4" in found[0].command


@pytest.mark.parametrize(
    ("text", "why", "write"),
    [
        (f"atc {REST} \\  # the model\n  --log=error", "a comment stands behind the backslash", "last character"),
        (f"atc {REST} \\   \n  --log=error", "a space stands behind the backslash", "last character"),
        (f"atc {REST} \\\n # not now\n  --log=error", "a comment inside a continued command ends it", "before the command"),
        (f"atc {REST}\n  --log=error", "line 2 begins with a flag", "--soc_version=Ascend310P3 \\"),
        (f"atc {REST} --input_shape=a:1,512;b:1,512", "the semicolon is not quoted", '--input_shape="a:1,512;b:1,512"'),
        (f"atc {REST} --input_shape=&quot;a:1,512&quot;", "HTML entities", "the character itself"),
        (f"atc {REST} –log=error", "typographic", "as typed on a keyboard"),
        (f"atc {REST} --log='error", "No closing quotation", "closing quotation mark"),
    ],
)
def test_what_the_shell_would_do_is_told(text: str, why: str, write: str) -> None:
    (found,) = calls_in(text)
    assert [fault for fault in found.faults if why in fault.why and write in fault.write], list(map(str, found.faults))
    assert len(found.faults) == 1


def test_flags_behind_a_broken_line_are_judged_as_well() -> None:
    (found,) = calls_in("atc --model=m.onnx \\ # here\n  --framework=5 \\\n  --output=m.om \\\n --soc_version=Ascend910\n")
    assert [fault.flag for fault in found.faults] == ["", "output", "soc_version"]


def test_profiles_cut_off_by_the_shell_are_put_together_again() -> None:
    (found,) = calls_in(f"atc {REST} --input_format=ND --input_shape=x:-1,-1 --dynamic_dims=1,64;2,128;4,256 --log=error")
    assert [fault.write for fault in found.faults] == ['--dynamic_dims="1,64;2,128;4,256"']
    assert "--log=error" in found.command


def test_a_file_of_python_is_read_as_python() -> None:
    text = f"""import os, subprocess
os.system("atc {REST.replace("=m ", "=m.om ")}")
subprocess.run(["atc", "--model=m.onnx", "--framework=5", "--output=m", "--soc_version=Ascend910"], check=True)
"""
    found = calls_in(text, "convert.py")
    assert [(one.line, [fault.flag for fault in one.faults]) for one in sorted(found, key=lambda one: one.line)] == [
        (2, ["output"]), (3, ["soc_version"]),
    ]  # fmt: skip


def test_shell_in_a_file_of_python_is_no_python() -> None:
    (found,) = calls_in(f"import torch\natc {REST} \\\n  --log=error\n", "tutorial.py")
    assert [fault.why for fault in found.faults] == ["is a shell command in a file of Python"]
