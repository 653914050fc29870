"""One thing that ATC is expected to do with a model other than to convert it faithfully."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from harness.core.value import value

REFUSED, WRONG, DOUBT, NOTE = "refused", "wrong", "doubt", "note"
SEVERITIES = {
    REFUSED: "ATC ends with an error", WRONG: "ATC converts and the result computes something else",
    DOUBT: "the sources disagree, or it depends on the chip", NOTE: "converts; mind this when it is run",
}  # fmt: skip
"""How bad, the worst first. The first two are what a model must not have."""
SHOWN = 3


def few(names: Sequence[str], count: int = 0) -> str:
    """Return the first names, and how many more there are; ``count``: of all, where these are the first of them."""
    more = (count or len(names)) - len(names[:SHOWN])
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more else "")


@value
class Finding:
    """A prediction. ``kind``: what it is about; ``what`` is wrong; ``repair``: the smallest change that helps.

    ``where``: the first nodes or tensors; ``count``: how many there are. ``code``: the error that ATC is expected to give; ``fix``: the
    automatic repair that removes it, "" where there is none.
    """

    kind: str
    severity: str
    what: str
    repair: str
    where: tuple[str, ...] = ()
    count: int = 1
    code: str = ""
    fix: str = ""

    @property
    def blocks(self) -> bool:
        """Whether the model must not go on like this."""
        return self.severity in (REFUSED, WRONG)

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `finding_from` reads."""
        return {**self.__dict__, "where": list(self.where)}


def finding_from(data: Mapping[str, Any]) -> Finding:
    """Return the finding that `Finding.to_json` wrote."""
    return Finding(**{**data, "where": tuple(data["where"])})
