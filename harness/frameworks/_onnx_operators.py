"""Operators of the ONNX reference evaluator that do not follow the specification, put right.

- Its own `Loop` runs no iteration where the condition is left out, and joins what iterations return along an axis that
  exists instead of a new one.
- Its own `BatchNormalization` before operator set 14 normalises with the statistics of the batch, although a node with
  one output asks for inference.
- Its own `Softplus` is infinite from 89 on in float32, where the value is x, and 0 below -17.
- Its own `LpNormalization` answers NaN where the norm is zero; there the output "is defined to be zero" (ONNX operators,
  LpNormalization). Its norm of order 1 adds numbers of both signs up.
- Its own `Gather` fails on indices that another operator has transposed, and forgets the shape of a result without elements.
- Its own `CumSum` widens int32, and its own `GatherElements` refuses an axis that counts from the right where lengths differ along it.
- Its own `Resize` takes milliseconds for each element: see `harness.frameworks._onnx_resize`.
- Its own pools and convolutions count and pad windows wrongly: see `harness.frameworks._onnx_windows` and `_onnx_convolution`.
- Its own recurrent layers ignore most of their attributes: see `harness.frameworks._onnx_recurrent`.
- Its own `GridSample` and `RoiAlign` know one operator set each: see `harness.frameworks._onnx_sampling`.
- Its own `LRN` fills in as many channels as there are images, and no more; where the others are "i" runs over all channels.
- Its own `ScatterElements` has no ``mul``, and its own `ScatterND` fails on ``max`` and ``min``.
- Its own `QLinearMatMul` lets what is beyond the type run over; "saturates" is the word for quantization there.
- It has `DequantizeLinear` from operator set 19 on only; the earlier ones are the later one without blocks. It has no `GlobalLpPool`.
- Its own `TopK` puts equal values in any order; "the element with the lower index will appear first" (ONNX operators, TopK).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.frameworks._onnx_convolution import conv, conv_integer, conv_transpose, q_linear_conv
from harness.frameworks._onnx_recurrent import recurrent
from harness.frameworks._onnx_resize import resize
from harness.frameworks._onnx_sampling import grid_sample, roi_align
from harness.frameworks._onnx_windows import average_pool, lp_pool, max_pool


def operators() -> list[Any]:
    """Return them, as ``new_ops`` of ``onnx.reference.ReferenceEvaluator``."""
    import onnx.reference.op_run

    base: Any = onnx.reference.op_run.OpRun
    own = [_loop, _batch_normalization, _softplus, _lp_normalization, _top_k, _gather, _cum_sum, _gather_elements]
    more = [_lrn, _scatter_elements, _scatter_nd, _dequantize_linear, _q_linear_mat_mul, _global_lp_pool]
    pools = [max_pool, average_pool, lp_pool]
    others = [resize, conv, conv_integer, conv_transpose, q_linear_conv, grid_sample, roi_align, *recurrent()]
    return [make(base) for make in (*own, *more, *pools, *others)]


def _loop(base: Any) -> Any:
    class Loop(base):  # type: ignore[misc]
        op_domain = ""

        def need_context(self) -> bool:
            return True

        def _run(self, limit: Any, cond: Any, *carried: Any, context: Any, body: Any, attributes: Any = None) -> tuple[Any, ...]:
            names = body.input_names
            going = cond is None or bool(cond)
            collected: list[Any] = []
            while going and (limit is None or len(collected) < limit):
                feeds = dict(zip(names, (np.array(len(collected)), np.array(going), *carried)))
                going, *outputs = body.run(None, {**context, **feeds}, attributes=attributes)
                carried = tuple(outputs[: len(names) - 2])
                collected.append(outputs[len(names) - 2 :])
            scanned = len(body.output_names) + 1 - len(names)
            if scanned and not collected:
                raise RuntimeError("onnx.reference cannot tell the shape of what a Loop without iterations returns")
            return (*carried, *(np.stack(parts) for parts in zip(*collected)))

    return Loop


def _batch_normalization(base: Any) -> Any:
    class BatchNormalization(base):  # type: ignore[misc]
        op_domain = ""

        def _run(
            self, x: Any, scale: Any, bias: Any, mean: Any, var: Any,
            epsilon: float = 1e-5, momentum: Any = None, training_mode: int = 0, is_test: Any = None, spatial: Any = None,
        ) -> tuple[Any, ...]:  # fmt: skip
            if training_mode or len(self.onnx_node.output) > 1:
                raise RuntimeError("BatchNormalization in training mode has no place in a model that is judged in inference")
            scale, bias, mean, var = (array.reshape(-1, *(1,) * (x.ndim - 2)) for array in (scale, bias, mean, var))
            return ((scale * (x - mean) / np.sqrt(var + epsilon) + bias).astype(x.dtype),)

    return BatchNormalization


def _softplus(base: Any) -> Any:
    class Softplus(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any) -> tuple[Any, ...]:
            return (np.logaddexp(np.zeros((), x.dtype), x).astype(x.dtype),)

    return Softplus


def _lp_normalization(base: Any) -> Any:
    class LpNormalization(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any, axis: int = -1, p: int = 2) -> tuple[Any, ...]:
            norm = np.linalg.norm(x, ord=p, axis=axis, keepdims=True)
            return (np.where(norm == 0, 0.0, x / np.where(norm == 0, 1.0, norm)).astype(x.dtype),)

    return LpNormalization


def _top_k(base: Any) -> Any:
    class TopK(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any, k: Any = None, axis: int = -1, largest: int = 1, sorted: int = 1) -> tuple[Any, ...]:
            # A stable order from the greatest on: the order of the reversed array, reversed.
            found = np.argsort(np.flip(x, axis) if largest else x, axis=axis, kind="stable")
            found = x.shape[axis] - 1 - np.flip(found, axis) if largest else found
            found = np.take(found, np.arange(int(np.ravel(k)[0])), axis=axis)
            return np.take_along_axis(x, found, axis=axis), found.astype(np.int64)

    return TopK


def _gather(base: Any) -> Any:
    class Gather(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any, indices: Any, axis: int = 0) -> tuple[Any, ...]:
            return (np.take(x, np.asarray(indices).astype(np.int64), axis=axis),)

    return Gather


def _cum_sum(base: Any) -> Any:
    class CumSum(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any, axis: Any, exclusive: int = 0, reverse: int = 0) -> tuple[Any, ...]:
            along = int(np.ravel(axis)[0])
            x = np.flip(x, along) if reverse else x
            total = np.cumsum(x, axis=along, dtype=x.dtype)
            total = _shifted(total, along) if exclusive else total
            return (np.flip(total, along) if reverse else total,)

    return CumSum


def _shifted(total: Any, axis: int) -> Any:
    """Return running sums without the element itself: one place later, from 0 on."""
    moved = np.roll(total, 1, axis)
    np.moveaxis(moved, axis, 0)[:1] = 0
    return moved


def _gather_elements(base: Any) -> Any:
    class GatherElements(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, data: Any, indices: Any, axis: int = 0) -> tuple[Any, ...]:
            crop = tuple(slice(None) if i == axis % data.ndim else slice(n) for i, n in enumerate(indices.shape))
            wrapped = np.where(indices < 0, indices + data.shape[axis], indices)
            return (np.take_along_axis(data[crop], wrapped, axis=axis),)

    return GatherElements


def _lrn(base: Any) -> Any:
    class LRN(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int = 1) -> tuple[Any, ...]:
            before, after = (size - 1) // 2, size // 2
            around = np.pad(np.square(x), [(0, 0), (before, after), *((0, 0) for _ in x.shape[2:])])
            # An attribute comes as float32, and so would the quotient.
            total = sum(around[:, n : n + x.shape[1]] for n in range(size))
            return ((x / (bias + float(alpha) / size * total) ** beta).astype(x.dtype),)

    return LRN


_REDUCTIONS = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def _reduced(data: Any, places: tuple[Any, ...], updates: Any, reduction: Any) -> Any:
    """Return a copy of ``data`` with ``updates`` put at ``places``, or joined one after the other to what is there."""
    found = np.array(data)
    if reduction in (None, "none"):
        found[places] = updates
    else:
        _REDUCTIONS[reduction].at(found, places, updates)
    return found


def _scatter_elements(base: Any) -> Any:
    class ScatterElements(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, data: Any, indices: Any, updates: Any, axis: int = 0, reduction: Any = None) -> tuple[Any, ...]:
            places = list(np.indices(indices.shape, sparse=True))
            places[axis] = np.where(indices < 0, indices + data.shape[axis], indices)
            return (_reduced(data, tuple(places), updates, reduction),)

    return ScatterElements


def _scatter_nd(base: Any) -> Any:
    class ScatterND(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, data: Any, indices: Any, updates: Any, reduction: Any = None) -> tuple[Any, ...]:
            return (_reduced(data, tuple(np.moveaxis(indices, -1, 0)), updates, reduction),)

    return ScatterND


def _dequantize_linear(_: Any) -> Any:
    from onnx.reference.ops.op_dequantize_linear import DequantizeLinear_21 as Own

    class DequantizeLinear(Own):  # type: ignore[misc]
        op_domain = ""

    return DequantizeLinear


def _q_linear_mat_mul(base: Any) -> Any:
    class QLinearMatMul(base):  # type: ignore[misc]
        op_domain = ""

        def _run(
            self, a: Any, a_scale: Any, a_zero: Any, b: Any, b_scale: Any, b_zero: Any, y_scale: Any, y_zero: Any
        ) -> tuple[Any, ...]:  # fmt: skip
            product = np.matmul(a.astype(np.int64) - a_zero, b.astype(np.int64) - b_zero)
            whole, limits = np.rint(product * (a_scale * b_scale / y_scale)) + y_zero, np.iinfo(y_zero.dtype)
            return (np.clip(whole, limits.min, limits.max).astype(y_zero.dtype),)

    return QLinearMatMul


def _global_lp_pool(base: Any) -> Any:
    class GlobalLpPool(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any, p: int = 2) -> tuple[Any, ...]:
            norm = np.linalg.norm(x.reshape(*x.shape[:2], -1), ord=p, axis=-1)
            return (norm.reshape(*x.shape[:2], *(1,) * (x.ndim - 2)).astype(x.dtype),)

    return GlobalLpPool
