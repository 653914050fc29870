"""What ExecuTorch's compiler says when it refuses, and what is told of a program that its runtime cannot run."""

from __future__ import annotations

import pytest

from harness.converters.executorch_lower import refusal
from harness.core.errors import Unsupported
from harness.runtimes.executorch import absent, in_words, meant


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "\nOperator torch._ops.aten.kthvalue.default is not in Core ATen opset (https://pytorch.org/docs/stable/...)",
            "ExecuTorch refuses: aten.kthvalue.default is not in Core ATen opset",
        ),
        (
            "These operators are taking Tensor inputs with mismatched dtypes:\n\nOperator: <EdgeOpOverload: aten.abs.default>: schema",
            "ExecuTorch refuses: aten.abs.default mixes types that its dialect has no kernel for",
        ),
        (
            "XNNPACK reshape only supports 1 dynamic dimension. This may occur when ",
            "ExecuTorch refuses: XNNPACK reshape takes one dynamic axis",
        ),
        (
            "Missing out variants: {'torchvision::nms'}",
            "ExecuTorch refuses: torchvision::nms has no variant that writes into memory planned ahead",
        ),
    ],
)
def test_an_operator_it_does_not_take_is_a_refusal_that_names_it(said: str, told: str) -> None:
    found = refusal(RuntimeError(said))
    assert isinstance(found, Unsupported)
    assert str(found) == told


def test_anything_else_is_no_refusal() -> None:
    assert refusal(RuntimeError("list index out of range")) is None


def test_operators_without_a_kernel_are_named_once() -> None:
    assert absent(["aten::add.out", "aten::inv.out", "aten::inv.out"], ["aten::add.out"]) == ["aten::inv.out"]
    assert absent([], ["aten::add.out"]) == []


def test_codes_of_the_runtime_have_names() -> None:
    assert in_words(RuntimeError("execute() failed with error 0x12")) == "execute() failed with error 0x12 (InvalidArgument)"
    assert in_words(RuntimeError("error 0x7f")) == "error 0x7f (unknown)"
    assert in_words(RuntimeError("no code")) == "no code"


def test_a_kernel_that_rejects_its_arguments_is_named_with_its_reason() -> None:
    logged = (
        "[kernel_ops_util.cpp:394] Check failed (in.dim() == 3 || in.dim() == 4): Expect input tensor to be 3-D or 4-D, but got, 5.\n"
        "[op_convolution.cpp:363] Check failed (check_convolution_args( in, out)): \n"
        "[method.cpp:1483] KernelCall failed at instruction 0:0 in operator aten::convolution.out: 0x12\n"
    )
    found = meant(RuntimeError("method->execute() failed with error 0x12"), logged)
    assert isinstance(found, Unsupported)
    told = "Expect input tensor to be 3-D or 4-D, but got, 5."
    assert str(found) == f"ExecuTorch's kernel aten::convolution.out refuses its arguments: {told}"


def test_a_length_beyond_what_was_planned_is_an_error_with_its_reason() -> None:
    logged = "[tensor_impl.cpp:156] Attempted to resize a bounded tensor with a maximum capacity of 10 elements to 25 elements.\n"
    found = meant(RuntimeError("method->set_inputs() for method 'forward' failed with error 0x10"), logged)
    assert not isinstance(found, Unsupported)
    assert "error 0x10 (NotSupported): Attempted to resize a bounded tensor" in str(found)
