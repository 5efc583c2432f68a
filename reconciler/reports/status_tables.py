"""The rows of a status as tables of text: which columns, in which order, and what a glance should fall on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reconciler.core.model.pauses import Pause
from reconciler.fleet.counting import count
from reconciler.health.signs import HealthStatus
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.status import DocumentRow, InstanceRow, InSync, PlanRow, ServerRow, Status, TemplateRow

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Cell:
    """One text of a table, and what its colour says."""

    text: str
    tone: Tone | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column; of those that may shrink, the text is cut where the table is too wide."""

    title: str
    shrinks: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A title, columns, rows of cells, and notes to be read below."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


_HEALTH_TONES = {HealthStatus.HEALTHY: Tone.GOOD, HealthStatus.WARNING: Tone.DOUBT, HealthStatus.CRITICAL: Tone.BAD}
_SYNC_TONES = {InSync.YES: Tone.GOOD, InSync.NO: Tone.BAD, InSync.NOT_OURS: Tone.BAD}
_UNPROVEN = {InSync.NEVER_SEEN: "unproven", InSync.NOT_OURS: "not ours"}
"""What is said beside a declared state where a database bears the name and is not, or may not be, the instance's."""


def status_tables(status: Status, subjects: Sequence[str], *, wide: bool = False) -> tuple[Table, ...]:
    """Return the tables asked for; wide ones have every column."""
    return tuple(_TABLES.get(subject, _documents)(subject, status.rows[subject], wide=wide) for subject in subjects)


def render_pauses(pauses: Sequence[Pause], paper: Paper) -> str:
    """Return what is paused, by what and why; `odoo-fleet plan` shows what that withholds."""
    lines = [paper.paint("Paused", Tone.STRONG)]
    for pause in pauses:
        lines += paper.paragraph(pause.why, head="= ", tone=Tone.DOUBT)
    return "\n".join(lines)


def _columns(*titles: str, shrinking: Sequence[str] = (), right: Sequence[str] = ()) -> tuple[Column, ...]:
    return tuple(Column(t, t in shrinking, t in right) for t in titles)


def _plain(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(t) for t in texts)


def _servers(_subject: str, rows: Sequence[ServerRow], *, wide: bool) -> Table:
    titles = ["CODE", "NAME", "STATE", "ONLINE", "HEALTH", "ODOO", "INSTANCES", "FREE"]
    titles += ["LATENCY", "LAST CHECK", "URL", "WHY"] if wide else []
    columns = _columns(*titles, shrinking=("NAME", "WHY"), right=("INSTANCES", "FREE", "LATENCY"))
    notes = tuple(f"{r.code}: {r.health_reason}" for r in rows if r.health_reason and not wide)
    return Table("Servers", columns, tuple(_server(r, wide=wide) for r in rows), notes)


def _server(row: ServerRow, *, wide: bool) -> tuple[Cell, ...]:
    online = {None: Cell(NOTHING), True: Cell("yes"), False: Cell("no", Tone.BAD)}[row.online]
    used = "?" if row.instance_count is None else str(row.instance_count)
    free = NOTHING if row.available_capacity is None else f"{row.available_capacity:.0f} %"
    cells = (
        *_plain(row.code, row.name, row.state),
        online,
        Cell(row.health.value, _HEALTH_TONES.get(row.health)),
        *_plain(row.observed_version or row.odoo_version, f"{used}/{row.max_instances}", free),
    )
    if not wide:
        return cells
    latency = NOTHING if row.latency_ms is None else f"{row.latency_ms} ms"
    checked = NOTHING if row.last_check is None else f"{row.last_check:%Y-%m-%d %H:%M:%S}"
    return (*cells, *_plain(latency, checked, row.server_url, row.health_reason or NOTHING))


def _templates(_subject: str, rows: Sequence[TemplateRow], *, wide: bool) -> Table:
    titles = ["CODE", "NAME", "VERSION", "READY", "ON", "NOT ON", "BEHIND"]
    titles += ["DATABASE", "WHO IS BEHIND", "WHY"] if wide else []
    cells = tuple(_template(r, wide=wide) for r in rows)
    shrinking = ("NAME", "ON", "NOT ON", "WHO IS BEHIND", "WHY")
    return Table("Templates", _columns(*titles, shrinking=shrinking, right=("BEHIND",)), cells)


def _template(row: TemplateRow, *, wide: bool) -> tuple[Cell, ...]:
    ready = [p.server for p in row.places if p.is_ready or p.is_unproven]
    missing = [p.server for p in row.places if p.server not in ready]
    unsure = "unproven" if any(p.is_unproven for p in row.places) else "partly" if ready else "no"
    word = Cell("yes", Tone.GOOD) if row.is_ready else Cell(unsure, Tone.DOUBT)
    places = _plain(", ".join(ready) or NOTHING, ", ".join(missing) or NOTHING)
    reasons = "; ".join(f"{p.server}: {p.detail}" for p in row.places if p.detail) or NOTHING
    behind = [code for p in row.places for code in p.behind]
    versions = ", ".join(dict.fromkeys(p.version for p in row.places if p.version)) or NOTHING
    last = _plain(row.template_db, ", ".join(behind) or NOTHING, reasons) if wide else ()
    return (*_plain(row.code, row.name, versions), word, *places, *_plain(str(len(behind))), *last)


def _instances(_subject: str, rows: Sequence[InstanceRow], *, wide: bool) -> Table:
    if wide:
        titles = [
            "CODE",
            "NAME",
            "SERVER",
            "TEMPLATE",
            "PLAN",
            "DATABASE",
            "DECLARED",
            "OBSERVED",
            "IN SYNC",
            "VERIFIED",
            "URL",
            "WHY",
        ]
    else:
        titles = ["CODE", "SERVER", "STATE", "IN SYNC", "URL"]
    cells = tuple(_wide_instance(r) if wide else _instance(r) for r in rows)
    return Table(
        "Instances", _columns(*titles, shrinking=("URL", "WHY")), cells, () if wide else tuple(_sync_notes(rows))
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


def _instance(row: InstanceRow) -> tuple[Cell, ...]:
    same = row.state == row.observed or (row.state == "absent" and row.observed in ("missing", "trash"))
    unproven = _UNPROVEN.get(row.in_sync)
    state = Cell(row.state) if same and not unproven else Cell(f"{row.state} ({unproven or row.observed})", Tone.DOUBT)
    url = (row.url or NOTHING).removeprefix("https://")
    return Cell(row.code), Cell(row.server or NOTHING), state, _in_sync(row), Cell(url)


def _wide_instance(row: InstanceRow) -> tuple[Cell, ...]:
    made_of = f"copy of {row.clone_of}" if row.clone_of else row.template
    who = _plain(row.code, row.name, row.server or NOTHING, made_of, row.plan, row.database, row.state, row.observed)
    verified = NOTHING if row.verified_at is None else f"{row.verified_at:%Y-%m-%d %H:%M:%S}"
    return (*who, _in_sync(row), *_plain(verified, row.url or NOTHING, row.detail or NOTHING))


def _in_sync(row: InstanceRow) -> Cell:
    return Cell(row.in_sync.value, _SYNC_TONES.get(row.in_sync, Tone.DOUBT))


def _plans(_subject: str, rows: Sequence[PlanRow], *, wide: bool) -> Table:
    del wide
    columns = _columns(
        "CODE",
        "NAME",
        "PERIOD",
        "USERS",
        "STORAGE",
        "INSTANCES",
        shrinking=("NAME",),
        right=("USERS", "STORAGE", "INSTANCES"),
    )
    return Table("Plans", columns, tuple(_plan(r) for r in rows))


def _plan(row: PlanRow) -> tuple[Cell, ...]:
    users = "no limit" if row.max_users is None else str(row.max_users)
    storage = "no limit" if row.max_storage_gb is None else f"{row.max_storage_gb} GB"
    return _plain(row.code, row.name, row.period, users, storage, str(row.instances))


def _documents(subject: str, rows: Sequence[DocumentRow], *, wide: bool) -> Table:
    titles = ["CODE", "NAME", *(["DESCRIPTION"] if wide else [])]
    cells = tuple(_plain(r.code, r.name, *([r.description or NOTHING] if wide else [])) for r in rows)
    return Table(subject.capitalize(), _columns(*titles, shrinking=("NAME",)), cells)


_TABLES: dict[str, Callable[..., Table]] = {
    "servers": _servers,
    "templates": _templates,
    "instances": _instances,
    "plans": _plans,
}
