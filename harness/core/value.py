"""The one way a value class is made: frozen, and keyword-only where the interpreter can say so.

Workers in legacy toolchains import these classes too, so the decorator degrades to a plain frozen
dataclass before Python 3.10; fields therefore always list those without a default first.
"""

from __future__ import annotations

import dataclasses
import sys
import typing
from typing import Any, Callable, TypeVar

_T = TypeVar("_T")

if typing.TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        """Stand in for the typing helper, which no legacy toolchain has."""
        return lambda function: function


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
def value(cls: type[_T]) -> type[_T]:
    """Make ``cls`` a frozen dataclass, keyword-only from Python 3.10 on."""
    if sys.version_info >= (3, 10):
        return dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    return dataclasses.dataclass(frozen=True)(cls)
