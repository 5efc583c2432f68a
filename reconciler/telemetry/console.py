"""One entry as a line for people: time, level, event, then `key=value`; a traceback follows, each line of it marked.

Values are quoted where they hold anything but a plain word, so that a host's text cannot pass for a field of ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from reconciler.telemetry.printable import Plain

_COLORS = {"debug": "2", "info": "32", "warning": "33", "error": "31"}
_BOLD = "1"
_FAINT = "2"
_WORD = re.compile(r"[\w./:@+-]+\Z")
_MARK = "  | "


def render(entry: Mapping[str, Plain], *, color: bool) -> str:
    """Write an entry whose values are plain already."""
    rest = dict(entry)
    at, level, event = (str(rest.pop(key, "")) for key in ("at", "level", "event"))
    trace = rest.pop("exception", None)
    head = f"{_paint(at, _FAINT, on=color)} {_paint(f'{level:<7}', _COLORS.get(level, _BOLD), on=color)}"
    named = [f"{_paint(key, _FAINT, on=color)}={_value(value)}" for key, value in rest.items()]
    line = " ".join([head, _paint(event, _BOLD, on=color), *named])
    lines = trace if isinstance(trace, list) else []
    return "\n".join([line, *(_MARK + str(one) for one in lines)])


def _value(value: Plain) -> str:
    if isinstance(value, str):
        # Escaped already: to escape the backslashes once more would hide from readers what was sent.
        return value if _WORD.match(value) else '"' + value.replace('"', '\\"') + '"'
    return json.dumps(value, ensure_ascii=False)


def _paint(text: str, style: str, *, on: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if on else text
