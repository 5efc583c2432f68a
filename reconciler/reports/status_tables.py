"""The rows of a status as tables of text: which columns, in which order, and what a glance should fall on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from reconciler.core.model.pauses import Pause
from reconciler.fleet.counting import count
from reconciler.health.signs import HealthStatus
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.status import DocumentRow, InstanceRow, InSync, PlanRow, ServerRow, Status, TemplateRow
from reconciler.reports.tables import NOTHING, Cell, Column, Table, table

_ONLINE = {None: Cell(NOTHING), True: Cell("yes"), False: Cell("no", Tone.BAD)}
_HEALTH_TONES = {HealthStatus.HEALTHY: Tone.GOOD, HealthStatus.WARNING: Tone.DOUBT, HealthStatus.CRITICAL: Tone.BAD}
_SECOND = "{:%Y-%m-%d %H:%M:%S}"
_SYNC_TONES = {InSync.YES: Tone.GOOD, InSync.NO: Tone.BAD, InSync.NOT_OURS: Tone.BAD}
_UNPROVEN = {InSync.NEVER_SEEN: "unproven", InSync.NOT_OURS: "not ours"}
"""What is said beside a declared state where a database bears the name and is not, or may not be, the instance's."""


def status_tables(status: Status, subjects: Sequence[str], *, wide: bool = False) -> tuple[Table, ...]:
    """Return the tables asked for; wide ones have every column."""
    return tuple(_table(subject, status.rows[subject], wide=wide) for subject in subjects)


def _table(subject: str, rows: Sequence[Any], *, wide: bool) -> Table:
    notes = _NOTES[subject](rows) if subject in _NOTES and not wide else ()
    return table(subject.capitalize(), _COLUMNS.get(subject, _OF_DOCUMENTS), rows, notes, wide=wide)


def render_pauses(pauses: Sequence[Pause], paper: Paper) -> str:
    """Return what is paused, by what and why; `odoo-fleet plan` shows what that withholds."""
    lines = [paper.paint("Paused", Tone.STRONG)]
    for pause in pauses:
        lines += paper.paragraph(pause.why, head="= ", tone=Tone.DOUBT)
    return "\n".join(lines)


_OF_SERVERS: tuple[Column[ServerRow], ...] = (
    Column("CODE", lambda r: r.code),
    Column("NAME", lambda r: r.name, shrinks=True),
    Column("STATE", lambda r: r.state),
    Column("ONLINE", lambda r: _ONLINE[r.online]),
    Column("HEALTH", lambda r: Cell(r.health.value, _HEALTH_TONES.get(r.health))),
    Column("ODOO", lambda r: r.observed_version or r.odoo_version),
    Column("INSTANCES", lambda r: f"{_known(r.instance_count, '?')}/{r.max_instances}", right=True),
    Column("FREE", lambda r: _known(r.available_capacity, NOTHING, "{:.0f} %"), right=True),
    Column("LATENCY", lambda r: _known(r.latency_ms, NOTHING, "{} ms"), right=True, only="wide"),
    Column("LAST CHECK", lambda r: _known(r.last_check, NOTHING, _SECOND), only="wide"),
    Column("URL", lambda r: r.server_url, only="wide"),
    Column("WHY", lambda r: r.health_reason or NOTHING, shrinks=True, only="wide"),
)


def _health_notes(rows: Sequence[ServerRow]) -> Iterator[str]:
    return (f"{row.code}: {row.health_reason}" for row in rows if row.health_reason)


def _on(row: TemplateRow) -> list[str]:
    return [place.server for place in row.places if place.is_ready or place.is_unproven]


def _behind(row: TemplateRow) -> list[str]:
    return [code for place in row.places for code in place.behind]


def _ready(row: TemplateRow) -> Cell:
    if row.is_ready:
        return Cell("yes", Tone.GOOD)
    is_unproven = any(place.is_unproven for place in row.places)
    return Cell("unproven" if is_unproven else "partly" if _on(row) else "no", Tone.DOUBT)


_OF_TEMPLATES: tuple[Column[TemplateRow], ...] = (
    Column("CODE", lambda r: r.code),
    Column("NAME", lambda r: r.name, shrinks=True),
    Column("VERSION", lambda r: _all(dict.fromkeys(p.version for p in r.places if p.version))),
    Column("READY", _ready),
    Column("ON", lambda r: _all(_on(r)), shrinks=True),
    Column("NOT ON", lambda r: _all(p.server for p in r.places if p.server not in _on(r)), shrinks=True),
    Column("BEHIND", lambda r: str(len(_behind(r))), right=True),
    Column("DATABASE", lambda r: r.template_db, only="wide"),
    Column("WHO IS BEHIND", lambda r: _all(_behind(r)), shrinks=True, only="wide"),
    Column(
        "WHY",
        lambda r: _all((f"{p.server}: {p.detail}" for p in r.places if p.detail), "; "),
        shrinks=True,
        only="wide",
    ),
)


def _state(row: InstanceRow) -> Cell:
    same = row.state == row.observed or (row.state == "absent" and row.observed in ("missing", "trash"))
    unproven = _UNPROVEN.get(row.in_sync)
    return Cell(row.state) if same and not unproven else Cell(f"{row.state} ({unproven or row.observed})", Tone.DOUBT)


_OF_INSTANCES: tuple[Column[InstanceRow], ...] = (
    Column("CODE", lambda r: r.code),
    Column("NAME", lambda r: r.name, only="wide"),
    Column("SERVER", lambda r: r.server or NOTHING),
    Column("TEMPLATE", lambda r: f"copy of {r.clone_of}" if r.clone_of else r.template, only="wide"),
    Column("PLAN", lambda r: r.plan, only="wide"),
    Column("DATABASE", lambda r: r.database, only="wide"),
    Column("STATE", _state, only="short"),
    Column("DECLARED", lambda r: r.state, only="wide"),
    Column("OBSERVED", lambda r: r.observed, only="wide"),
    Column("IN SYNC", lambda r: Cell(r.in_sync.value, _SYNC_TONES.get(r.in_sync, Tone.DOUBT))),
    Column("VERIFIED", lambda r: _known(r.verified_at, NOTHING, _SECOND), only="wide"),
    Column("URL", lambda r: (r.url or NOTHING).removeprefix("https://"), shrinks=True, only="short"),
    Column("URL", lambda r: r.url or NOTHING, shrinks=True, only="wide"),
    Column("WHY", lambda r: r.detail or NOTHING, shrinks=True, only="wide"),
)


def _sync_notes(rows: Sequence[InstanceRow]) -> Iterator[str]:
    out = sum(row.in_sync is InSync.NO for row in rows)
    if out:
        yield f"{count(out, 'instance')} not in sync: `odoo-fleet plan` says why."
    if changed := sum(row.in_sync is InSync.CHANGED for row in rows):
        yield f"{count(changed, 'instance')} changed in the text and not applied: `odoo-fleet plan` looks what differs."
    if unseen := sum(row.in_sync is InSync.NEVER_SEEN for row in rows):
        yield f"{count(unseen, 'instance')} never seen: whose the database is, `odoo-fleet status --refresh` tells."
    for row in rows:
        if row.in_sync is InSync.NOT_OURS:
            yield f"{row.code} is not ours: {row.detail.removeprefix(f'{row.database}: ')}"
        elif row.detail.startswith("expires on "):
            yield f"{row.code} {row.detail}: out of service then, and trash."


_OF_PLANS: tuple[Column[PlanRow], ...] = (
    Column("CODE", lambda r: r.code),
    Column("NAME", lambda r: r.name, shrinks=True),
    Column("PERIOD", lambda r: r.period),
    Column("USERS", lambda r: _known(r.max_users, "no limit"), right=True),
    Column("STORAGE", lambda r: _known(r.max_storage_gb, "no limit", "{} GB"), right=True),
    Column("INSTANCES", lambda r: str(r.instances), right=True),
)

_OF_DOCUMENTS: tuple[Column[DocumentRow], ...] = (
    Column("CODE", lambda r: r.code),
    Column("NAME", lambda r: r.name, shrinks=True),
    Column("DESCRIPTION", lambda r: r.description or NOTHING, only="wide"),
)


def _known(value: float | datetime | None, unknown: str, form: str = "{}") -> str:
    return unknown if value is None else form.format(value)


def _all(texts: Iterable[str], between: str = ", ") -> str:
    return between.join(texts) or NOTHING


_COLUMNS: dict[str, tuple[Column[Any], ...]] = {
    "servers": _OF_SERVERS,
    "templates": _OF_TEMPLATES,
    "instances": _OF_INSTANCES,
    "plans": _OF_PLANS,
}
_NOTES: dict[str, Callable[[Sequence[Any]], Iterable[str]]] = {"servers": _health_notes, "instances": _sync_notes}
