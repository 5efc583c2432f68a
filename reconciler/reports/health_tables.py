"""The health of servers and instances as tables of text, in 80 columns; the wide ones have everything."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime

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
from reconciler.reports.status_tables import NOTHING, Cell, Column, Table
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


def _at_a_glance() -> list[Sign]:
    return [sign for sign in SIGNS.values() if not sign.is_detail]


def _servers(view: HealthView, rows: Sequence[ServerHealthView]) -> Table:
    columns = (
        Column("CODE", shrinks=True),
        Column("STATUS"),
        Column("SINCE"),
        Column("ONLINE"),
        Column("LAST CHECK"),
        *(Column(sign.title, right=sign.is_number) for sign in _at_a_glance()),
    )
    cells = tuple(_server(view, row) for row in rows)
    return Table("Health of servers", columns, cells, tuple(_server_notes(view, rows)))


def _server(view: HealthView, row: ServerHealthView) -> tuple[Cell, ...]:
    record = row.record
    start = (Cell(row.code), _status(status_of(row)))
    if record is None:
        return (*start, *(Cell(NOTHING) for _ in range(3 + len(_at_a_glance()))))
    since, checked = (NOTHING, "now") if row.first_look else (_since(view, record), _ago(view, record))
    tone = Tone.DOUBT if view.is_stale(record) else None
    signs = (Cell(_shown(sign, record, view.at)) for sign in _at_a_glance())
    return (*start, Cell(since), _online(record), Cell(checked, tone), *signs)


def _wide_servers(view: HealthView, rows: Sequence[ServerHealthView]) -> Table:
    titles = ["CODE", "NAME", "STATE", "STATUS", "SINCE", "ONLINE", "LAST CHECK"]
    titles += [*(sign.title for sign in SIGNS.values()), "WHY"]
    cells = tuple(_wide_server(view, row) for row in rows)
    return Table("Health of servers", tuple(Column(t) for t in titles), cells, tuple(_looking_notes(view, rows)))


def _wide_server(view: HealthView, row: ServerHealthView) -> tuple[Cell, ...]:
    record = row.record
    start = (Cell(row.code), Cell(row.name), Cell(row.state), _status(status_of(row)))
    if record is None:
        return (
            *start,
            *(Cell(NOTHING) for _ in range(3 + len(SIGNS))),
            Cell(f"its state is {row.state}: not looked at"),
        )
    return (
        *start,
        Cell(NOTHING if row.first_look else _moment(record.since or record.at)),
        _online(record),
        Cell(_moment(record.at)),
        *(Cell(_shown(sign, record, view.at, in_full=True)) for sign in SIGNS.values()),
        Cell(record.why or NOTHING),
    )


def _server_notes(view: HealthView, rows: Sequence[ServerHealthView]) -> Iterator[str]:
    for row in rows:
        if row.record is None:
            yield f"{row.code}: its state is {row.state}: not looked at"
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
    columns = (
        Column("FROM"),
        Column("STATUS"),
        Column("ONLINE"),
        Column("FOR", right=True),
        Column("LOOKS", right=True),
        Column("WHY", shrinks=True),
    )
    shown = list(itertools.islice(transitions(history), None if wide else TRANSITIONS_SHOWN + 1))
    more = len(shown) > TRANSITIONS_SHOWN and not wide
    notes = ("Earlier ones: -o wide, or -o json for every look.",) if more else ()
    rows = shown[:TRANSITIONS_SHOWN] if more else shown
    return Table("History", columns, tuple(_transition(each) for each in rows), notes)


def _transition(each: Transition) -> tuple[Cell, ...]:
    return (
        Cell(_moment(each.first.at)),
        _status(each.first.status),
        _online(each.first),
        Cell(lasting(each.until - each.first.at)),
        Cell(str(each.looks)),
        Cell(each.first.why or NOTHING),
    )


def _instances(rows: Sequence[InstanceHealth], *, wide: bool) -> Table:
    titles = ["CODE", "SERVER", "PRESENT", "PUBLISHED", "LOGIN PAGE", "URL", *(["WHY"] if wide else [])]
    columns = tuple(Column(title, shrinks=title == "URL") for title in titles)
    notes = () if wide else tuple(_instance_notes(rows))
    return Table("Health of instances", columns, tuple(_instance(row, wide=wide) for row in rows), notes)


def _instance(row: InstanceHealth, *, wide: bool) -> tuple[Cell, ...]:
    page = {None: Cell(NOTHING), True: Cell("yes", Tone.GOOD), False: Cell("no", Tone.BAD)}[row.page_reachable]
    url = row.url if wide else row.url.removeprefix("https://").removesuffix("/web/login")
    cells = (
        Cell(row.code),
        Cell(row.server or NOTHING),
        _yes(row.present),
        _yes(row.published),
        page,
        Cell(url or NOTHING),
    )
    return (*cells, Cell(row.why or NOTHING)) if wide else cells


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


def _shown(sign: Sign, record: HealthRecord, at: datetime, *, in_full: bool = False) -> str:
    value = record.signs.get(sign.name)
    if value is None:
        return "?" if sign.is_detail else NOTHING
    return (sign.in_full or sign.shown if in_full else sign.shown)(value, at)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
