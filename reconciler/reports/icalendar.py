"""What ends when, as iCalendar (RFC 5545): days without a time, so that no time zone has to be explained.

Three rules make all of it: lines end with CRLF and are folded at 75 octets, between characters; backslash, semicolon, comma and
line breaks of texts are escaped; what has another day than last time has the same UID, so that it moves in a calendar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from reconciler.core.policies.calendars import CalendarEntry

_MOST_OCTETS = 75


def render_icalendar(fleet: str, endings: Iterable[CalendarEntry], now: datetime, version: str) -> str:
    """Return a calendar.

    Args:
        fleet: its code.
        endings: what is in it.
        now: when it was made.
        version: of this tool.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//odoo-fleet//odoo-fleet {version}//EN"]
    lines.append(f"X-WR-CALNAME:{_escaped(f'Fleet {fleet}')}")
    for each in endings:
        lines += ["BEGIN:VEVENT", f"UID:{_escaped(each.key)}@{fleet}.odoo-fleet", f"DTSTAMP:{stamp}"]
        lines += [f"DTSTART;VALUE=DATE:{each.day:%Y%m%d}", f"SUMMARY:{_escaped(each.what)}"]
        lines += [f"DESCRIPTION:{_escaped(each.then)}", "TRANSP:TRANSPARENT", "END:VEVENT"]
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def _escaped(text: str) -> str:
    for sign in "\\;,":
        text = text.replace(sign, f"\\{sign}")
    text = "\\n".join(text.splitlines())
    return "".join(sign for sign in text if sign.isprintable())


def _folded(line: str) -> Iterator[str]:
    part, room = "", _MOST_OCTETS
    for sign in line:
        size = len(sign.encode())
        if size > room:
            yield part
            part, room = " ", _MOST_OCTETS - 1
        part, room = part + sign, room - size
    yield part
