"""What ATC printed, as an outcome: refusals with the operator named, wrong parameters, a broken installation, and all other errors."""

from __future__ import annotations

import re
from typing import Sequence

from harness.ascend import codes
from harness.core.errors import ParityError, Unavailable, Unsupported, UsageError
from harness.core.value import value

_CODE = re.compile(r"(?<![0-9A-Za-z_])([EW][0-9A-Z]\d{4})(?![0-9A-Za-z_])[)\]]?:?\s*(.*)")
_STAMP = re.compile(r"^\[PID:\s*\d+\]\s*\S+\s*")
_NAMED = re.compile(r"\[([^\[\]]+)\]|'([^']+)'|\"([^\"]+)\"")
_FLAG = re.compile(r"^ERROR: (unknown command line flag|flag '|Non-option parameter).*", re.M)
_LOADER = re.compile(r"error while loading shared libraries: (\S+?):|(lib\w+\.so[.\d]*): cannot open shared object")
_MODULE = re.compile(r"No module named '([\w.]+)'")
PACKAGES = "decorator sympy attrs psutil protobuf cloudpickle scipy tornado absl-py 'numpy<2'"
"""What CANN compiles kernels with."""


@value
class Said:
    """One coded line: ``code``, its ``text`` without code, process and time, and what it names in brackets or quotes."""

    code: str
    text: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.code} ({codes.atc(self.code)}): {self.text}"


def read(output: str) -> list[Said]:
    """Return the coded lines of what ATC printed, each once, in order; every format that CANN has had is read."""
    found = []
    for line in output.splitlines():
        said = _CODE.search(line)
        if said:
            text = _STAMP.sub("", said.group(2)).strip()
            named = tuple(next(filter(None, groups)) for groups in _NAMED.findall(text))
            found.append(Said(code=said.group(1), text=text, names=tuple(dict.fromkeys(named))))
    return list(dict.fromkeys(found))


def warnings(output: str) -> list[str]:
    """Return ATC's warnings."""
    return [str(one) for one in read(output) if one.code.startswith("W")]


def failure(output: str, code: int) -> ParityError | RuntimeError:
    """Return the error that a failed run of ATC stands for; ``code`` is its exit status."""
    lost = _LOADER.search(output)
    if lost:
        library = lost.group(1) or lost.group(2)
        how = "install the NPU driver, or put CANN's devlib folder on LD_LIBRARY_PATH on a machine without an NPU"
        return Unavailable(f"atc cannot start: {library} cannot be loaded", how)
    flag = _FLAG.search(output)
    if flag:
        return UsageError(f"atc (exit status {code}): {flag.group(0)}; atc --help lists the flags of this CANN")
    said = [one for one in read(output) if one.code.startswith("E")]
    for wanted, error in (
        ([one for one in said if one.code in codes.REFUSALS], _refused),
        ([one for one in said if codes.INSTALLATION.match(one.code)], _broken),
        ([one for one in said if codes.PARAMETERS.match(one.code)], _parameter),
    ):
        if wanted:
            return error(wanted)
    plain = [one for one in said if one.code not in codes.INNER] or said
    tail = str(plain[0]) if plain else " | ".join(output.strip().splitlines()[-3:]) or "it printed nothing"
    return RuntimeError(f"atc failed with exit status {code}: {tail[:600]}")


def _refused(said: Sequence[Said]) -> ParityError:
    names = list(dict.fromkeys(name for one in said for name in one.names))
    who = f"{', '.join(names[:6])}{' and more' if len(names) > 6 else ''}: " if names else ""
    return Unsupported(f"atc refuses {who}{said[0]}"[:800])


def _broken(said: Sequence[Said]) -> ParityError:
    module = _MODULE.search(" ".join(one.text for one in said))
    what = f"the Python package {module.group(1)} is missing" if module else str(said[0])
    return Unavailable(f"atc cannot compile kernels: {what}", f"into the Python that atc uses: pip install {PACKAGES}")


def _parameter(said: Sequence[Said]) -> ParityError:
    return UsageError("atc does not take what it was asked for: " + "; ".join(map(str, said[:3])))
