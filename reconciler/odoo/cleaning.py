"""Foreign text made fit to show: what a host, a proxy or a library said becomes one short printable line without secrets.

Pure. Messages end in logs, terminals, reports and other people's pages, so that nothing foreign goes there raw: no control
or direction characters, no traceback's many lines, no echo of what was sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape

from schemas.secrets import REDACTED

MESSAGE_LIMIT = 300


def one_line(text: str, secrets: Iterable[str] = (), limit: int = MESSAGE_LIMIT) -> str:
    """Strike the secrets out, then bring the rest to one bounded line of printable characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in _struck(text, secrets)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _struck(text: str, secrets: Iterable[str]) -> str:
    forms = {form for secret in secrets for form in _forms(secret) if form}
    if not forms:
        return text
    # In one sweep, longest first: a secret within another, or within the mark itself, must not leave a rest.
    pattern = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return re.sub(pattern, REDACTED, text)


def _forms(secret: str) -> tuple[str, ...]:
    """Say how foreign text may write a secret: as it is, or quoted by Python, JSON or HTML."""
    return secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], escape(secret)
