"""Looking for secrets in what was written: in every form that text takes on its way."""

from __future__ import annotations

import base64
import html
import json
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus


def forms(secret: str) -> set[bytes]:
    """List a secret as it is, escaped, quoted and encoded."""
    texts = {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        html.escape(secret),
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        secret.encode().hex(),
    }
    return {t.encode() for t in texts} | _in_base64(secret.encode())


def _in_base64(secret: bytes) -> set[bytes]:
    """List what stays the same of a secret in base64, wherever it stands in the text that is encoded."""
    found: set[bytes] = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret).rstrip(b"=")
        kept = encoded[-(-before * 4 // 3) + (before > 0) : -1]
        found |= {kept, kept.replace(b"+", b"-").replace(b"/", b"_")}
    return {f for f in found if len(f) > 8}


@dataclass
class Written:
    """Everything that was written, by where."""

    secrets: Mapping[str, str]
    texts: dict[str, bytes] = field(default_factory=dict)

    def add(self, where: str, text: str | bytes) -> None:
        """Keep a text; a place that is written to again keeps both."""
        data = text.encode() if isinstance(text, str) else text
        self.texts[where] = self.texts.get(where, b"") + b"\n" + data

    def add_error(self, where: str, error: BaseException) -> None:
        """Keep all that anyone could print of an exception, causes and notes included."""
        self.add(where, repr(error) + str(error) + "".join(traceback.format_exception(error)) + repr(vars(error)))

    def found(self, but: Iterable[str] = ()) -> list[str]:
        """Name each secret and where it was found, leaving out those that were asked for."""
        wanted = {name: forms(value) for name, value in self.secrets.items() if name not in set(but)}
        return [
            f"{name} in {where}"
            for where, text in self.texts.items()
            for name, each in wanted.items()
            if any(form in text for form in each)
        ]
