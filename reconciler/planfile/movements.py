"""What has moved between a saved changeset and now, in words; one word of it is enough to refuse the changeset.

Compared is what was decided, not all that was seen: a database of others that appears moves nothing. Builds under way are
left out, for they come and go by themselves: one that was to be swept and is gone is no reason to refuse, and one whose limit
has passed meanwhile is left to the next pass.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TypeVar

from reconciler.core.deciding import Planned
from reconciler.core.model.actions import Action, FieldChange
from reconciler.core.model.changesets import Blocked, Changeset, Left, LeftAlone
from reconciler.core.model.names import NameState, parse
from reconciler.fleet.desired import Desired
from reconciler.planfile.saved_changesets import SavedChangeset, SeenHost, document_digests, seen_hosts

_NAMED = 5
Value = TypeVar("Value")


def moved_text(saved: SavedChangeset, desired: Desired, tool: str) -> tuple[str, ...]:
    """Say what of the fleet's text and of the tool is not as it was.

    Args:
        saved: the changeset.
        desired: the text of now.
        tool: the version of now.
    """
    code = desired.settings.code
    if saved.fleet != code:
        return (f"it is of the fleet '{saved.fleet}', and this is the fleet '{code}'",)
    found = []
    if saved.tool != tool:
        found.append(f"odoo-fleet {saved.tool} made it, and this is odoo-fleet {tool}")
    if saved.digest != desired.digest:
        found += _moved_documents(saved.documents, document_digests(desired)) or ["the fleet's text is not the same"]
    return tuple(found)


def _moved_documents(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    edited = sorted(address for address in then.keys() & now.keys() if then[address] != now[address])
    parts = (
        (edited, "edited"),
        (sorted(now.keys() - then.keys()), "added"),
        (sorted(then.keys() - now.keys()), "removed"),
    )
    return [f"the text was edited: {_listed(which)} {_was(which)} {how}" for which, how in parts if which]


def moved_world(saved: SavedChangeset, now: Planned, desired: Desired) -> tuple[str, ...]:
    """Say what of the decision is not as it was, and what of the hosts explains it; nothing if the decision is the same."""
    then, fresh = saved.changeset, now.changeset
    decision = [*_actions(then, fresh, now), *_blocked(saved, now), *_withheld(then, fresh), *_others(then, fresh)]
    if not decision and _by_id(then.actions) != _by_id(fresh.actions):
        decision = ["what is to be done is not the same"]
    if not decision:
        return ()
    hosts = seen_hosts(now, desired, saved.limits.since)
    found = [
        line
        for code in sorted(saved.hosts.keys() | hosts.keys())
        for line in _host(code, saved.hosts.get(code), hosts.get(code))
    ]
    return (*found, *decision)


def exactly(saved: SavedChangeset, now: Planned) -> Planned:
    """Return the plan of now without the sweeps that were not saved; all other actions are those that were saved."""
    known = set(saved.changeset.actions)
    kept = tuple(a for a in now.changeset.actions if not a.verb.is_housekeeping or a in known)
    return replace(now, changeset=replace(now.changeset, actions=kept))


def is_done(saved: SavedChangeset, now: Planned) -> bool:
    """Tell whether nothing of what was saved is left to do, and nothing else either."""
    then, fresh = saved.changeset, now.changeset
    new = {_cause(each, ()) for each in fresh.blocked} - {_cause(each, ()) for each in then.blocked}
    left = fresh.actions or fresh.withheld or new
    return bool(then.actions) and not left


def _host(code: str, then: SeenHost | None, now: SeenHost | None) -> Iterator[str]:
    if then is None or now is None:
        yield f"{code} {'was not asked then' if then is None else 'is not asked now'}"
        return
    if then.online != now.online:
        yield f"{code} {'answers now, and did not' if now.online else 'does not answer now, and did'}"
        return
    if then.version != now.version:
        yield f"{code} runs Odoo {now.version} now, and ran {then.version}"
    appeared, vanished = (
        sorted(set(now.databases) - set(then.databases)),
        sorted(set(then.databases) - set(now.databases)),
    )
    if appeared:
        yield f"{code} lists {_listed(appeared)} now, and did not"
    if vanished:
        yield f"{code} no longer lists {_listed(vanished)}"


def _actions(then: Changeset, now: Changeset, planned: Planned) -> Iterator[str]:
    saved, fresh = _by_id(then.actions), _by_id(now.actions)
    stopped = {w.action.id for w in now.withheld}
    stuck = {(b.kind, b.code, b.server) for b in now.blocked} - {(b.kind, b.code, b.server) for b in then.blocked}
    for name, action in saved.items():
        if name in stopped or stuck & {(action.kind, action.code, place) for place in (action.server, "")}:
            continue  # told as what is paused or blocked now
        if name not in fresh:
            yield f"'{name}' is {'done already' if _is_done(action, planned) else 'no longer to be done'}"
        elif fresh[name] != action:
            yield from _edited(name, action, fresh[name], saved.keys() ^ fresh.keys())
    yield from (f"'{name}' is to be done now, and is not in the changeset" for name in fresh if name not in saved)


def _by_id(actions: Iterable[Action]) -> dict[str, Action]:
    return {a.id: a for a in actions if not a.verb.is_housekeeping}


def _is_done(action: Action, planned: Planned) -> bool:
    host = planned.observed.hosts.get(action.server)
    if host is None or not host.online:
        return False
    if action.becomes and action.becomes != action.database:
        return host.lists(action.becomes)
    return bool(action.database) and host.lists(action.database)


def _edited(name: str, then: Action, now: Action, others: AbstractSet[str]) -> Iterator[str]:
    before, after = _by_field(then.changes), _by_field(now.changes)
    for field in sorted(before.keys() | after.keys()):
        old, new = before.get(field), after.get(field)
        if new is None:
            yield f"'{name}': {field} no longer differs"
        elif old is None:
            yield f"'{name}': {field} differs now as well: {_value(new.observed)} on the host, {_value(new.desired)} declared"
        elif old.observed != new.observed:
            yield f"'{name}': {field} is {_value(new.observed)} on the host now, and was {_value(old.observed)}"
        elif old.desired != new.desired:
            yield f"'{name}': {field} is to become {_value(new.desired)} now, and was {_value(old.desired)}"
    for part in ("reason", "database", "becomes", "after"):
        old_part, new_part = getattr(then, part), getattr(now, part)
        # What it no longer waits for, or waits for now, is told by itself.
        if old_part != new_part and (part != "after" or (set(old_part) ^ set(new_part)) - others):
            yield f"'{name}': its {part} is {_shown(new_part)} now, and was {_shown(old_part)}"


def _by_field(changes: Iterable[FieldChange]) -> dict[str, FieldChange]:
    return {change.field: change for change in changes}


def _value(text: str) -> str:
    return f'"{text}"'


def _shown(part: object) -> str:
    return ", ".join(map(str, part)) or "nothing" if isinstance(part, tuple) else str(part) or "nothing"


def _blocked(saved: SavedChangeset, now: Planned) -> Iterator[str]:
    away = {code for code, host in saved.hosts.items() if not host.online}
    away &= {code for code, host in now.observed.hosts.items() if not host.online}
    then = {_cause(each, away): each for each in saved.changeset.blocked}
    fresh = {_cause(each, away): each for each in now.changeset.blocked}
    for cause, each in fresh.items():
        if cause not in then:
            yield f"{each.address} is blocked now: {each.why}"
    for cause, each in then.items():
        if cause not in fresh:
            yield f"{each.address} is no longer blocked as it was: {each.why}"


def _cause(blocked: Blocked, away: Container[str]) -> Blocked:
    # Why exactly a host does not answer may be said differently each time; advice names places of this machine.
    return replace(blocked, why="" if blocked.server in away else blocked.why, advice="")


def _withheld(then: Changeset, now: Changeset) -> Iterator[str]:
    saved = {w.action.id: w for w in then.withheld}
    fresh = {w.action.id: w for w in now.withheld}
    for name, each in fresh.items():
        if name not in saved:
            yield f"'{name}' is withheld now: {each.why}"
        elif saved[name] != each:
            yield f"'{name}' is still withheld, but no longer as it was: {each.why}"
    for name in saved.keys() - fresh.keys():
        yield f"'{name}' is no longer withheld"


def _others(then: Changeset, now: Changeset) -> Iterator[str]:
    gone, new = _apart(_settled(then.left_alone), _settled(now.left_alone))
    yield from (f"{e.database} on {e.server} is left alone now: {e.what}" for e in new)
    yield from (f"{e.database} on {e.server} is no longer left alone as it was: {e.what}" for e in gone)
    was, becomes = _apart(then.removed, now.removed)
    for each in becomes:
        yield f"{each.address}, which is no longer declared{f' ({each.server})' * bool(each.server)}: {each.fate}"
    for each in was:
        if each.address not in {e.address for e in becomes}:
            yield f"{each.address}, which is no longer declared: no longer as it was ({each.fate})"


def _settled(left_alone: Iterable[LeftAlone]) -> tuple[LeftAlone, ...]:
    """Leave out what changes by itself, with time alone."""
    with_time = (NameState.BUILDING, NameState.TRASH)
    return tuple(
        e for e in left_alone if parse(e.database).state not in with_time and e.kind not in (Left.ENDING, Left.LIMIT)
    )


def _apart(then: Iterable[Value], now: Iterable[Value]) -> tuple[list[Value], list[Value]]:
    before, after = list(then), list(now)
    return [each for each in before if each not in after], [each for each in after if each not in before]


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _was(names: list[str]) -> str:
    return "was" if len(names) == 1 else "were"
