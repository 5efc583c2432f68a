"""The health of servers and instances as typed rows: all that `status --health` shows, in whatever form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.core.model.names import NameState
from reconciler.core.model.selection import Selection
from reconciler.fleet.desired import Desired
from reconciler.health.login_pages import PageRecord, login_url
from reconciler.health.signs import HealthStatus
from reconciler.health.verdicts import HealthRecord, is_watched
from reconciler.reports.status import InstanceRow
from schemas.server import Server


@dataclass(frozen=True, slots=True)
class ServerHealthView:
    """One server. `record` is None if its health is not looked at; `first_look` means that it is of this very command."""

    code: str
    name: str
    state: str
    record: HealthRecord | None
    first_look: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """Looks in a row that found the same status. `first` is the look with which it began; `until` when another one began."""

    first: HealthRecord
    until: datetime
    looks: int


@dataclass(frozen=True, slots=True)
class InstanceHealth:
    """One instance. What is not known, because its server does not answer or nothing was asked, is None."""

    code: str
    server: str | None
    present: bool | None
    published: bool | None
    page_reachable: bool | None
    url: str
    why: str


@dataclass(frozen=True, slots=True)
class HealthView:
    """What is to be shown, as of one moment. `history` is of the one server that was asked for, newest first."""

    fleet: str
    at: datetime
    interval: timedelta
    servers: tuple[ServerHealthView, ...] | None = None
    history: tuple[HealthRecord, ...] | None = None
    instances: tuple[InstanceHealth, ...] | None = None

    def is_stale(self, record: HealthRecord) -> bool:
        """Tell whether a look is so old that the daemon should have made another one since."""
        return self.at - record.at > 2 * self.interval


def server_rows(
    desired: Desired, kept: Mapping[str, HealthRecord], first_looks: Mapping[str, HealthRecord], selection: Selection
) -> tuple[ServerHealthView, ...]:
    """Put the rows of servers together.

    Args:
        desired: the fleet.
        kept: the last records that a daemon has kept.
        first_looks: records of looks that were made now, at servers of which none is kept.
        selection: which rows are wanted.
    """
    servers = sorted(desired.servers.values(), key=lambda s: (s.sequence, s.code))
    return tuple(_server(s, kept, first_looks) for s in servers if selection.includes(s))


def _server(
    server: Server, kept: Mapping[str, HealthRecord], first_looks: Mapping[str, HealthRecord]
) -> ServerHealthView:
    state = server.state if server.active else "inactive"
    if not is_watched(server):
        return ServerHealthView(server.code, server.name, state, None)
    first = server.code in first_looks
    record = first_looks[server.code] if first else kept.get(server.code)
    return ServerHealthView(server.code, server.name, state, record, first)


def transitions(history: Iterable[HealthRecord]) -> Iterator[Transition]:
    """Put looks in a row (newest first) that found the same status together, newest first; the newest lasts to its last look."""
    run: list[HealthRecord] = []
    until = None
    for record in history:
        until = until or record.at
        if run and (record.status, record.online) != (run[-1].status, run[-1].online):
            yield Transition(run[-1], until, len(run))
            run, until = [], run[-1].at
        run.append(record)
    if until:
        yield Transition(run[-1], until, len(run))


def instance_rows(
    desired: Desired, rows: Sequence[InstanceRow], pages: Mapping[str, PageRecord]
) -> tuple[InstanceHealth, ...]:
    """Put the rows of instances together.

    Args:
        desired: the fleet.
        rows: the instances as a shallow look found them.
        pages: what came when login pages were asked for now; only those of `pages_to_ask` are.
    """
    return tuple(_instance(desired, row, pages.get(row.code)) for row in rows)


def pages_to_ask(desired: Desired, rows: Iterable[InstanceRow]) -> Iterator[InstanceRow]:
    """Yield the instances whose login pages customers expect: active, published, on a server with a domain."""
    for row in rows:
        server = desired.servers.get(row.server or "")
        if row.state == row.observed == "active" and server is not None and server.domain:
            yield row


def _instance(desired: Desired, row: InstanceRow, page: PageRecord | None) -> InstanceHealth:
    server = desired.servers.get(row.server or "")
    known = row.observed != "unknown"
    present = (row.observed not in ("missing", NameState.BUILDING)) if known else None
    return InstanceHealth(
        code=row.code,
        server=row.server,
        present=present,
        published=(row.observed == "active") if known else None,
        page_reachable=page.reachable if page else None,
        url=login_url(desired.instances[row.code], server) if server else "",
        why=page.why if page else _why_not_asked(row, known=known, has_domain=bool(server and server.domain)),
    )


def _why_not_asked(row: InstanceRow, *, known: bool, has_domain: bool) -> str:
    if not known:
        return "its server does not answer"
    if row.observed != row.state and not (row.state == "absent" and row.observed == "missing"):
        return f"declared {row.state}, is {row.observed}"
    return "" if has_domain or row.state != "active" else "its server declares no domain"


def status_of(row: ServerHealthView) -> HealthStatus:
    """Return the status of a row; one that is not looked at is unknown."""
    return row.record.status if row.record else HealthStatus.UNKNOWN
