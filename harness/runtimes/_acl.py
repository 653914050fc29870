"""pyACL, call by call: every code checked, everything that was taken given back in order."""

from __future__ import annotations

import contextlib
import weakref
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from harness.ascend import codes
from harness.core.errors import Unavailable, UsageError

DTYPES = {
    0: "float32", 1: "float16", 2: "int8", 3: "int32", 4: "uint8", 6: "int16", 7: "uint16", 8: "uint32", 9: "int64", 10: "uint64",
    11: "float64", 12: "bool",
}  # fmt: skip
"""aclDataType."""
PROFILE_INPUT = "ascend_mbatch_shape_data"
AIPP_INPUT = "ascend_dynamic_aipp_data"
HUGE_FIRST = 0
TO_DEVICE, TO_HOST = 1, 2
REPEATED = 100002
_USERS: Any = weakref.WeakKeyDictionary()
"""By module ``acl`` and device: its context, and how many sessions use it."""


class AclError(RuntimeError):
    """A call of pyACL returned another code than 0."""

    def __init__(self, call: str, code: int, more: str = "") -> None:
        super().__init__(f"acl.{call} returned {code}: {codes.acl(code)}" + (f" ({more})" if more else ""))
        self.code = code


def module() -> Any:
    """Return Huawei's module ``acl``. Raises `Unavailable` where it, or a library it needs, is not here."""
    how = "install the CANN toolkit or nnrt from hiascend.com, and source its set_env.sh"
    try:
        import acl
    except (ImportError, OSError) as error:
        driver = "libascend_hal" in str(error)
        raise Unavailable(f"pyACL cannot be imported: {error}", "install the driver of the NPU" if driver else how) from None
    if not hasattr(acl, "mdl") or not hasattr(acl, "rt"):
        raise Unavailable(f"the module acl at {getattr(acl, '__file__', 'an unknown place')} is not Huawei's pyACL", how)
    return acl


def check(acl: Any, call: str, code: Any) -> None:
    """Raise `AclError` for a code other than 0, with what pyACL itself says about it where it can."""
    if code != 0:
        told = getattr(acl, "get_recent_err_msg", lambda: "")()
        raise AclError(call, int(code), str(told or "").strip()[:300])


def start(acl: Any) -> None:
    """Initialise pyACL, once for the process; a second time is no error."""
    code = acl.init()
    if code not in (0, REPEATED):
        check(acl, "init", code)


class Held:
    """What was taken, given back in reverse order. Of several codes other than 0 the first is raised: the others follow from it."""

    def __init__(self) -> None:
        self._back: list[Callable[[], None]] = []

    def back(self, acl: Any, call: str, release: Callable[..., Any], *what: Any) -> None:
        """Give something back when this closes, and look at the code."""
        self._back.append(lambda: check(acl, call, release(*what)))

    def pop_all(self) -> Held:
        """Return everything held in a stack of its own."""
        moved = Held()
        moved._back, self._back = self._back, []
        return moved

    def close(self) -> None:
        """Give everything back; a second time does nothing."""
        wrong = []
        while self._back:
            try:
                self._back.pop()()
            except AclError as error:
                wrong.append(error)
        if wrong:
            raise wrong[0]

    def __enter__(self) -> Held:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None:
            self.close()
            return
        with contextlib.suppress(AclError):
            self.close()


def enter(acl: Any, held: Held, number: int) -> Any:
    """Return the context of a device. All sessions of a process share it; it and the device are left by the last of them."""
    users = _USERS.setdefault(acl, {})
    if number not in users:
        check(acl, "rt.set_device", acl.rt.set_device(number))
        context, code = acl.rt.create_context(number)
        if code != 0:
            acl.rt.reset_device(number)
        check(acl, "rt.create_context", code)
        users[number] = [context, 0]
    users[number][1] += 1
    held.back(acl, "rt.destroy_context or rt.reset_device", _leave, acl, number)
    return users[number][0]


def _leave(acl: Any, number: int) -> Any:
    context, count = _USERS[acl][number]
    _USERS[acl][number][1] = count - 1
    if count > 1:
        return 0
    del _USERS[acl][number]
    first = acl.rt.destroy_context(context)
    return acl.rt.reset_device(number) or first


class Port:
    """One input or output as the model describes it; ``shape`` has -1 for an open axis, ``size`` in bytes is 0 where it is not fixed."""

    def __init__(self, name: str, dtype: str, shape: Sequence[int], size: int) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = tuple(shape)
        self.size = size


def inputs_of(acl: Any, desc: Any) -> tuple[list[Port], dict[str, int]]:
    """Return the inputs in order, and where those stand that the runtime fills itself: the profile's and AIPP's."""
    ports, own = [], {}
    for index in range(acl.mdl.get_num_inputs(desc)):
        name = acl.mdl.get_input_name_by_index(desc, index)
        dims, code = acl.mdl.get_input_dims(desc, index)
        check(acl, "mdl.get_input_dims", code)
        if name in (PROFILE_INPUT, AIPP_INPUT):
            own[name] = index
        kind = _dtype(acl.mdl.get_input_data_type(desc, index), f"input {name}")
        ports.append(Port(name, kind, dims["dims"], acl.mdl.get_input_size_by_index(desc, index)))
    return ports, own


def output_of(acl: Any, desc: Any, index: int) -> tuple[str, int]:
    """Return dtype and size in bytes of an output; 0 where it is known only after the run."""
    return _dtype(acl.mdl.get_output_data_type(desc, index), f"output {index}"), acl.mdl.get_output_size_by_index(desc, index)


def _dtype(code: int, what: str) -> str:
    if code not in DTYPES:
        raise RuntimeError(f"{what} has the aclDataType {code}, which NumPy has no type for")
    return DTYPES[code]


def checked(port: Port, feed: Any) -> Any:
    """Return a feed as one block of memory in C order.

    Raises `UsageError` for another dtype or shape than the model has: pyACL looks at neither, and a wrong one gives wrong numbers.
    """
    if feed.dtype.name != port.dtype:
        raise UsageError(f"input {port.name} is {feed.dtype.name}, and the .om takes {port.dtype}; feed {port.dtype}")
    fits = len(feed.shape) == len(port.shape) and all(there in (-1, length) for there, length in zip(port.shape, feed.shape))
    if not fits:
        wanted = ", ".join("any" if length == -1 else str(length) for length in port.shape)
        raise UsageError(f"input {port.name} has the shape {feed.shape}, and the .om takes ({wanted}); compile it for this shape too")
    return np.ascontiguousarray(feed)


def copied_in(acl: Any, target: int, size: int, feed: Any) -> None:
    """Copy an array to the device; its bytes stay alive until the copy has ended."""
    raw = feed.tobytes()
    pointer = acl.util.bytes_to_ptr(raw) if hasattr(acl.util, "bytes_to_ptr") else acl.util.numpy_to_ptr(feed)
    check(acl, "rt.memcpy", acl.rt.memcpy(target, size, pointer, len(raw), TO_DEVICE))
    del raw


def copied_out(acl: Any, source: int, size: int) -> bytes:
    """Return bytes of the device."""
    host, code = acl.rt.malloc_host(size)
    check(acl, "rt.malloc_host", code)
    try:
        check(acl, "rt.memcpy", acl.rt.memcpy(host, size, source, size, TO_HOST))
        if hasattr(acl.util, "ptr_to_bytes"):
            return bytes(acl.util.ptr_to_bytes(host, size))
        return bytes(np.array(acl.util.ptr_to_numpy(host, (size,), 1)).tobytes())
    finally:
        check(acl, "rt.free_host", acl.rt.free_host(host))


def profile_of(kind: str, ports: Sequence[Port], feeds: Mapping[str, Any]) -> list[int]:
    """Return the lengths that the open axes have in these feeds, as the profiles list them; the batch size alone for batches."""
    lengths = [feeds[port.name].shape[axis] for port in ports for axis, length in enumerate(port.shape) if length == -1]
    if kind == "dynamic_batch_size" and len(set(lengths)) > 1:
        raise UsageError(f"the inputs have batches of {', '.join(map(str, lengths))}, and the .om has one batch size for all")
    return lengths[:1] if kind == "dynamic_batch_size" else lengths
