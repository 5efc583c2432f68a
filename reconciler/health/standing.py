"""How a running reconciler stands, as one frozen picture: what `/readyz`, metrics, systemd's status line and `status` tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.core.policies.backup_times import BackupRecord
from reconciler.health.verdicts import HealthRecord


@dataclass(frozen=True, slots=True)
class KeptStanding:
    """How one kind of work on one database stands. `due_since` is None while it is not due."""

    record: BackupRecord
    due_since: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A picture of one moment.

    Args:
        fleet: the fleet's code; empty until a valid text was found.
        revision: the commit in force, or `sha256:` and the digest of a text that is in no repository; empty as `fleet`.
        in_force_since: when that text came into force.
        rejected: the newer text that is not taken, and why, in one line; empty if there is none.
        source_problem: why the directory or the remote cannot be read; empty if it can.
        source_failures: how many looks in a row ended with that.
        documents: how many documents there are, by kind.
        servers_online: of each server that was asked, whether its last look was answered.
        busy: servers on which actions run now.
        pending: actions that the last decision would run and that have not ended.
        blocked: what the last decision could not plan.
        withheld: actions that a pause, a freeze or a window holds back.
        orphans: databases of this fleet that nothing declares.
        foreign: databases on its hosts that are none of its business.
        behind: databases whose modules are behind the code of their host, by server; of those that were looked into.
        broken: those of them in which nobody can work for that, by server.
        frozen: servers whose listing lost databases and waits to be confirmed.
        paused: addresses of what is paused.
        decided_at: when last decided; None before the first time.
        converged_at: when reality last matched the text, on every server that answered.
        failing_since: since when the last passes failed; None while they do not.
        health: the last record of each server.
        kept: how databases are kept that have a policy for backups: one entry for backups, one for proofs.
        unreachable_pages: how many login pages customers do not reach, by server; of those that are looked at.
    """

    fleet: str = ""
    revision: str = ""
    in_force_since: datetime | None = None
    rejected: str = ""
    source_problem: str = ""
    source_failures: int = 0
    documents: Mapping[str, int] = field(default_factory=dict)
    servers_online: Mapping[str, bool] = field(default_factory=dict)
    busy: tuple[str, ...] = ()
    pending: int = 0
    blocked: int = 0
    withheld: int = 0
    orphans: int = 0
    foreign: int = 0
    behind: Mapping[str, int] = field(default_factory=dict)
    broken: Mapping[str, int] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()
    paused: tuple[str, ...] = ()
    decided_at: datetime | None = None
    converged_at: datetime | None = None
    failing_since: datetime | None = None
    health: Mapping[str, HealthRecord] = field(default_factory=dict)
    unreachable_pages: Mapping[str, int] = field(default_factory=dict)
    kept: tuple[KeptStanding, ...] = ()
