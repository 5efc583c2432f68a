"""The kinds of text that fields hold: each a pattern, and in `EXPLANATIONS` the words for what the pattern wants.

Patterns are checked by pydantic's compiled core, so that ten thousand documents cost no Python call per field; they
are plain enough (no look-around) for JSON Schema too. Text that no pattern can judge has a validator, which raises
`problem`: its type is the problem's code and its context the hint.
"""

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

EXPLANATIONS: dict[str, str] = {}


def problem(code: str, message: str, hint: str = "", among: tuple[str, ...] = ()) -> PydanticCustomError:
    """Make the error that a validator raises.

    Args:
        code: a documented problem code.
        message: what is wrong.
        hint: what to do about it.
        among: what may have been meant; the nearest of them is a better hint.
    """
    # The words go along as values, because braces in a template would be taken for places to fill in.
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint, "among": among})


def _pattern(pattern: str, wants: str) -> str:
    EXPLANATIONS[pattern] = wants
    return pattern


Line = Annotated[
    str,
    Field(
        pattern=_pattern(r"^\S(?:[^\n]*\S)?$", "one line of text that neither starts nor ends with a space"),
        max_length=255,
    ),
]

Code = Annotated[
    str,
    Field(
        pattern=_pattern(r"^[a-z0-9][a-z0-9-]*$", "lowercase letters, digits and '-', starting with a letter or digit"),
        max_length=63,
    ),
]

# `building-<time and nonce>.` in front of a name takes 27 of the 63 bytes that PostgreSQL has for a name.
DATABASE_NAME_LENGTH = 36
_DATABASE_NAME = _pattern(
    r"^[a-z0-9][a-z0-9_-]*$", "lowercase letters, digits, '-' and '_' without a dot, starting with a letter or digit"
)
DatabaseName = Annotated[str, Field(pattern=_DATABASE_NAME, min_length=2, max_length=DATABASE_NAME_LENGTH)]
# A code or the name of a database: the longer of the two.
FormerName = Annotated[str, Field(pattern=_DATABASE_NAME, max_length=63)]

Subdomain = Annotated[
    str,
    Field(
        pattern=_pattern(
            r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$",
            "lowercase letters, digits and '-', starting and ending with a letter or digit",
        ),
        max_length=63,
    ),
]

Hostname = Annotated[
    str,
    Field(
        pattern=_pattern(
            r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$",
            "a host name in lowercase, such as example.com",
        ),
        max_length=253,
    ),
]

# Of its own it has a dot: a bare word would be an address of nobody's, or of a map a keyword (`default`, `include`).
CustomersDomain = Annotated[
    str,
    Field(
        pattern=_pattern(
            r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$",
            "a host name in lowercase with a dot, such as erp.acme.example",
        ),
        max_length=253,
    ),
]

LabelKey = Annotated[
    str,
    Field(
        pattern=_pattern(
            r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", "letters, digits, '.', '_', '/' and '-', starting with a letter or digit"
        ),
        max_length=63,
    ),
]
LabelValue = Annotated[
    str, Field(pattern=_pattern(r"^(?:\S(?:[^\n]*\S)?)?$", "one line of text, or nothing"), max_length=255)
]

ModuleName = Annotated[
    str,
    Field(
        pattern=_pattern(r"^[a-z0-9_]+$", "the technical name of a module: lowercase letters, digits and '_'"),
        max_length=128,
    ),
]
Modules = Annotated[tuple[ModuleName, ...], Field(strict=False)]

Language = Annotated[
    str,
    Field(
        pattern=_pattern(
            r"^[a-z]{2,3}(?:_(?:[A-Z]{2}|[0-9]{3}))?(?:@[A-Za-z]+)?$",
            "a language as Odoo writes it, such as fr_BE, en_US or sr@Cyrl",
        )
    ),
]

CountryCode = Annotated[
    str, Field(pattern=_pattern(r"^[A-Z]{2}$", "a country code of two capital letters, such as BE"))
]

GroupName = Annotated[
    str,
    Field(
        pattern=_pattern(
            r"^[a-z0-9_]+\.[A-Za-z0-9_.]+$", "the external identifier of a group, such as base.group_user"
        ),
        max_length=255,
    ),
]

FilePath = Annotated[str, Field(pattern=_pattern(r"^[^\x00\n]*[^\x00\n/]$", "the path of a file"), max_length=4096)]

# What the tool sets from other fields, or what makes one database another.
OWNED_PARAMETERS = {
    "database.create_date": "Odoo sets it when a database is made",
    "database.is_neutralized": "it says of a copy that it was neutralized: declare one with `clone_of`",
    "database.secret": "Odoo sets it, and sessions depend on it",
    "database.uuid": "it tells one database from another",
    "web.base.url": "it follows from `subdomain` and the server's `domain`, `public_scheme` and `public_port`",
    "web.base.url.freeze": "it follows from the server's `domain`",
}
OWN_PREFIX = "odoo_fleet."


def _check_parameter_key(key: str) -> str:
    if not key.strip():
        raise problem("invalid-text", "the key of a parameter may not be empty")
    if key.startswith(OWN_PREFIX):
        raise problem(
            "reserved-parameter", f"parameter {key!r} is the tool's own", f"keys may not start with {OWN_PREFIX}"
        )
    if key in OWNED_PARAMETERS:
        raise problem("reserved-parameter", f"parameter {key!r} may not be declared", OWNED_PARAMETERS[key])
    return key


ParameterKey = Annotated[str, AfterValidator(_check_parameter_key)]


def _check_parameter_value(value: str) -> str:
    if not value:
        raise problem(
            "invalid-text", "the value of a parameter may not be empty", "Odoo keeps none that is: leave it out"
        )
    return value


ParameterValue = Annotated[str, AfterValidator(_check_parameter_value)]


_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(9900, 12, 31)
"""So that days, terms and time zones can be reckoned from each without leaving the calendar."""


def _read_date(written: Any) -> Any:
    """Take a date as text, year-month-day; YAML's own dates differ from reader to reader, so ours are text."""
    if not isinstance(written, str):
        return written
    try:
        # `fromisoformat` alone would also take 20260101 and week dates.
        found = date.fromisoformat(written) if written[4:5] == "-" and written[7:8] == "-" else None
    except ValueError:
        found = None
    if found is not None and not _FIRST_DAY <= found <= _LAST_DAY:
        hint = f"write a day from {_FIRST_DAY} to {_LAST_DAY}; what never ends has none"
        raise problem("invalid-date", f"{written!r} is too far away", hint)
    if found is not None:
        return found
    raise problem("invalid-date", f"{written!r} is not a date", "write year-month-day, for example 2026-12-31")


Day = Annotated[date, BeforeValidator(_read_date)]

TimeOfDay = Annotated[
    str, Field(pattern=_pattern(r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$", "a time of day in quotes, such as '22:00'"))
]
