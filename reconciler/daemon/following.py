"""What a daemon keeps and tells of its passes: the journal, the notices, and the picture that monitoring is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.core.deciding import Planned
from reconciler.core.model import pauses
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Left
from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.core.policies.upgrades import ModulesState as ModuleStanding
from reconciler.daemon.progress import Progress
from reconciler.daemon.telling import Teller
from reconciler.engine.ports import Aside
from reconciler.fleet.desired import Desired
from reconciler.health.standing import Standing
from reconciler.notices import recurrence
from reconciler.notices.events import ActionEnded, Event, MemoryFailed
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.notices.records import OutcomeRecord
from reconciler.notices.recurrence import WINDOW, Repair
from reconciler.notices.telling import Told, tell_decision, tell_outcomes
from reconciler.store.opening import AnyStore
from reconciler.telemetry.metrics import PassResult
from reconciler.version import __version__

COMMAND = "daemon"
_MANY = 10_000
"""Repairs of a week that are looked through."""


@dataclass(slots=True)
class _Pass:
    """What was begun by one decision. `number` is None until the journal has it, and where it could not be written."""

    began: datetime
    running: set[str]
    number: int | None = None
    result: PassResult = PassResult.DONE


@dataclass(frozen=True, slots=True)
class Decided:
    """The last decision: what it saw and planned, of which text, when."""

    planned: Planned
    desired: Desired
    at: datetime


@dataclass(slots=True)
class Following:
    """The rounds' follower (`reconciler.engine.rounds.Follower`), and a listener of the events of passes.

    Args:
        journal: where passes are kept.
        aside: where the journal's calls are made: in their order, so that one may go by what another has found.
        teller: who tells notices.
        now: the time of day.
        standing: the picture, replaced at each change; the daemon itself keeps the part about the text in it.
        latest: the last decision; None before the first.
        on_defect: told of an exception that is a defect of the tool.
        on_pass: told how many seconds a pass took and how it ended (`telemetry.metrics.PassResult`).
        progress: what runs, for whoever watches.
        on_decided: told of every decision, with the hosts that answered for it.
        ran_by: the account and the machine that run the daemon.
    """

    journal: AnyStore
    aside: Aside
    teller: Teller
    now: Callable[[], datetime]
    standing: Standing
    on_defect: Callable[[str, Exception], None]
    on_pass: Callable[[float, str], None]
    progress: Progress
    on_decided: Callable[[Planned, frozenset[str]], None]
    ran_by: str | None = None
    latest: Decided | None = None
    _told: Told = field(default_factory=Told)
    _pass_of: dict[str, _Pass] = field(default_factory=dict)  # server: the pass that runs there
    _failing: set[str] = field(default_factory=set)  # servers whose last batch did not go well

    def decided(self, planned: Planned, desired: Desired, fresh: frozenset[str], begun: tuple[Action, ...]) -> None:
        """See `Follower`."""
        now, revision = self.now(), self.standing.revision
        self.latest = Decided(planned, desired, now)
        self._told, notices = tell_decision(self._told, planned, fresh, revision)
        for notice in notices:
            self.teller.tell(notice)
        self.on_decided(planned, fresh)
        if begun:
            servers = {a.server for a in begun}
            beginning = _Pass(now, servers)
            self._write(lambda: self._begin_pass(beginning, desired, revision))
            self._pass_of |= dict.fromkeys(servers, beginning)
        self.progress.begun(begun)
        wanted = {a.server for a in planned.changeset.actions}
        self._failing -= {s for s in fresh - wanted if planned.observed.hosts[s].online}
        self._draw(planned, desired, now)
        self.progress.drawn(self.standing)

    def ended(self, server: str, outcomes: tuple[Outcome, ...]) -> None:
        """See `Follower`."""
        now = self.now()
        for notice in tell_outcomes(outcomes, self.standing.revision):
            self.teller.tell(notice)
        self._tell_drifts(outcomes, now)
        self._end(server, outcomes, now)
        self.progress.ended(server)
        if any(o.result in (Result.FAILED, Result.UNKNOWN) for o in outcomes):
            self._failing.add(server)
        since = (self.standing.failing_since or now) if self._failing else None
        done = sum(o.result is Result.DONE for o in outcomes)
        busy = tuple(s for s in self.standing.busy if s != server)
        pending = max(0, self.standing.pending - done)
        self.standing = replace(self.standing, busy=busy, pending=pending, failing_since=since)

    def broke(self, server: str, error: Exception) -> None:
        """See `Follower`."""
        self.on_defect(server, error)
        detail = f"a defect of odoo-fleet at {server}: {type(error).__name__}; the log has the traceback. It is tried again later"
        self.teller.tell(Notice(NoticeName.ACTION_FAILED, Level.ERROR, detail, server=server))

    def forgot(self, failure: MemoryFailure) -> None:
        """See `Follower`."""
        self.teller.store_failed(failure)

    def on_event(self, event: Event) -> None:
        """Keep the outcome of an action as it comes, so that a killed daemon leaves what it did."""
        if isinstance(event, ActionEnded):
            running, outcome, now = self._pass_of.get(event.outcome.action.server), event.outcome, self.now()
            if running is not None:
                self._write(lambda: running.number and self.journal.record_outcome(running.number, outcome, now))
        elif isinstance(event, MemoryFailed):
            self.teller.store_failed(MemoryFailure(event.problem))

    def _begin_pass(self, beginning: _Pass, desired: Desired, revision: str) -> None:
        beginning.number = self.journal.begin_pass(
            COMMAND, beginning.began, __version__, desired.digest, revision or None, self.ran_by
        )

    def _end(self, server: str, outcomes: tuple[Outcome, ...], now: datetime) -> None:
        """Note how a pass went on one server; it ends with the last of them."""
        ending = self._pass_of.pop(server, None)
        if ending is None:
            return
        results = {o.result for o in outcomes}
        if not outcomes or results & {Result.FAILED, Result.UNKNOWN}:
            ending.result = PassResult.FAILED
        elif Result.SKIPPED in results and ending.result is PassResult.DONE:
            ending.result = PassResult.STOPPED
        ending.running.discard(server)
        if not ending.running:
            self.on_pass((now - ending.began).total_seconds(), ending.result)
            self._write(lambda: ending.number and self.journal.end_pass(ending.number, now))

    def _tell_drifts(self, outcomes: tuple[Outcome, ...], now: datetime) -> None:
        """Tell what was repaired, and how often in the last week: without that where the journal cannot be read."""
        repaired = [o.action for o in outcomes if o.result is Result.DONE and o.action.reason is Reason.DRIFTED]
        if not repaired:
            return
        revision = self.standing.revision

        def tell(ended: Iterable[OutcomeRecord]) -> None:
            earlier = recurrence.repairs(ended)
            for action in repaired:
                fields = recurrence.drifted_fields(change.field for change in action.changes)
                repair = Repair(action.kind, action.code, action.server, fields, _recorded(action, earlier, now))
                self.teller.tell(recurrence.told(repair, earlier, revision))

        def tell_alone(failure: MemoryFailure) -> None:
            self.teller.store_failed(failure)
            tell(())

        def read() -> Iterable[OutcomeRecord]:
            return self.journal.outcomes(reason=Reason.DRIFTED, result=Result.DONE, since=now - WINDOW, limit=_MANY)

        self.aside.tell(read, tell_alone, tell)

    def _draw(self, planned: Planned, desired: Desired, now: datetime) -> None:
        changeset, hosts = planned.changeset, planned.observed.hosts
        blocked = [b for b in changeset.blocked if not b.paused]
        converged = not changeset.actions and not blocked
        self.standing = replace(
            self.standing,
            servers_online={code: host.online for code, host in sorted(hosts.items())},
            busy=tuple(sorted(self._pass_of)),
            pending=len(changeset.actions),
            blocked=len(blocked),
            withheld=len(changeset.withheld),
            orphans=sum(each.kind is Left.ORPHAN for each in changeset.left_alone),
            foreign=changeset.foreign,
            behind=_counted(planned, lambda standing: bool(standing.behind or standing.broken)),
            broken=_counted(planned, lambda standing: bool(standing.broken)),
            frozen=tuple(each.server for each in planned.changeset.frozen),
            paused=tuple(sorted(p.address for p in pauses.in_force(desired, planned.inventory.pauses).values())),
            decided_at=now,
            converged_at=now if converged else self.standing.converged_at,
            failing_since=self.standing.failing_since if self._failing else None,
        )

    def _write(self, write: Callable[[], object]) -> None:
        self.aside.tell(write, self.teller.store_failed)


def _counted(planned: Planned, is_meant: Callable[[ModuleStanding], bool]) -> dict[str, int]:
    """Count the databases of each server whose modules stand so."""
    counts = dict.fromkeys(sorted(planned.observed.hosts), 0)
    for (_, _, server), standing in planned.standings.items():
        if server in counts:
            counts[server] += is_meant(standing)
    return counts


def _recorded(action: Action, earlier: Iterable[Repair], now: datetime) -> datetime:
    """Return when a repair was written down, so that it is not counted as one before itself."""
    places = [r.at for r in earlier if (r.kind, r.code, r.server) == (action.kind, action.code, action.server)]
    return max(places, default=now)
