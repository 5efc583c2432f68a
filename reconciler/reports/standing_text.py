"""How a daemon stands, in one line: for `systemctl status` and the log."""

from __future__ import annotations

from datetime import datetime

from reconciler.fleet.counting import count
from reconciler.health.standing import Standing
from reconciler.reports.happenings_text import short


def name(revision: str) -> str:
    """Name a revision for people: `commit 1a2b3c4d`, `commit 1a2b3c4d-dirty`, `text 9f8e7d6c`."""
    digest = "sha256:"
    return (
        f"text {short(revision).removeprefix(digest)}" if revision.startswith(digest) else f"commit {short(revision)}"
    )


def status_line(standing: Standing, now: datetime) -> str:
    """Say what matters most first: whether the fleet is as its text says, and what stands in the way."""
    if not standing.fleet:
        return f"waiting for a valid fleet: {standing.rejected or standing.source_problem or 'none was read yet'}"
    if standing.decided_at is None:
        return f"{standing.fleet} at {name(standing.revision)}: looking at its servers"
    online = sum(standing.servers_online.values())
    parts = [f"{online} of {count(len(standing.servers_online), 'server')} online"]
    parts += [f"{count(standing.pending, 'action')} to do"] if standing.pending else []
    parts += [f"busy: {', '.join(standing.busy)}"] if standing.busy else []
    parts += [f"{standing.blocked} blocked"] if standing.blocked else []
    parts += [f"{standing.withheld} withheld"] if standing.withheld else []
    parts += [f"frozen: {', '.join(standing.frozen)}"] if standing.frozen else []
    parts += [f"a newer text is not taken: {standing.rejected}"] if standing.rejected else []
    parts += [f"source: {standing.source_problem}"] if standing.source_problem else []
    return f"{standing.fleet} at {name(standing.revision)}: {_state(standing, now)}; {'; '.join(parts)}"


def _state(standing: Standing, now: datetime) -> str:
    if standing.converged_at is not None and standing.converged_at == standing.decided_at:
        return "converged"
    if standing.converged_at is None:
        return "not converged yet"
    minutes = (now - standing.converged_at).total_seconds() / 60
    return f"not converged for {minutes:.0f} min"
