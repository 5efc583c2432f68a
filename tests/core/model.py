"""A model of hosts for the properties of the diff: names with what a deep look at them would show, and nothing else.

It is pure. `apply` carries out exactly what an action shows, and fails where an action is none that may ever be planned:
on a database that is not ours, onto a name that is taken, or a drop of anything but an expired building name, and trash that
is past its time and was ended or never in service.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.core.depths import Depth, targets
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, FieldChange
from reconciler.core.model.inventory import Entry, Inventory
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import Access, DatabaseLook, Observed, ObservedHost, host
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.model.settings import SETTINGS
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.model.verbs import Verb
from reconciler.fleet.desired import Desired
from tests.core.scenes import NOW, as_declared, seen_as, spec

ALL_AT_ONCE = Depth(rotation_per_host=1000)
BUILD_LIMIT = timedelta(hours=2)
KEPT = timedelta(days=30)
_SERVER_STATES = {verbs.ACTIVATE: "active", verbs.MAINTAIN: "maintenance", verbs.DISABLE: "disabled"}


@dataclass(frozen=True)
class Held:
    """One database on a host: whether it is ours in truth, and what a look as its document's account would show."""

    look: DatabaseLook
    ours: bool

    @property
    def was_in_service(self) -> bool:
        """What is in truth; a database that nobody could open, or without a mark of its own, may have been."""
        mark = self.look.mark
        if self.look.access is Access.HALF_MADE:
            return False
        own = mark is not None and mark.uuid == self.look.uuid
        return not self.look.opened or (own and mark is not None and mark.in_service is not False)


@dataclass
class Host:
    online: bool = True
    version: str = "19.0"
    databases: dict[str, Held] = field(default_factory=dict)


@dataclass(repr=False)
class Model:
    """Hosts and what is remembered of them. `logged_in` lists where deep looks went."""

    desired: Desired
    hosts: dict[str, Host]
    entries: dict[tuple[str, str, str], Entry] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    logged_in: list[tuple[str, str]] = field(default_factory=list)

    def inventory(self) -> Inventory:
        return Inventory(dict(self.entries), dict(self.states))

    def observe(self, selection: Selection = EVERYTHING, now: datetime = NOW) -> Observed:
        """Look as the engine does: shallowly at servers in use, deeply at what `targets` asks for."""
        hosts = {code: self._shallow(code) for code in sorted(self.desired.in_use)}
        for wanted in targets(self.desired, Observed(hosts), self.inventory(), now, ALL_AT_ONCE, selection):
            self.logged_in.append((wanted.server, wanted.database))
            look = replace(self.hosts[wanted.server].databases[wanted.database].look, database=wanted.database)
            seen = hosts[wanted.server]
            hosts[wanted.server] = replace(seen, looks={**seen.looks, wanted.database: look})
        return Observed(hosts)

    def _shallow(self, code: str) -> ObservedHost:
        found = self.hosts[code]
        if not found.online:
            return ObservedHost(code, online=False, problem="connection refused")
        return host(code, tuple(found.databases), version=found.version, clock=NOW)

    def foreign(self) -> Mapping[tuple[str, str], Held]:
        """What must be the same after any changeset."""
        return {(c, n): d for c, h in self.hosts.items() for n, d in h.databases.items() if not d.ours}

    def apply(self, action: Action) -> None:
        """Carry out one action."""
        databases = self.hosts[action.server].databases
        noted_only = action.verb is verbs.DISABLE
        assert self.hosts[action.server].online or noted_only, f"{action.id} on a host that is offline"
        match action.verb:
            case verbs.ACTIVATE | verbs.MAINTAIN | verbs.DISABLE:
                self.states[action.server] = _SERVER_STATES[action.verb]
            case verbs.SWEEP:
                assert names.is_expired_build(names.parse(action.database), NOW, BUILD_LIMIT), action.id
                assert not databases[action.database].was_in_service, action.id
                del databases[action.database]
            case verbs.DISCARD:
                assert names.parse(action.database).state is NameState.SWITCHING, action.id
                assert not databases[action.database].was_in_service, action.id
                goal = names.trash(names.parse(action.database).target, NOW)
                databases[goal] = Held(replace(databases.pop(action.database).look, database=goal), ours=False)
            case verbs.END:
                self._end(action, databases)
            case verbs.DROP:
                self._drop(action, databases)
            case verbs.CREATE | verbs.CLONE:
                self._build(action, databases)
            case _:
                self._change(action, databases)

    def _build(self, action: Action, databases: dict[str, Held]) -> None:
        wanted = self._spec(action)
        assert action.becomes not in databases, f"{action.id} onto a name that is taken"
        assert names.parse(action.becomes).target == wanted.target
        assert forms_of(self, action.server, wanted.target) == [], f"{action.id} beside a database that may be it"
        if action.verb is verbs.CLONE:
            source = self._source(wanted)
            assert action.database == source.target
            assert databases[source.target].look.mark == as_declared(source).mark, f"{action.id}: not ready"
        databases[action.becomes] = Held(as_declared(wanted, action.becomes), ours=True)
        self._verified(wanted)

    def _end(self, action: Action, databases: dict[str, Held]) -> None:
        held, name = databases.pop(action.database), names.parse(action.database)
        assert held.ours, f"{action.id} on a database that is not ours"
        assert self.desired.instances[action.code].state == "absent", action.id
        goal = names.trash(name.target, NOW)
        assert goal not in databases, f"{action.id} onto a name that is taken"
        if name.state is NameState.TRASH:
            assert names.forbidden_return(action.database, names.switching(name.target)) == "", action.id
            assert _ended_as(held.look) == action.database, action.id
        look = _marked(_scheduled(held.look, verbs.SUSPEND), moving_from="", ended=goal)
        databases[goal] = Held(replace(look, database=goal, missing_files=0), ours=True)

    def _drop(self, action: Action, databases: dict[str, Held]) -> None:
        look, name = databases.pop(action.database).look, names.parse(action.database)
        assert names.is_expired_trash(name, NOW, KEPT), action.id
        assert look.is_whole_copy_of_itself, action.id
        assert _ended_as(look) == action.database or look.is_unused_build, action.id
        wanted = [
            i for i in self.desired.instances.values() if i.state != "absent" and i.server in (None, action.server)
        ]
        if any(name.target in (i.database_name, i.renamed_from) for i in wanted):
            assert forms_of(self, action.server, name.target), f"{action.id}: it may be wanted back"

    def _change(self, action: Action, databases: dict[str, Held]) -> None:
        held = databases.get(action.database)
        assert held is not None, f"{action.id}: there is no {action.database}"
        assert held.ours, f"{action.id} on a database that is not ours"
        look, wanted = held.look, self._spec(action)
        match action.verb:
            case verbs.RETURN:
                assert _ended_as(look) == action.database, action.id
                lock = names.switching(names.parse(action.database).target)
                assert names.forbidden_return(action.database, lock) == "", action.id
                assert names.forbidden_rename(lock, action.becomes) == "", action.id
                assert action.becomes not in databases, f"{action.id} onto a name that is taken"
                look = replace(_marked(look, moving_from="", ended=""), missing_files=0)
            case verbs.RENAME | verbs.SUSPEND | verbs.RESUME:
                _require_lawful(action)
                assert action.becomes not in databases, f"{action.id} onto a name that is taken"
                look = _marked(_scheduled(look, action.verb), moving_from="")  # every way begins with the files
                look = replace(look, missing_files=0)
            case verbs.ROTATE:
                look = _marked(replace(look, access=Access.CURRENT), digest="")  # as the engine leaves it
            case _:
                for change in action.changes:
                    look = _changed(look, change, wanted)
                self._verified(wanted)
        del databases[action.database]
        databases[action.becomes] = Held(replace(look, database=action.becomes), ours=True)

    def _verified(self, wanted: DatabaseSpec) -> None:
        key = (wanted.kind, wanted.code, wanted.server)
        self.entries[key] = Entry(*key, wanted.target, wanted.digest(), NOW)

    def _spec(self, action: Action) -> DatabaseSpec:
        return spec(self.desired, action.address, action.server)

    def _source(self, wanted: DatabaseSpec) -> DatabaseSpec:
        return spec(self.desired, f"template/{wanted.template}", wanted.server)


def _require_lawful(action: Action) -> None:
    """Each way leads to the lock of the goal's target, and from there to the goal: the hosts must allow both steps."""
    lock = names.switching(names.parse(action.becomes).target)
    steps = [name for name in (action.database, lock, action.becomes) if name]
    for old, new in itertools.pairwise(steps):
        assert old == new or names.forbidden_rename(old, new) == "", action.id


def _ended_as(look: DatabaseLook) -> str:
    return look.mark.ended if look.mark else ""


def _marked(look: DatabaseLook, **fields: Any) -> DatabaseLook:
    assert look.mark is not None
    return replace(look, mark=replace(look.mark, **fields))


def _scheduled(look: DatabaseLook, verb: Verb) -> DatabaseLook:
    held = look.quiesced_crons or ()
    if verb is verbs.SUSPEND:
        return replace(look, active_crons=(), quiesced_crons=tuple(sorted({*held, *look.active_crons})))
    if verb is verbs.RESUME:
        return replace(look, active_crons=tuple(sorted({*held, *look.active_crons})), quiesced_crons=None)
    return look


def _changed(look: DatabaseLook, change: FieldChange, wanted: DatabaseSpec) -> DatabaseLook:
    """Make one field what the action says that it will be; a field that the model does not know is an error."""
    what, _, key = change.field.partition(".")
    match what:
        case "modules":
            others = {n: s for n, s in look.modules.items() if n != key}
            wanted_too = {key: "installed"} if change.desired == "installed" else {}
            return replace(look, modules={**others, **wanted_too})
        case "languages":
            return replace(look, languages=look.languages | {key})
        case "parameters":
            return replace(look, parameters={**look.parameters, key: change.desired})
        case "admin_login":
            return replace(look, login=change.desired)
        case _ if what in SETTINGS:
            return seen_as(look, **{what: change.desired})
        case "schedule":
            return _scheduled(look, verbs.RESUME if change.desired == "awake" else verbs.SUSPEND)
        case "mark":
            return _marked(look, **{key: change.desired})
    if what == "files":
        return replace(_marked(look, moving_from=""), missing_files=0)
    raise AssertionError(f"{change.field} of {wanted.code}: not a field that can be changed")


def forms_of(model: Model, server: str, target: str) -> list[NameState]:
    """List the states in which a host holds a target in service or on its way."""
    parsed = (names.parse(name) for name in model.hosts[server].databases)
    return [name.state for name in parsed if name.target == target and name.state in names.FORMS]
