"""Carries out one action. What it does is what the changeset shows; each step looks before it acts and ends in a proof."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from reconciler.core.model import names
from reconciler.core.model.actions import Action
from reconciler.core.model.specs import DatabaseSpec, template_spec
from reconciler.core.model.verbs import Verb
from reconciler.core.policies import template_versions
from reconciler.engine.accounts import Account
from reconciler.engine.building import Builder, TimeLimits
from reconciler.engine.clone_sources import TemplateSource
from reconciler.engine.elsewhere import Elsewhere
from reconciler.engine.moves import Mover
from reconciler.engine.ports import Host
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired

Handler = Callable[["Performer", Action], Awaitable[str | None]]
HANDLERS: dict[Verb, Handler] = {}
"""What carries out each verb, and returns what is to be known beside what the action shows."""


def carries_out(*verbs: Verb) -> Callable[[Handler], Handler]:
    """Register what carries out some verbs: it does the action, or raises why not (`HostError`, `SecretUnavailable`)."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(verbs, handler))
        return handler

    return register


class NotBegun(Exception):
    """Why an action is not begun any more, since another one of its run has failed: it is skipped."""


@dataclass(slots=True)
class Performer:
    """Carries out the actions of one pass; `step` is told what an action is at, `exactly` refuses to do more than it shows."""

    desired: Desired
    world: World
    step: Callable[[Action, str], None]
    exactly: bool = False
    failed_upgrades: set[str] = field(default_factory=set)
    _sources: dict[tuple[str, str], asyncio.Task[TemplateSource]] = field(default_factory=dict)
    _strangers: dict[str, dict[str, Host]] = field(default_factory=dict)

    async def perform(self, action: Action) -> str:
        """Do it and say what is to be known beside what it shows, or raise why not (`HostError`, `SecretUnavailable`)."""
        return await HANDLERS[action.verb](self, action) or ""

    async def source(self, action: Action, origin: DatabaseSpec) -> TemplateSource:
        """Look at a template once a pass: its clones are compared with that look, and bear its mark."""
        key = (origin.server, origin.target)
        if key not in self._sources or (self._sources[key].done() and self._sources[key].exception()):
            instances = self.desired.instances.values()
            asked = {n for i in instances if self.desired.template_of(i) == origin.code for n in i.modules_absent}
            self._sources[key] = asyncio.ensure_future(self.builder(action).read_source(origin, asked))
        return await asyncio.shield(self._sources[key])

    def remember_version(self, spec: DatabaseSpec, made_of: str) -> None:
        """Note in the store which version of a template a database is, or came from."""
        row, memory = template_versions.row_of((spec.kind, spec.code, spec.server)), self.world.memory
        self.world.note(lambda: memory.server_state(row, made_of))

    def forget_source(self, spec: DatabaseSpec) -> None:
        """Have what is cloned from now on of a template compared with a new look at it: another one took its place."""
        self._sources.pop((spec.server, spec.target), None)

    def remember_verified(self, spec: DatabaseSpec) -> None:
        """Note in the store that a fresh look found a database as its spec says, now.

        Of one that is to lack modules only where it is: what is built may have them, which the next look tells.
        """
        now, memory = self.world.clock.now(), self.world.memory
        digest = "" if spec.modules_absent else spec.digest()
        self.world.note(lambda: memory.verified(spec.kind, spec.code, spec.server, spec.target, digest, now))

    def template_there(self, action: Action) -> DatabaseSpec:
        """Return the template of an action's instance on its server: it tells what code the host has."""
        template = self.desired.templates[self.desired.template_of(self.desired.instances[action.code])]
        return template_spec(self.desired, template, self.desired.servers[action.server])

    def account(self, action: Action) -> Account:
        """Open as the document's account, and while it is renamed as that of its former code."""
        former = names.parse(action.database).target
        instance = self.desired.instances.get(action.code) if action.kind == "instance" else None
        if instance is not None and former in ("", instance.code, instance.database_name):
            former = instance.renamed_from or ""
        return Account(self.host(action), action.spec, self.world.secrets, self.world.clock, former or None)

    def mover(self, action: Action) -> Mover:
        """What renames the database of an action."""
        account, elsewhere = self.account(action), self.elsewhere(action)
        return Mover(account.host, account, self.world.clock, self.world.nonces, elsewhere, self.former(action))

    def elsewhere(self, action: Action) -> Elsewhere:
        """Name the other hosts on which the same instance may be, with its names that the text gives to no other there."""
        codes = self.desired.in_use & self.world.hosts.keys() - {action.server}
        others = {code: self.world.hosts[code] for code in sorted(codes)}
        strangers = self._strangers.setdefault(action.server, others)
        if action.kind != "instance" or action.code not in self.desired.instances:
            return Elsewhere(strangers=strangers)
        instance, declared = self.desired.instances[action.code], self.desired.names.places
        own = [name for name in (instance.database_name, instance.renamed_from) if name]
        asked = [
            (code, [name for name in own if code == instance.server or code not in declared.get(name, ())])
            for code in others
        ]
        return Elsewhere(
            [(others[code], targets) for code, targets in asked if targets],
            self.desired.templates[self.desired.template_of(instance)].server_codes,
            strangers,
            [action.origin],
        )

    def former(self, action: Action) -> str | None:
        """The name that an instance had before, if its text says so."""
        instance = self.desired.instances.get(action.code) if action.kind == "instance" else None
        return instance.renamed_from if instance is not None else None

    def builder(self, action: Action) -> Builder:
        """What builds databases on the server of an action."""
        timeouts = self.desired.servers[action.server].timeouts
        return Builder(
            self.host(action),
            self.world.secrets,
            self.world.clock,
            self.world.nonces,
            TimeLimits(timeouts.create_seconds, timeouts.clone_seconds),
            self.version(action),
            lambda what: self.step(action, what),
            self.elsewhere(action),
        )

    def version(self, action: Action) -> str:
        """The declared Odoo version of the server of an action."""
        return self.desired.servers[action.server].odoo_version

    def host(self, action: Action) -> Host:
        """The host of an action."""
        return self.world.hosts[action.server]
