"""The health of servers and instances as tables of text, in 80 columns; the wide ones have everything."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from reconciler.fleet.counting import count
from reconciler.health.signs import SIGNS, HealthStatus, Sign
from reconciler.health.verdicts import HealthRecord
from reconciler.reports.health_views import (
    HealthView,
    InstanceHealth,
    ServerHealthView,
    Transition,
    status_of,
    transitions,
)
from reconciler.reports.paragraphs import Tone
from reconciler.reports.tables import NOTHING, Cell, Column, Table, table
from reconciler.reports.words import lasting

TRANSITIONS_SHOWN = 20
NOTES_SHOWN = 20

_TONES = {HealthStatus.HEALTHY: Tone.GOOD, HealthStatus.WARNING: Tone.DOUBT, HealthStatus.CRITICAL: Tone.BAD}


def health_tables(view: HealthView, *, wide: bool = False) -> tuple[Table, ...]:
    """Return the tables of a view."""
    tables: list[Table] = []
    if view.servers is not None:
        tables.append(_wide_servers(view, view.servers) if wide else _servers(view, view.servers))
    if view.history is not None:
        tables.append(_history(view.history, wide=wide))
    if view.instances is not None:
        tables.append(_instances(view.instances, wide=wide))
    return tuple(tables)


def _servers(view: HealthView, rows: Sequence[ServerHealthView]) -> Table:
    columns: tuple[Column[ServerHealthView], ...] = (
        Column("CODE", lambda row: row.code, shrinks=True),
        Column("STATUS", lambda row: _status(status_of(row))),
        _looked("SINCE", lambda row, record: NOTHING if row.first_look else _since(view, record)),
        _looked("ONLINE", lambda _, record: _online(record)),
        _looked("LAST CHECK", lambda row, record: _checked(view, row, record)),
        *(_sign(sign, view.at, sign.shown, right=sign.is_number) for sign in SIGNS.values() if not sign.is_detail),
    )
    return table("Health of servers", columns, rows, _server_notes(view, rows))


def _wide_servers(view: HealthView, rows: Sequence[ServerHealthView]) -> Table:
    columns: tuple[Column[ServerHealthView], ...] = (
        Column("CODE", lambda row: row.code),
        Column("NAME", lambda row: row.name),
        Column("STATE", lambda row: row.state),
        Column("STATUS", lambda row: _status(status_of(row))),
        _looked("SINCE", lambda row, record: NOTHING if row.first_look else _moment(record.since or record.at)),
        _looked("ONLINE", lambda _, record: _online(record)),
        _looked("LAST CHECK", lambda _, record: _moment(record.at)),
        *(_sign(sign, view.at, sign.in_full or sign.shown) for sign in SIGNS.values()),
        Column("WHY", lambda row: _not_looked_at(row) if row.record is None else row.record.why or NOTHING),
    )
    return table("Health of servers", columns, rows, _looking_notes(view, rows))


def _checked(view: HealthView, row: ServerHealthView, record: HealthRecord) -> Cell:
    return Cell("now" if row.first_look else _ago(view, record), Tone.DOUBT if view.is_stale(record) else None)


def _looked(
    title: str, of: Callable[[ServerHealthView, HealthRecord], str | Cell], *, right: bool = False
) -> Column[ServerHealthView]:
    """Return a column of what looks tell: it has nothing of a server that is not looked at."""
    return Column(title, lambda row: NOTHING if row.record is None else of(row, row.record), right=right)


def _sign(
    sign: Sign, at: datetime, shown: Callable[[Any, datetime], str], *, right: bool = False
) -> Column[ServerHealthView]:
    unknown = "?" if sign.is_detail else NOTHING

    def of(_: ServerHealthView, record: HealthRecord) -> str:
        value = record.signs.get(sign.name)
        return unknown if value is None else shown(value, at)

    return _looked(sign.title, of, right=right)


def _not_looked_at(row: ServerHealthView) -> str:
    return f"its state is {row.state}: not looked at"


def _server_notes(view: HealthView, rows: Sequence[ServerHealthView]) -> Iterator[str]:
    for row in rows:
        if row.record is None:
            yield f"{row.code}: {_not_looked_at(row)}"
        elif row.record.why:
            yield f"{row.code}: {row.record.why}"
    yield from _looking_notes(view, rows)


def _looking_notes(view: HealthView, rows: Sequence[ServerHealthView]) -> Iterator[str]:
    """Say where the rows come from, if that is not a daemon that makes its rounds."""
    first = [row.code for row in rows if row.first_look]
    if first:
        who = "Looked at now" if len(first) == len(rows) else f"Looked at now: {', '.join(first)}"
        yield f"{who}, for the first time: no daemon has kept a history, so one look decides."
    stale = [row.record for row in rows if row.record and not row.first_look and view.is_stale(row.record)]
    if stale:
        newest = max(record.at for record in stale)
        which = ", ".join(record.server for record in stale)
        yield f"No look for {lasting(view.at - newest)} at {which}: does the daemon run?"


def _history(history: Sequence[HealthRecord], *, wide: bool) -> Table:
    columns: tuple[Column[Transition], ...] = (
        Column("FROM", lambda t: _moment(t.first.at)),
        Column("STATUS", lambda t: _status(t.first.status)),
        Column("ONLINE", lambda t: _online(t.first)),
        Column("FOR", lambda t: lasting(t.until - t.first.at), right=True),
        Column("LOOKS", lambda t: str(t.looks), right=True),
        Column("WHY", lambda t: t.first.why or NOTHING, shrinks=True),
    )
    shown = list(itertools.islice(transitions(history), None if wide else TRANSITIONS_SHOWN + 1))
    more = len(shown) > TRANSITIONS_SHOWN and not wide
    notes = ("Earlier ones: -o wide, or -o json for every look.",) if more else ()
    return table("History", columns, shown[:TRANSITIONS_SHOWN] if more else shown, notes)


def _instances(rows: Sequence[InstanceHealth], *, wide: bool) -> Table:
    notes = () if wide else _instance_notes(rows)
    return table("Health of instances", _OF_INSTANCES, rows, notes, wide=wide)


_PAGE = {None: Cell(NOTHING), True: Cell("yes", Tone.GOOD), False: Cell("no", Tone.BAD)}
_OF_INSTANCES: tuple[Column[InstanceHealth], ...] = (
    Column("CODE", lambda r: r.code),
    Column("SERVER", lambda r: r.server or NOTHING),
    Column("PRESENT", lambda r: _yes(r.present)),
    Column("PUBLISHED", lambda r: _yes(r.published)),
    Column("LOGIN PAGE", lambda r: _PAGE[r.page_reachable]),
    Column(
        "URL",
        lambda r: r.url.removeprefix("https://").removesuffix("/web/login") or NOTHING,
        shrinks=True,
        only="short",
    ),
    Column("URL", lambda r: r.url or NOTHING, shrinks=True, only="wide"),
    Column("WHY", lambda r: r.why or NOTHING, only="wide"),
)


def _instance_notes(rows: Sequence[InstanceHealth]) -> Iterator[str]:
    told = [row for row in rows if row.why]
    yield from (f"{row.code}: {row.why}" for row in told[:NOTES_SHOWN])
    if len(told) > NOTES_SHOWN:
        yield f"{count(len(told) - NOTES_SHOWN, 'more is', 'more are')} explained by -o wide."


def _status(status: HealthStatus) -> Cell:
    return Cell(status.value, _TONES.get(status))


def _online(record: HealthRecord) -> Cell:
    if not record.online and record.status is HealthStatus.UNKNOWN:
        return Cell("?", Tone.DOUBT)
    return Cell("yes") if record.online else Cell("no", Tone.BAD)


def _yes(known: bool | None) -> Cell:  # noqa: FBT001 -- what is shown is the truth value itself
    return Cell("?", Tone.DOUBT) if known is None else Cell("yes" if known else "no")


def _since(view: HealthView, record: HealthRecord) -> str:
    return lasting(view.at - (record.since or record.at))


def _ago(view: HealthView, record: HealthRecord) -> str:
    return f"{lasting(view.at - record.at)} ago"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
