"""Rounds what flows between the operators of a PyTorch module: what a target with activations in 8 bits does."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator

from harness.core.weights import Inner

_PRODUCTS = {
    "mm": (0, 1), "bmm": (0, 1), "addmm": (1, 2), "baddbmm": (1, 2), "addbmm": (1, 2), "matmul": (0, 1), "linear": (0,), "mv": (0, 1),
    "addmv": (1, 2), "dot": (0, 1), "convolution": (0,), "_convolution": (0,), "convolution_overrideable": (0,), "lstm": (0,), "gru": (0,),
}  # fmt: skip
"""Products by the name of the operator, and which arguments are its factors."""
_MOVES = (
    "cat", "stack", "index", "index_select", "gather", "clone", "_to_copy", "copy", "embedding", "constant_pad_nd", "repeat", "where",
    "roll", "flip", "reflection_pad", "replication_pad", "max_pool", "unfold", "tril", "triu", "lift_fresh", "contiguous", "zeros", "ones",
    "full", "arange", "empty", "new_", "scalar_tensor", "as_strided", "_reshape_alias", "_unsafe_view", "pixel_shuffle", "masked_fill",
)  # fmt: skip
"""Operators, by how their name begins, that move or make numbers and compute none: what they return has been rounded before."""


@contextlib.contextmanager
def rounding(module: Any, inner: Inner) -> Iterator[None]:
    """Round every float64 tensor that operators return, or that a product reads, for a while; weights of ``module`` stay as they are."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    held = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())}

    def rounded(item: Any) -> Any:
        if isinstance(item, (tuple, list)):
            return type(item)(map(rounded, item))
        if not isinstance(item, torch.Tensor) or item.dtype != torch.float64 or item.untyped_storage().data_ptr() in held:
            return item
        return torch.from_numpy(inner(item.numpy())).reshape(item.shape)

    class Rounding(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = func.overloadpacket.__name__
            if inner.factors:
                places = _PRODUCTS.get(name, ())
                return func(*[rounded(part) if place in places else part for place, part in enumerate(args)], **(kwargs or {}))
            found = func(*args, **(kwargs or {}))
            # What shares memory with an argument must go on doing so.
            shares = any(part.alias_info is not None for part in func._schema.returns)
            return found if shares or not inner.everywhere or name.startswith(_MOVES) else rounded(found)

    with Rounding():
        yield
