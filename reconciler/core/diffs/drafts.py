"""A changeset in the making: what the parts of the diff share. It collects, and answers questions about servers."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Blocked, LeftAlone, Withheld
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import ON_ITS_WAY, DatabaseName, NameState
from reconciler.core.model.observed import DatabaseLook, Observed, ObservedHost
from reconciler.core.model.pauses import Pause, in_force
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.policies import usage
from reconciler.core.policies.claims import Doubt
from reconciler.core.policies.openers import spec_of
from reconciler.core.policies.replacements import Replacing
from reconciler.core.policies.rollouts import Course, course
from reconciler.core.policies.upgrades import Key, ModulesState, standings
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.server import Server
from schemas.template import Template

MOST_LOST = 2
"""So many builds that were lost on their way into service, within the build limit, are left behind and no more."""


@dataclass(slots=True)
class Draft:
    """Facts on one side, conclusions on the other. `activations` maps servers to the action that must come first there.

    `said` has, by server and name, what is said of databases that are ended, or that are trash; None where an action says it.
    """

    desired: Desired
    observed: Observed
    inventory: Inventory
    now: datetime
    frozen: Mapping[str, Doubt] = field(default_factory=dict)
    replacing: Replacing | None = None
    selection: Selection = EVERYTHING
    actions: list[Action] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    left_alone: list[LeftAlone] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    activations: dict[str, str] = field(default_factory=dict)
    templates: dict[tuple[str, str], str | Doubt] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    stored: Mapping[str, int] = field(default_factory=dict)
    said: dict[tuple[str, str], LeftAlone | None] = field(default_factory=dict)
    pauses: Mapping[tuple[str, str], Pause] = field(init=False)
    standings: Mapping[Key, ModulesState] = field(init=False)
    course: Course = field(init=False)

    def __post_init__(self) -> None:
        self.pauses = in_force(self.desired, self.inventory.pauses)
        self.standings = standings(self.desired, self.observed, self.inventory)
        self.course = course(self.desired, self.standings, self.now)

    @property
    def build_limit(self) -> timedelta:
        """How old a building name becomes before it counts as abandoned."""
        return timedelta(hours=self.desired.settings.retention.building_hours)

    def is_old(self, name: DatabaseName) -> bool:
        """Tell whether a timed name is older than the build limit."""
        return name.since is not None and self.now - name.since > self.build_limit

    def plan(self, action: Action) -> str:
        """Add an action, with the spec that it will apply, and return its id, for others to wait for."""
        self.actions.append(replace(action, planned=spec_of(self.desired, action)))
        return action.id

    def discard(self, kind: str, code: str, server: str, database: str) -> str:
        """Plan that a build that lost its way is turned to trash."""
        return self.plan(
            Action(verbs.DISCARD, kind, code, server, Reason.INTERRUPTED, database, after=self.first(server))
        )

    def block(self, kind: str, code: str, server: str, doubt: Doubt) -> None:
        """Add something declared that will not be done."""
        self.blocked.append(Blocked(kind, code, server, doubt.why, doubt.advice))

    def disbelief(self, server: str) -> Doubt | None:
        """Say why what a host lists is not believed; None if it is."""
        frozen = self.frozen.get(server)
        return frozen and Doubt(f"changes on {server} are frozen: {frozen.why}", frozen.advice)

    def host(self, server: str) -> ObservedHost | None:
        """Return what was observed of a server, if it was asked."""
        return self.observed.hosts.get(server)

    def look(self, server: str, database: str) -> DatabaseLook | None:
        """Return the look at a database, if there was one."""
        host = self.host(server)
        return host.looks.get(database) if host else None

    def first(self, server: str, *others: str) -> tuple[str, ...]:
        """Return what must come before an action on a server: its activation if that is planned, and the others named."""
        activation = self.activations.get(server)
        return tuple(dict.fromkeys(a for a in (activation, *others) if a))

    def hold(self, server: Server) -> Doubt | None:
        """Say why existing databases of a server are left alone in this pass, or None."""
        if not server.active or server.state in ("draft", "disabled"):
            return Doubt(f"server {server.code} is {server.state if server.active else 'inactive'}", "")
        host = self.host(server.code)
        if host is None:
            return Doubt(f"server {server.code} was not asked", "")
        if not host.online:
            return Doubt(f"server {server.code} is offline: {host.problem}", "")
        if host.version != server.odoo_version:
            return Doubt(
                f"server {server.code} runs Odoo {host.version}, declared is {server.odoo_version}",
                "correct odoo_version, or look why the host runs another version",
            )
        return None

    def hold_new(self, server: Server) -> Doubt | None:
        """Say why nothing new is made on a server in this pass, or None."""
        if server.state == "maintenance":
            return Doubt(f"server {server.code} is in maintenance: nothing new is made there", "")
        return self.hold(server)

    def full(self, server: Server) -> Doubt | None:
        """Say that no further instance has a place on a server, or nothing."""
        if self.used.get(server.code, 0) < server.max_instances:
            return None
        return Doubt(f"server {server.code} is full: max_instances is {server.max_instances}", "")

    def not_there(self, document: Instance | Template) -> Doubt | None:
        """Say that nothing is built for a document that is to take over a database which is not there, or None."""
        if document.adopt is None or (document.kind == "instance" and document.restore_from is not None):
            return None
        target = document.database_name if document.kind == "instance" else document.template_db
        why = f"`adopt` takes over a database {target}, and there is none: nothing is built while the line stands"
        return Doubt(why, "correct the name or the server; to have a new and empty one built, remove `adopt`")

    def former_place(self, instance: Instance) -> str:
        """Say where an instance without a server was before: it goes back there, so that a host that lies makes no second one.

        Not to a server that the text gives up (`active: false`): what it held is said to be lost.
        """
        servers = self.desired.servers
        places = (e.server for e in self.inventory.of("instance", instance.code))
        return next((place for place in places if place in servers and servers[place].active), "")

    def why_new(self, instance: Instance) -> Reason:
        """Say why an instance is built: it is declared, or what it had is on a server that the text gives up."""
        places = (self.desired.servers.get(e.server) for e in self.inventory.of("instance", instance.code))
        return Reason.GIVEN_UP if any(place and not place.active for place in places) else Reason.DECLARED

    def lost_again(self, server: str, target: str) -> Doubt | None:
        """Say why no further build of a name is made: a host that dies in the same place each time is not filled with them."""
        host = self.host(server)
        trash = [d for d in host.databases if d.state is NameState.TRASH and d.target == target] if host else []
        young = [d.text for d in trash if not self.is_old(d)]
        if len(young) < MOST_LOST:
            return None
        why = f"{len(young)} builds of it were lost on their way into service on {server}: {', '.join(young)}"
        return Doubt(why, "look why the host dies; it is tried again when retention.building_hours have passed")

    def count_used(self) -> None:
        """Count each host's databases in service, and what was measured of them, once, before anything is placed."""
        self.stored = usage.stored(self.desired, self.observed, self.inventory)
        declared = self.desired.names.places
        for code, host in self.observed.hosts.items():
            self.used[code] = databases_in_service(host, declared, self.inventory)


def databases_in_service(host: ObservedHost, declared: Container[str], inventory: Inventory) -> int:
    """Count a host's databases in service: declared, remembered or marked as ours.

    Args:
        host: what it listed.
        declared: names of the databases of all declared instances.
        inventory: what is remembered.
    """
    remembered = {e.target for e in inventory.on(host.server) if e.kind == "instance"}
    return len({d.target for d in host.databases if _in_service(d, declared, remembered)})


def _in_service(name: DatabaseName, declared: Container[str], remembered: Container[str]) -> bool:
    if name.state is NameState.SUSPENDED or name.state in ON_ITS_WAY:
        return True
    return name.state is NameState.PUBLISHED and (name.target in declared or name.target in remembered)


def needed_by(actions: Iterable[Action], wanted: Iterable[Action]) -> set[str]:
    """Return the ids of the wanted actions and of all that they need: a new version of a template nobody does, who clones it.

    What that new version itself waits for, a new password, is needed all the same.
    """
    by_id = {a.id: a for a in actions}
    kept: set[str] = set()
    stack = [a.id for a in wanted]
    while stack:
        name = stack.pop()
        if name not in kept:
            kept.add(name)
            for need in by_id[name].after:
                stack += by_id[need].after if by_id[need].verb is verbs.REBUILD else (need,)
    return kept
