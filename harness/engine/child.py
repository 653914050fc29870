"""The main loop of a worker process. Started by `harness.engine.worker`, runs on Python 3.7 and later.

One request at a time: a JSON message over an inherited socket, arrays beside it in files. Standard
output and error go to a log file, so nothing a native library prints can be taken for an answer.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import re
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

PR_SET_PDEATHSIG = 1
SIGKILL = 9


def die_with(parent: int) -> None:
    """Make the kernel kill this process when ``parent`` dies, even inside native code that holds the GIL.

    Where the kernel cannot (not Linux), a thread looks for the parent once a second.
    """
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def no_network() -> None:
    """Refuse every connection that leaves this machine (Python 3.8 and later; a converter must not phone home)."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(args[1], tuple) and not str(args[1][0]).startswith(("127.", "::1", "localhost")):
            raise PermissionError(f"workers have no network; a connection to {args[1][0]} was refused")

    if hasattr(sys, "addaudithook"):
        sys.addaudithook(hook)


def safe(function: Any, *arguments: Any) -> str:
    """Return the text ``function`` gives, or a stand-in when it raises: exceptions may be unprintable."""
    try:
        return str(function(*arguments))
    except BaseException as error:
        return f"<unprintable: {type(error).__name__}>"


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def failure(error: BaseException) -> dict[str, Any]:
    """Return an exception as plain data: kind, type, message, traceback."""
    from harness.core.errors import Unavailable, Unsupported, UsageError

    kind = (
        "unsupported" if isinstance(error, Unsupported)
        else "unavailable" if isinstance(error, Unavailable)
        else "usage" if isinstance(error, UsageError)
        else "error"
    )  # fmt: skip
    text = safe(lambda: "".join(traceback.format_exception(type(error), error, error.__traceback__)))
    message = _COLOUR.sub("", safe(str, error))
    answer = {"kind": kind, "type": type(error).__name__, "message": message[:4000], "traceback": _COLOUR.sub("", text)[-6000:]}
    if isinstance(error, Unavailable):
        answer.update(reason=error.reason, how=error.how)
    return answer


def pack(item: Any, folder: str, arrays: dict[str, Any]) -> Any:
    """Return ``item`` as JSON data; arrays are collected in ``arrays`` and replaced by their number."""
    if hasattr(item, "dtype") and hasattr(item, "shape"):
        number = str(len(arrays))
        arrays[number] = item
        return {"__array__": number}
    if isinstance(item, dict):
        return {str(key): pack(part, folder, arrays) for key, part in item.items()}
    if isinstance(item, (list, tuple)):
        return [pack(part, folder, arrays) for part in item]
    if isinstance(item, (str, int, float, bool)) or item is None:
        return item
    return safe(str, item)


def unpack(item: Any, arrays: dict[str, Any]) -> Any:
    """Return the data that `pack` packed, with its arrays back in place."""
    if isinstance(item, dict):
        if set(item) == {"__array__"}:
            return arrays[item["__array__"]]
        return {key: unpack(part, arrays) for key, part in item.items()}
    if isinstance(item, list):
        return [unpack(part, arrays) for part in item]
    return item


def encode(item: Any, folder: str) -> bytes:
    """Return the message for ``item``, its arrays written below ``folder``."""
    from harness.core.arrays import write

    arrays: dict[str, Any] = {}
    data = pack(item, folder, arrays)
    if arrays and not os.path.isdir(folder):
        os.makedirs(folder)
    return json.dumps({"data": data, "arrays": write(folder, arrays)}).encode()


def decode(message: bytes) -> Any:
    """Return the item of a message; its arrays are memory-mapped and read-only."""
    from harness.core.arrays import read

    body = json.loads(message.decode())
    return unpack(body["data"], read(body["arrays"]))


def main(socket_fd: int, parent: int, imports: list[str]) -> None:
    """Serve requests until the other end closes."""
    die_with(parent)
    no_network()
    connection = Connection(socket_fd)
    serve = None
    try:
        for name in imports:
            importlib.import_module(name)
        from harness.engine.serve import Serve

        serve = Serve()
        hello: dict[str, Any] = {"ok": True, "result": {"pid": os.getpid(), "python": sys.version.split()[0]}}
    except BaseException as error:
        hello = {"ok": False, "error": failure(error)}
    connection.send_bytes(encode(hello, ""))
    while serve is not None:
        try:
            request = decode(connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)
        folder = os.path.join(request["folder"], "out")
        try:
            answer = encode({"ok": True, "result": getattr(serve, request["verb"])(**request["arguments"])}, folder)
        except BaseException as error:
            answer = encode({"ok": False, "error": failure(error)}, folder)
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            connection.send_bytes(answer)
        except OSError:
            os._exit(0)
