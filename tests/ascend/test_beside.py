"""An ATC call beside the model and the files that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.ascend.companions import companions
from harness.ascend.fits import fits

INPUTS = {"ids": ["n", 128], "scale": [], "image": [1, 3, None, None]}
RIGHT = "ids:1,128;image:1,3,224,224"


@pytest.mark.parametrize(
    ("shape", "why", "write", "warning"),
    [
        ("input_ids:1,128;image:1,3,8,8;ids:1,128", "the model has no input 'input_ids'; it has ids, scale, image", "ids", False),
        (RIGHT + ";attention_mask:1,128", "no input 'attention_mask'", "what is given as None is no input", False),
        ("ids:1,128", "leaves lengths of image open", '--input_shape="ids:1,128;image:1,3,1,1"', False),
        ("", "leaves lengths of ids, image open", '--input_shape="ids:1,128;image:1,3,1,1"', False),
        ("ids:128;image:1,3,8,8", "ids has 2 axes in the model, 1 here", "ids:-1,128", False),
        ("ids:1,64;image:1,3,8,8", "axis 1 of ids is 128 in the model, 64 here", "128 there", True),
        ("ids:1,128;image:-1,3,8,8", "axis 0 of image is 1 in the model, -1 here", "a dynamic axis", True),
        ("ids:1,1~256;image:1,3,8,8", "axis 1 of ids is 128 in the model, 1~256 here", "128 there", True),
    ],
)
def test_shapes_are_held_against_the_model(shape: str, why: str, write: str, warning: bool) -> None:
    (told,) = fits({"input_shape": shape}, INPUTS)
    assert why in told.why
    assert write in told.write
    assert told.warning is warning


def test_what_fits_or_cannot_be_known_is_not_told() -> None:
    assert fits({"input_shape": RIGHT}, INPUTS) == []
    assert fits({"input_shape": "ids:-1,128;image:1,3,-1,-1;scale:"}, INPUTS) == []
    assert fits({"input_shape": "ids:$N,128"}, INPUTS) == []
    assert fits({}, {"x": [1, 3]}) == []


@pytest.mark.parametrize(
    ("flag", "text", "why"),
    [
        ("insert_op_conf", "op { name: CustomGelu }", "holds no aipp_op"),
        ("modify_mixlist", "black-list: Add", "is no JSON"),
        ("modify_mixlist", '{"blacklist": {"to-add": ["Add"]}}', "'blacklist', which nothing reads"),
        ("modify_mixlist", '{"black-list": {"add": ["Add"]}}', "'add', which nothing reads"),
        ("modify_mixlist", '{"black-list": ["Add"]}', "no lists of operator types"),
        ("modify_mixlist", '{"black-list": {"to-add": ["Add"]}, "white-list": {"to-add": ["Add"]}}', "Add is added to the black and"),
        ("op_precision_mode", "Gelu=high_precision", "stands in no section"),
        ("op_precision_mode", "[OpType]\nGelu=high_precision", "the section [OpType]"),
        ("op_precision_mode", "[ByOpType]\nGelu=fp32", "'Gelu=fp32' names no precision"),
        ("fusion_switch_file", "ConvBatchnormFusionPass=off", "switches no pass"),
        ("fusion_switch_file", "{off", "is no JSON"),
        ("customize_dtypes", "Conv_1:float16", "gives no types"),
    ],
)
def test_a_file_that_is_something_else_is_told(flag: str, text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "beside.cfg").write_text(text)
    (told,) = companions({flag: "beside.cfg"}, str(tmp_path))
    assert (told.flag, why in told.why) == (flag, True), told
    assert told.write


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("insert_op_conf", "aipp_op {\n  aipp_mode: static\n}"),
        ("modify_mixlist", '{"black-list": {"to-add": ["Add"], "to-remove": []}, "white-list": {"to-add": ["Mul"]}}'),
        ("op_precision_mode", "# precise\n[ByOpType]\nGelu = high_precision\n[ByNodeName]\nnode/1=enable_float_32_execution\n"),
        ("fusion_switch_file", "ConvBatchnormFusionPass:off\nALL: on\n"),
        ("fusion_switch_file", '{"Switch": {"GraphFusion": {"ALL": "off"}}}'),
        ("customize_dtypes", "Conv_1::InputDtype:float16,float16,OutputDtype:float16\nOpType::Relu:InputDtype:float32,OutputDtype:float32"),
    ],
)
def test_a_file_that_is_right_is_not(flag: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "beside.cfg").write_text(text)
    assert companions({flag: "beside.cfg"}, str(tmp_path)) == []
    assert companions({flag: "elsewhere.cfg"}, str(tmp_path)) == []
