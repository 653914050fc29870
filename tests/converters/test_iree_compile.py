"""What IREE's compiler says becomes an outcome that names the operator, or its own first error."""

from __future__ import annotations

from harness.converters.iree_compile import _told
from harness.core.errors import Unsupported

HEAD = "Error invoking IREE compiler tool iree-compile\nError code: 1\nDiagnostics:\n/x/model.mlir:80:11: "


def test_an_operator_that_cannot_be_legalised_is_named() -> None:
    line = "failed to legalize operation 'torch.operator' that was explicitly marked illegal: <{name = \"onnx.Trilu\"}>"
    told = _told(f"{HEAD}error: {line}\n")
    assert isinstance(told, Unsupported)
    assert str(told) == "iree-compile refuses: failed to legalize onnx.Trilu"
    assert str(_told(f"{HEAD}error: failed to legalize operation 'tensor.pad'\n")) == "iree-compile refuses: failed to legalize tensor.pad"


def test_what_is_no_refusal_is_an_error_with_its_first_line() -> None:
    told = _told(f"{HEAD}error: 'linalg.fill' op unexpected result less than 0\nnote: more\n")
    assert isinstance(told, RuntimeError)
    assert str(told) == "iree-compile: 'linalg.fill' op unexpected result less than 0"
    assert isinstance(_told(f"{HEAD}error: scatter with reduction is Not Supported\n"), Unsupported)
    assert str(_told("killed")) == "iree-compile: killed"
