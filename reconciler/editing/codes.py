"""A code for a document that was given none: made of what people call it, and nobody else's."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Container

from schemas.texts import DATABASE_NAME_LENGTH

_SHORTEST = 2
_NAMELESS = "customer"
# What Unicode does not take apart into a letter and its marks.
_SPELT = str.maketrans(
    {"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "đ": "d", "ł": "l", "þ": "th", "ð": "d", "\u0131": "i", "&": " and "}
)


def code_from(name: str, taken: Container[str]) -> str:
    """Return a code that a document of this name can have: fit for a subdomain and the name of a database, and not taken.

    Of a name in another script nothing is left, so that its code says only what it is.
    """
    spelt = unicodedata.normalize("NFKD", name.lower().translate(_SPELT)).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "-", spelt).strip("-")[:DATABASE_NAME_LENGTH].strip("-")
    if len(base) < _SHORTEST:
        base = f"{_NAMELESS}-{base}".rstrip("-")
    if base not in taken:
        return base
    numbered = (f"{base[: DATABASE_NAME_LENGTH - len(f'-{n}')].rstrip('-')}-{n}" for n in itertools.count(2))
    return next(code for code in numbered if code not in taken)
