"""What a mutation operator is: a named way to break a model, and the places where it can be done.

Operators on ONNX graphs and on named weights look alike from outside. They never change what they are given.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from harness.core.errors import UsageError, unknown
from harness.core.value import value

FAMILIES = (
    "weights",
    "precision",
    "norm",
    "activation",
    "attention",
    "window",
    "resize",
    "index",
    "integer",
    "shape",
    "structure",
    "recurrent",
)


@value
class Site:
    """One place for one operator: what somebody who localises the fault should name.

    ``node``: the first output of the node that computes something else afterwards, as named before the change (empty
    where a weight belongs to no node). ``tensor``: the tensor that was changed, an initializer or an output. ``layer``:
    the path of the layer where names or metadata tell it, else the kind of the node. ``index``: its number in the list.
    """

    index: int
    node: str
    tensor: str
    layer: str
    detail: str = ""

    def __str__(self) -> str:
        return f"node={self.node} tensor={self.tensor} layer={self.layer}" + (f" ({self.detail})" if self.detail else "")


@value
class Operator:
    """A way to break a model.

    ``tells``: what the bug is, in the words of somebody who finds it. ``needs``: what a model must have for it.
    ``sites(model)`` lists the places, in a stable order; ``apply(model, site, seed)`` returns a new model.
    """

    name: str
    family: str
    tells: str
    needs: str
    sites: Callable[[Any], Sequence[Site]]
    change: Callable[[Any, Site, int], Any]

    def apply(self, model: Any, site: Site, seed: int = 0) -> Any:
        """Return a broken copy of ``model``. Raises `UsageError` for a site this model does not have."""
        found = self.sites(model)
        if site not in found:
            raise UsageError(f"fault operator {self.name!r} has no site {site} here; {self.where(found)}")
        return self.change(model, site, seed)

    def site(self, model: Any, index: int) -> Site:
        """Return the site with this number. Raises `UsageError` naming the operator, what it needs and where it would apply."""
        found = self.sites(model)
        if not 0 <= index < len(found):
            raise UsageError(f"fault operator {self.name!r} has no site {index} in this model; {self.where(found)}")
        return found[index]

    def where(self, found: Sequence[Site]) -> str:
        """Return what the operator needs and where it would apply, as the end of a message."""
        if not found:
            return f"it needs {self.needs}, and this model has none; operators that apply are listed by harness.faults.operator.applicable"
        shown = "; ".join(f"{site.index}: {site}" for site in found[:5])
        return f"it needs {self.needs} and applies at {len(found)} sites, 0 to {len(found) - 1}: {shown}"


def find(operators: Mapping[str, Operator], name: str) -> Operator:
    """Return one operator. Raises `UsageError` with the nearest names when there is none."""
    if name not in operators:
        raise unknown("fault operator", name, operators)
    return operators[name]


def applicable(operators: Mapping[str, Operator], model: Any) -> Mapping[str, Sequence[Site]]:
    """Return the sites of every operator that has any in ``model``."""
    found = {name: operator.sites(model) for name, operator in operators.items()}
    return {name: sites for name, sites in found.items() if sites}


def table(operators: Sequence[Operator]) -> Mapping[str, Operator]:
    """Return operators by name. Raises `UsageError` for a name or family that is used twice or unknown."""
    found: dict[str, Operator] = {}
    for operator in operators:
        if operator.name in found:
            raise UsageError(f"two fault operators are called {operator.name!r}")
        if operator.family not in FAMILIES:
            raise unknown("family of fault operators", operator.family, FAMILIES)
        found[operator.name] = operator
    return found
