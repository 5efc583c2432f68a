"""Secrets: the value type that nothing can print.

A fleet's text holds references; a value exists only where it is used. `Secret` redacts itself in every formatter
(`str`, `repr`, f-strings, `%`, JSON, pickling), so that no log, report or exception needs a filter.
"""

from __future__ import annotations

from typing import Any, NoReturn

REDACTED = "[secret]"


class Secret:
    """A secret's value. Only `reveal` gives it; every other way to look at it shows `[secret]`.

    `origin` says where it comes from, in words (`read from the environment variable X`); empty where that is not known.
    """

    __slots__ = ("__value", "origin")

    def __init__(self, value: str, origin: str = "") -> None:
        self.__value = value
        self.origin = origin

    def reveal(self) -> str:
        """Return the value: call this where it is put on the wire, and nowhere else."""
        return self.__value

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(REDACTED, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__value == other.reveal()

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never pickled or copied")

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self
