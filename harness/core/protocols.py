"""What an adapter is. Protocols, not base classes: an adapter file inherits nothing.

An adapter file lives in ``harness/frameworks``, ``harness/converters`` or ``harness/runtimes`` (or
is named by an entry point of the group ``parity.adapters``) and ends with a tuple ``ADAPTERS``.
It imports `harness.core` only, and its native packages only inside methods: the file itself is
imported where no framework is installed. Methods run in the worker of the adapter's toolchain.
Adapter files must parse and run on Python 3.7.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.space import Space
from harness.core.value import value
from harness.core.weights import Move

try:
    from typing import Protocol, runtime_checkable
except ImportError:  # Python 3.7 has neither; there a protocol is documentation

    class Protocol:  # type: ignore[no-redef]
        """Stand in for `typing.Protocol`."""

    def runtime_checkable(cls: Any) -> Any:  # type: ignore[misc]
        """Stand in for `typing.runtime_checkable`."""
        return cls


ANY = "any"
"""Among a converter's ``sources``: it takes every format, and is used only where a route names it."""


@value
class Option:
    """One named option of a converter or runtime: its default, the allowed values, one line of help.

    The type of ``default`` is the type of the option (bool, int, float or str). ``choices`` empty
    means any value of that type.
    """

    name: str
    default: Any
    help: str
    choices: tuple[Any, ...] = ()

    def read(self, text: str, where: str) -> Any:
        """Return the value written as ``text`` in a route; raise `UsageError` naming ``where``."""
        kind = type(self.default)
        try:
            if kind is bool:
                result: Any = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
            else:
                result = kind(text)
        except (KeyError, ValueError):
            raise UsageError(f"{where}: option {self.name}={text!r}; expected a value of type {kind.__name__}") from None
        if self.choices and result not in self.choices:
            raise UsageError(f"{where}: option {self.name}={text!r}; expected one of {', '.join(map(str, self.choices))}")
        return result


@value
class Source:
    """What a converter converts or a runtime loads.

    ``artifact``: format, entry path and ports (``artifact.entry`` is an absolute path here; empty
    for a model that only lives in memory). ``model``: the live model, for the in-memory formats
    that a `Framework` owns. ``feeds``: the example inputs by canonical name (read-only arrays), in
    call order. ``dynamic``: input name -> axis -> (name or expression of its length, low, high). ``case``: the case
    with its builders, for converters that must rebuild. ``space``: which lengths go together. ``calibration``: feeds by canonical
    name to find the ranges of inner tensors with, for a converter that asks for them.
    """

    artifact: Artifact
    feeds: Mapping[str, Any]
    dynamic: Mapping[str, Mapping[int, tuple[str, int, int]]]
    model: Any = None
    case: Case | None = None
    space: Space | None = None
    calibration: tuple[Mapping[str, Any], ...] = ()


@value
class Converted:
    """What a converter returns.

    ``entry``: the name, inside the destination folder, of the file or folder to open ("" for the
    folder itself). ``inputs`` and ``outputs``: canonical name -> native name inside the artifact,
    complete and in order; None where every name was kept. ``messages``: warnings that matter.
    ``casts``: output or input name -> dtype, where this converter documents that it changes it.
    """

    entry: str
    inputs: Mapping[str, str] | None = None
    outputs: Mapping[str, str] | None = None
    messages: tuple[str, ...] = ()
    casts: Mapping[str, str] | None = None


@runtime_checkable
class Framework(Protocol):
    """Builds and runs a case in its source framework.

    One that can differentiate has a method ``gradient(model, feeds, cotangent)`` as well: ``cotangent`` maps output names
    to weights in the shape of the output, and it returns, for each real input, d(sum(weights * output))/d(input) in
    the shape of the input, zeros where nothing depends on it. It raises `UsageError` for an output the model does not
    have or weights of another shape, and must leave ``model`` as it was.

    Optional, for the search for the layer to blame: ``trace(model, feeds, wanted=None)`` returns every call of a
    sub-module in execution order, the whole model first (see `harness.frameworks._calls.Tape`; ``wanted``: paths
    whose arrays are kept). ``replay(model, path, call, inputs, double=False)`` runs one of them alone on arrays, in
    float64 on request. ``parameters(model, path)`` returns its weights. A framework whose models are files has
    ``reopen(entry)``, which returns the model of an artifact.

    Optional, to generate tests from a model: ``walk(model, feeds, wanted=None)`` returns calls as ``trace`` does, those of functions
    between sub-modules too, where the framework shows them; each with ``ops`` (operators it runs itself), ``said`` (arguments that
    are no arrays, in words), ``signature`` (equal for calls that differ only in weights and values) and ``problem`` (why it cannot run
    alone, "" for nothing). ``sub(model, path, call, bound, specs)`` returns what a builder returns: a model of one call, whose inputs
    are ``specs`` by position. ``bound(model, (path, call), others, shapes, elsewhere)`` tells which numbers among the arguments follow
    the shapes of the inputs (``others``: arguments by place, captured in a walk where the inputs had the shapes ``elsewhere``), None
    for not known; ``sub`` gets what it returned. ``mode()``: a word for the global state that builds depend on.
    Optional, for conversions that several cells share: ``join(models)`` returns one model of several by name; its inputs and
    outputs are theirs, each with the name of its model and a dot before its own.
    Optional: ``otherwise(model, feeds)`` does as ``run``, with another number of threads and another memory layout of the inputs, so that
    sums are taken in another order; what that moves is noise of the case.
    Optional, to judge targets in 8 bits: ``emulate(case, model, feeds, move, inner)`` returns what ``oracle`` does, with tensors inside
    of the model rounded as ``inner`` says (see `harness.core.weights.Inner`).
    Optional, to measure its time: ``prepared(model, feeds)``, see `Session`.
    """

    name: str
    toolchain: str
    format: str
    distributions: tuple[str, ...]

    def build(self, case: Case) -> Any:
        """Return the model, seeded with ``case.seed``, in inference mode, weights as the case asks."""

    def run(self, model: Any, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name (see `harness.core.outputs.flatten`), as NumPy arrays that own their data."""

    def oracle(self, case: Case, model: Any, feeds: Mapping[str, Any], move: Move | None = None) -> dict[str, Any]:
        """Return the outputs of the same model in float64. Must leave ``model`` as it was.

        With ``move`` each weight is what it returns for it, see `harness.core.weights.Move`.
        """


@runtime_checkable
class Converter(Protocol):
    """One edge of the format graph. Raises `Unsupported` where the tool refuses an operator by name.

    A converter with ``single_use = True`` leaves something behind that would spoil the next conversion: its
    worker ends after each. One whose ``target`` is among its ``sources`` is used only where a route names it.

    Optional: ``coarsest(options)``, the coarsest type that what it makes computes in, as `harness.numerics.oracle.UNITS` names it, ""
    for that of the source. ``calibrates(options)``: how many samples to calibrate with are wanted, 0 for none; see
    `harness.engine.calibration`. ``files``: options that name a file, as seen from the case file; what is in it counts for the cache.
    ``made_of`` (of any adapter): modules outside its own file that its results depend on.
    """

    name: str
    sources: tuple[str, ...]
    target: str
    toolchain: str
    distributions: tuple[str, ...]
    options: tuple[Option, ...]

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Write the converted model below the existing empty folder ``dest``."""


@runtime_checkable
class Session(Protocol):
    """A loaded artifact, ready to run.

    ``provenance`` says what really ran: at least ``device``, ``provider`` and ``precision``, each
    as the runtime itself reports it.

    Optional, for the search for the layer to blame: ``tensor_names(feeds)`` lists the inner tensors in execution
    order as dictionaries: ``name`` (each once), ``op``, ``scope`` (the module it came from, joined by ".", "" for
    unknown), ``inputs`` (names of what it is made of). ``tensors(feeds, names=None)`` returns these by name, and the
    outputs of that same run by native name, so that it shows whether probing changed the result.

    Optional: ``study(feeds, question)`` answers a question that only this runtime understands, as plain data.

    Optional, to measure its time: ``prepared(feeds)`` hands feeds to the device and returns a function without arguments that makes
    the runtime's own call and nothing else, and one that takes its result and returns the outputs as ``run`` does. ``synchronise()``
    returns when the device has done what it was given: on a device that works behind the call, no time is taken without it but
    from arrays to arrays. A runtime that can be held to a number of threads has an option ``threads``, 0 for its own choice.
    """

    provenance: Mapping[str, Any]

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Take feeds by native input name, return outputs by native output name, owning their data."""

    def close(self) -> None:
        """Free what the session holds. Calling it twice is fine."""


@runtime_checkable
class Runtime(Protocol):
    """Loads artifacts on a device.

    Optional: ``label``, a word for verdicts that are no results of the device they speak of, such as ``emulated``: every record carries
    it, and reports and gates keep such records apart. ``named_only = True``: used only where a route, a pattern or ``--to`` names it.
    ``coarsest(options)``: the coarsest type it computes in with these options, as `harness.numerics.oracle.UNITS` names it, "" for
    that of the source.
    """

    name: str
    accepts: tuple[str, ...]
    toolchain: str
    distributions: tuple[str, ...]
    devices: tuple[str, ...]
    options: tuple[Option, ...]

    def probe(self, device: str) -> None:
        """Return when ``device`` can run here, else raise `Unavailable` with the reason and how to get it."""

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> Session:
        """Open the artifact. Raises `Unsupported` where the runtime refuses an operator by name."""


def option_values(adapter: Any, given: Mapping[str, str], where: str) -> dict[str, Any]:
    """Return every option of ``adapter`` with its value, defaults filled in.

    Raises `UsageError` for an option the adapter does not have or a value it does not take.
    """
    known: dict[str, Option] = {option.name: option for option in adapter.options}
    for name in given:
        if name not in known:
            raise UsageError(f"{where}: {adapter.name} has no option {name!r}; it has {', '.join(known) or 'none'}")
    return {name: option.read(given[name], where) if name in given else option.default for name, option in known.items()}


Restore = Callable[..., Any]
"""``converter.restore(entry)``: reopen a model of an in-memory format that this converter wrote.

A converter with ``rebuilds = True`` gets the case's own model as well, ``restore(entry, model)``, and leaves it as it was.
"""

Adapters = Sequence[Any]
