"""Binding arguments as Python does, with Python's own sentences for what does not fit.

Clients recognise an old host by the `TypeError` that an argument it does not know raises, so the words matter.
"""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .errors import builtin

if TYPE_CHECKING:
    from collections.abc import Callable


@lru_cache
def parameters(run: Callable[..., Any], skipped: int) -> tuple[inspect.Parameter, ...]:
    """Return the parameters of a function that a caller fills, without the first ones that the host fills."""
    return tuple(inspect.signature(run).parameters.values())[skipped:]


def check(name: str, known: tuple[inspect.Parameter, ...], args: list[Any], kwargs: dict[str, Any]) -> None:
    """Raise the `TypeError` of a call `name(*args, **kwargs)` that does not fit these parameters."""
    if len(args) > len(known):
        raise builtin("TypeError", f"{name}() takes {len(known)} positional arguments but {len(args)} were given")
    filled = {parameter.name for parameter in known[: len(args)]}
    for keyword in kwargs:
        if keyword in filled:
            raise builtin("TypeError", f"{name}() got multiple values for argument {keyword!r}")
        if all(keyword != parameter.name for parameter in known):
            raise builtin("TypeError", f"{name}() got an unexpected keyword argument {keyword!r}")
    missing = [
        repr(parameter.name)
        for parameter in known[len(args) :]
        if parameter.default is inspect.Parameter.empty and parameter.name not in kwargs
    ]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise builtin(
            "TypeError", f"{name}() missing {len(missing)} required positional argument{plural}: {_and(missing)}"
        )


def _and(names: list[str]) -> str:
    if len(names) <= 2:  # noqa: PLR2004 -- "a" and "a and b" take no comma
        return " and ".join(names)
    return f"{', '.join(names[:-1])}, and {names[-1]}"
