"""Search domains: prefix notation over records, as Odoo's `search` takes them.

The reader of values is passed in, so nothing here knows models or tables. An operator that is not known raises the
`ValueError` that Odoo raises; nothing is ever silently true.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .errors import builtin

if TYPE_CHECKING:
    from collections.abc import Callable

    from .databases import Row

    Reader = Callable[[Row], Any]
    Test = Callable[[Row], bool]


def leaf_fields(domain: list[Any]) -> set[str]:
    """Return the fields that a domain names."""
    return {str(leaf[0]) for leaf in domain if isinstance(leaf, (list, tuple)) and leaf}


def compile_domain(domain: list[Any], reader: Callable[[str], Reader]) -> list[Test]:
    """Return tests of rows, all of which must hold.

    Args:
        domain: leaves `[field, operator, value]` with `&`, `|` and `!` before what they join.
        reader: gives, for a field path, what reads its value from a row.
    """
    stack: list[Test] = []
    for term in reversed(domain):
        if term == "!":
            stack.append(_negate(stack.pop()))
        elif term in ("&", "|"):
            stack.append(_join(term, stack.pop(), stack.pop()))
        else:
            stack.append(_leaf(term, reader))
    return stack[::-1]


def _negate(test: Test) -> Test:
    return lambda row: not test(row)


def _join(term: str, left: Test, right: Test) -> Test:
    if term == "&":
        return lambda row: left(row) and right(row)
    return lambda row: left(row) or right(row)


def _leaf(term: Any, reader: Callable[[str], Reader]) -> Test:
    if not isinstance(term, (list, tuple)) or len(term) != 3:  # noqa: PLR2004 -- field, operator, value
        raise builtin("ValueError", f"Domain() invalid item in domain: {term!r}")
    field, operator, wanted = term
    if field in (1, 0):
        return lambda _row: bool(field == wanted)
    test = OPERATORS.get(operator)
    if test is None:
        raise builtin("ValueError", f"Invalid operator in condition ({field!r}, {operator!r}, {wanted!r})")
    value_of = reader(field)
    if operator == "=" and wanted and isinstance(wanted, (str, int)):
        # The commonest leaf by far, and a search tries it on hundreds of rows.
        return lambda row: (value := value_of(row)) == wanted or (isinstance(value, list) and wanted in value)
    return lambda row: test(value_of(row), wanted)


def _plain(value: Any) -> Any:
    """Make what Odoo treats as unset comparable: False, None and the empty text are one."""
    return False if value is None or value == "" else value


def _equals(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, (list, tuple)):
        return _within(value, wanted)
    if isinstance(value, list):
        return wanted in value if wanted else not value
    return bool(_plain(value) == _plain(wanted))


def _within(value: Any, wanted: Any) -> bool:
    choices = wanted if isinstance(wanted, (list, tuple)) else [wanted]
    if isinstance(value, list):
        return any(choice in value for choice in choices) or (not value and False in choices)
    if value:
        return value in choices
    return any(not choice for choice in choices)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(value: Any, wanted: Any) -> bool:
        if value is None or value is False or isinstance(value, str) != isinstance(wanted, str):
            return False
        return compare(value, wanted)

    return test


@lru_cache(maxsize=1024)
def _pattern(pattern: str, flags: int) -> re.Pattern[str]:
    translated = re.sub(r"%|_|[^%_]+", lambda part: {"%": ".*", "_": "."}.get(part[0], re.escape(part[0])), pattern)
    return re.compile(translated, flags | re.DOTALL)


def _like(*, anywhere: bool, flags: int) -> Callable[[Any, Any], bool]:
    def test(value: Any, wanted: Any) -> bool:
        pattern = f"%{wanted}%" if anywhere else str(wanted)
        return bool(_pattern(pattern, flags).fullmatch(str(_plain(value) or "")))

    return test


def _not(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: not test(value, wanted)


_LIKE = _like(anywhere=True, flags=0)
_ILIKE = _like(anywhere=True, flags=re.IGNORECASE)

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": _equals,
    "!=": _not(_equals),
    "<>": _not(_equals),
    "in": _within,
    "not in": _not(_within),
    ">": _ordered(lambda value, wanted: bool(value > wanted)),
    "<": _ordered(lambda value, wanted: bool(value < wanted)),
    ">=": _ordered(lambda value, wanted: bool(value >= wanted)),
    "<=": _ordered(lambda value, wanted: bool(value <= wanted)),
    "like": _LIKE,
    "not like": _not(_LIKE),
    "ilike": _ILIKE,
    "not ilike": _not(_ILIKE),
    "=like": _like(anywhere=False, flags=0),
    "=ilike": _like(anywhere=False, flags=re.IGNORECASE),
}
