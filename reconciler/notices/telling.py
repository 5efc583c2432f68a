"""What the operator is told of decisions and outcomes: what begins and what ends, once each, never the same at every pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core.deciding import Planned
from reconciler.core.model.changesets import Blocked, Frozen, Left, LeftAlone, by_cause
from reconciler.core.model.module_versions import Behind
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.core.policies.upgrades import ModulesState, in_words
from reconciler.fleet.counting import some
from reconciler.notices.notices import Level, Notice, NoticeName

_SHOWN = 3

OFFLINE_TOLD_AFTER = 2
"""In how many decisions a host must be offline before what that holds up is told: one slow answer is no outage."""

Key = tuple[str, str, str]
Database = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """What has been told and not taken back yet. `seen` counts the decisions in which something was blocked."""

    blocked: Mapping[Key, Blocked] = field(default_factory=dict)
    seen: Mapping[Key, int] = field(default_factory=dict)
    orphans: frozenset[tuple[str, str]] = frozenset()
    frozen: frozenset[str] = frozenset()
    ending: frozenset[LeftAlone] = frozenset()
    behind: frozenset[tuple[str, Behind]] = frozenset()
    broken: frozenset[Database] = frozenset()


def tell_decision(
    told: Told, planned: Planned, fresh: frozenset[str], revision: str
) -> tuple[Told, tuple[Notice, ...]]:
    """Compare a decision with what was told before.

    Args:
        told: what was told before.
        planned: the decision.
        fresh: the hosts that answered for it; of others nothing new is said.
        revision: the text in force.
    """
    now = {_key(b): b for b in planned.changeset.blocked if not b.paused}
    heard = {key: b for key, b in now.items() if not b.server or b.server in fresh}
    seen = {key: told.seen.get(key, 0) + (key in heard) for key in now}
    begun = [b for key, b in heard.items() if key not in told.blocked and seen[key] >= _patience(b, planned)]
    heard_of = fresh | {b.server for b in told.blocked.values() if b.server not in planned.observed.hosts}
    over = [b for key, b in told.blocked.items() if key not in now and (not b.server or b.server in heard_of)]
    kept = {key: b for key, b in told.blocked.items() if key in now or b not in over}
    orphans = {o for o in planned.changeset.left_alone if o.kind is Left.ORPHAN}
    new_orphans = [o for o in sorted(orphans) if (o.server, o.database) not in told.orphans and o.server in fresh]
    ending = {each for each in planned.changeset.left_alone if each.kind in _COMING and each.server in fresh}
    frozen = [each for each in planned.changeset.frozen if each.server in fresh]
    notices = (
        *_blocked(begun, revision),
        *_unblocked(over, revision),
        *_orphaned(new_orphans, revision),
        *_ending(sorted(ending - told.ending), revision),
        *(_frozen(each, revision) for each in frozen if each.server not in told.frozen),
        *_of_code(planned.standings, told, fresh, revision),
    )
    left = {pair for pair in told.orphans if pair[0] not in fresh}
    after = Told(
        kept | {_key(b): b for b in begun},
        seen,
        frozenset(left | {(o.server, o.database) for o in orphans if o.server in fresh}),
        frozenset({s for s in told.frozen if s not in fresh} | {each.server for each in frozen}),
        frozenset({each for each in told.ending if each.server not in fresh} | ending),
        frozenset(pair for pair in told.behind if pair[0] not in fresh) | _behind(planned.standings, fresh),
        frozenset(key for key in told.broken if key[2] not in fresh) | _broken(planned.standings, fresh),
    )
    return after, notices


def tell_outcomes(outcomes: Iterable[Outcome], revision: str) -> Iterator[Notice]:
    """Tell of actions that failed, of those whose end is unknown, and of hooks that failed after one that was done."""
    for outcome in outcomes:
        action = outcome.action
        if end := end_in_words(action.id, outcome.result, outcome.detail):
            yield Notice(end[0], Level.ERROR, end[1], action.kind, action.code, action.server, revision)
        elif outcome.failed_hooks:
            detail = f"{action.id} was done; {'; '.join(outcome.failed_hooks)}"
            about = (action.kind, action.code, action.server)
            yield Notice(NoticeName.HOOK_FAILED, Level.WARNING, detail, *about, revision)


def end_in_words(action: str, result: str, detail: str) -> tuple[NoticeName, str] | None:
    """Say what is told of an action (by its id) that did not end well, and under which name; None of one that did."""
    match result:
        case Result.FAILED:
            return NoticeName.ACTION_FAILED, f"{action} failed: {detail}"
        case Result.UNKNOWN:
            what = "ended unheard; it is looked at before anything is sent again"
            return NoticeName.ACTION_UNKNOWN, f"{action} {what}: {detail}"
        case _:
            return None


def _key(blocked: Blocked) -> Key:
    return blocked.kind, blocked.code, blocked.server


def _patience(blocked: Blocked, planned: Planned) -> int:
    host = planned.observed.hosts.get(blocked.server)
    return OFFLINE_TOLD_AFTER if host is not None and not host.online else 1


def _blocked(begun: Iterable[Blocked], revision: str) -> Iterator[Notice]:
    """Tell once what stops many on a server: a host that is down is one thing, not one for each customer."""
    for server, here in _by_server(begun).items():
        for (why, advice), group in by_cause(here).items():
            do = f" ({advice})" if advice else ""
            yield _about(NoticeName.BLOCKED, Level.WARNING, f"cannot be done: {why}{do}", server, group, revision)


def _unblocked(over: Iterable[Blocked], revision: str) -> Iterator[Notice]:
    for server, group in _by_server(over).items():
        yield _about(NoticeName.UNBLOCKED, Level.INFO, "no longer blocked", server, group, revision)


def _by_server(blocked: Iterable[Blocked]) -> dict[str, list[Blocked]]:
    groups: dict[str, list[Blocked]] = {}
    for each in blocked:
        groups.setdefault(each.server, []).append(each)
    return groups


def _about(name: NoticeName, level: Level, words: str, server: str, group: Sequence[Blocked], revision: str) -> Notice:
    first = group[0]
    if len(group) == 1:
        return Notice(name, level, f"{first.address} {words}", first.kind, first.code, server, revision)
    shown = some((b.address for b in group), _SHOWN)
    return Notice(name, level, f"{shown}: {words}", server=server, revision=revision)


def _orphaned(orphans: list[LeftAlone], revision: str) -> Iterator[Notice]:
    for each in orphans:
        detail = f"{each.database} on {each.server}: {each.what}; it is left as it is"
        yield Notice(NoticeName.ORPHAN_FOUND, Level.WARNING, detail, server=each.server, revision=revision)


_COMING = {Left.ENDING: NoticeName.ENDING_SOON, Left.LIMIT: NoticeName.LIMIT_NEAR}
"""What is told before it comes, by the kind of what is left alone; told again when its words change."""


def _ending(soon: list[LeftAlone], revision: str) -> Iterator[Notice]:
    for each in soon:
        detail = f"{each.database} on {each.server}: {each.what}"
        yield Notice(_COMING[each.kind], Level.WARNING, detail, server=each.server, revision=revision)


def _of_code(
    standings: Mapping[Database, ModulesState], told: Told, fresh: frozenset[str], revision: str
) -> Iterator[Notice]:
    """Tell of each host once that its code is newer than databases on it, and whom that has broken."""
    behind, broken = _behind(standings, fresh) - told.behind, _broken(standings, fresh) - told.broken
    for server in sorted({server for server, _ in behind}):
        modules = in_words(sorted(each for place, each in behind if place == server))
        what = f"the code of {server} is newer than databases on it: {modules}; `odoo-fleet status upgrades` says whose"
        yield Notice(NoticeName.CODE_MOVED, Level.WARNING, what, server=server, revision=revision)
    for server in sorted({server for _, _, server in broken}):
        here = sorted(key for key in broken if key[2] == server)
        names = some((f"{kind}/{code}" for kind, code, _ in here), _SHOWN)
        detail = f"newer code of {server} has broken {names}, nobody can work there: {standings[here[0]].broken}"
        yield Notice(NoticeName.DATABASES_BROKEN, Level.ERROR, detail, server=server, revision=revision)


def _behind(standings: Mapping[Database, ModulesState], servers: frozenset[str]) -> frozenset[tuple[str, Behind]]:
    return frozenset((key[2], each) for key, s in standings.items() if key[2] in servers for each in s.behind)


def _broken(standings: Mapping[Database, ModulesState], servers: frozenset[str]) -> frozenset[Database]:
    return frozenset(key for key, standing in standings.items() if key[2] in servers and standing.broken)


def _frozen(frozen: Frozen, revision: str) -> Notice:
    detail = f"{frozen.server} is left alone: {frozen.why}; {frozen.advice}"
    return Notice(NoticeName.HOST_FROZEN, Level.ERROR, detail, "server", frozen.server, frozen.server, revision)
