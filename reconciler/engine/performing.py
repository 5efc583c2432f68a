"""Carries out one action. What it does is what the changeset shows; each step looks before it acts and ends in a proof."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from reconciler.core import checks, fields, names
from reconciler.core.actions import Action, Verb
from reconciler.core.desired import Desired
from reconciler.core.failures import LastingError, ProofFailed, UnknownOutcome
from reconciler.core.names import NameState
from reconciler.core.observed import Access, DatabaseLook, Mark
from reconciler.core.specs import DatabaseSpec, instance_spec, template_spec
from reconciler.engine.accounts import FACTORY_LOGIN, FACTORY_PASSWORD, Account
from reconciler.engine.building import Builder, Limits, Source, require_verified, set_apart
from reconciler.engine.moves import Mover
from reconciler.engine.patience import insist
from reconciler.engine.ports import Database, Host
from reconciler.engine.worlds import World

_ROUNDS = 3
"""How often a configuration is applied when a fresh look still differs (a call whose answer was lost, an edit meanwhile)."""


@dataclass(slots=True)
class Performer:
    """Carries out the actions of one pass; `step` is told what an action is at."""

    desired: Desired
    world: World
    step: Callable[[Action, str], None]
    _sources: dict[tuple[str, str], asyncio.Task[Source]] = field(default_factory=dict)

    async def perform(self, action: Action) -> None:
        """Do it, or raise why not (`HostError`, `SecretUnavailable`)."""
        ways: dict[Verb, Callable[[Action], Awaitable[None]]] = {
            Verb.ACTIVATE: self._activate,
            Verb.MAINTAIN: self._note_state,
            Verb.DISABLE: self._note_state,
            Verb.CREATE: self._create,
            Verb.CLONE: self._clone,
            Verb.RENAME: self._rename,
            Verb.SUSPEND: self._suspend,
            Verb.RESUME: self._resume,
            Verb.ROTATE: self._rotate,
            Verb.CONFIGURE: self._configure,
            Verb.SWEEP: self._sweep,
        }
        await ways[action.verb](action)

    async def _activate(self, action: Action) -> None:
        found = checks.failures(await self._host(action).check())
        if found:
            text = "; ".join(f"{c.name}: {c.seen}" for c in found)
            raise LastingError(text, server=action.server, advice=next((c.advice for c in found if c.advice), ""))
        self._remember_state(action)

    async def _note_state(self, action: Action) -> None:
        self._remember_state(action)

    def _remember_state(self, action: Action) -> None:
        state = self.desired.servers[action.server].state
        self.world.note(lambda: self.world.memory.server_state(action.server, state))

    async def _create(self, action: Action) -> None:
        spec = self._spec(action)
        await self._builder(action).create_template(spec)
        self._verified(spec)

    async def _clone(self, action: Action) -> None:
        spec = self._spec(action)
        template = self.desired.templates[spec.template]
        origin = template_spec(self.desired, template, self.desired.servers[action.server])
        source = await self._source(action, origin)
        self.world.memory.clear(spec.kind, spec.code, spec.server)
        await self._builder(action).clone_instance(spec, origin, source, action.becomes)
        self._verified(spec)

    async def _source(self, action: Action, origin: DatabaseSpec) -> Source:
        """Look at a template once a pass: its clones are compared with that look, and bear its mark."""
        key = (origin.server, origin.target)
        if key not in self._sources or (self._sources[key].done() and self._sources[key].exception()):
            self._sources[key] = asyncio.ensure_future(self._builder(action).read_source(origin))
        return await asyncio.shield(self._sources[key])

    async def _rename(self, action: Action) -> None:
        mover = self._mover(action)
        database = await insist(lambda: mover.open(action.database), self.world.clock)
        await database.require_nobody_at_work()  # a rename ends whatever works in it
        # The new name may have been another database's. The number stays in this one, however it goes on from here.
        await set_apart(database, self.world.clock, self.world.nonces)
        await mover.move(database, action.becomes)
        instance = self.desired.instances[action.code]
        if instance.renamed_from and instance.renamed_from != instance.code:
            self._remember_new_name(instance.renamed_from, instance.database_name, action.server)

    async def _suspend(self, action: Action) -> None:
        """Out of reach first, then quiet, then under its name: every point of a crash is a name that a shallow look sees."""
        spec, mover = self._spec(action), self._mover(action)
        self.world.memory.clear(spec.kind, spec.code, spec.server)
        database = await self._leave(action, mover, names.switching(spec.target))
        self.step(action, "holding scheduled actions back")
        await insist(database.quiesce, self.world.clock)
        await mover.move(database, action.becomes)

    async def _resume(self, action: Action) -> None:
        spec, mover = self._spec(action), self._mover(action)
        self.world.memory.clear(spec.kind, spec.code, spec.server)
        database = await self._leave(action, mover, names.switching(spec.target))
        if not spec.neutralize:
            self.step(action, "waking scheduled actions")
            await insist(database.wake, self.world.clock)
        await insist(lambda: mover.host.forget_name(action.becomes), self.world.clock)
        await mover.move(database, action.becomes)

    async def _leave(self, action: Action, mover: Mover, on_its_way: str) -> Database:
        database = await insist(lambda: mover.open(action.database), self.world.clock)
        if action.database == on_its_way:
            return database
        await database.require_nobody_at_work()  # a rename ends whatever works in it
        self.step(action, "taking out of reach" if action.verb is Verb.SUSPEND else "on its way back")
        return await mover.move(database, on_its_way)

    async def _rotate(self, action: Action) -> None:
        """Replace a former password; proven by fresh logins: the former ones first, then the declared one."""
        account = self._account(action)
        host, name = account.host, action.database
        self.world.memory.clear(action.kind, action.code, action.server)
        await insist(lambda: self._replace_password(account, name), self.world.clock)
        wrong = [*account.former_passwords()[:3], FACTORY_PASSWORD]
        logins = [*(account.spec.admin_login for _ in wrong[:-1]), FACTORY_LOGIN]
        for login, password in zip(logins, wrong, strict=True):
            if password != account.password() and await host.accepts(name, login, password):
                raise ProofFailed("a former password is still taken", server=action.server, database=name)
        if not await host.accepts(name, account.spec.admin_login, account.password()):
            raise ProofFailed("the declared password is not taken", server=action.server, database=name)

    async def _replace_password(self, account: Account, name: str) -> None:
        opened = await account.open(name)
        if opened is None:
            raise LastingError(
                "it refuses the declared password and all former ones", server=account.host.server, database=name
            )
        database, access = opened
        if access is Access.FORMER:
            await database.require_nobody_at_work()
            await database.clear_digest()
            await database.set_credentials(account.spec.admin_login, account.password())

    async def _configure(self, action: Action) -> None:
        spec, account = self._spec(action), self._account(action)
        self.world.memory.clear(spec.kind, spec.code, spec.server)
        state = names.parse(action.database).state
        database = await insist(lambda: self._mover(action).open(action.database), self.world.clock)
        await database.require_nobody_at_work()
        look = await insist(database.look, self.world.clock)
        for _ in range(_ROUNDS):
            await insist(database.clear_digest, self.world.clock)
            database = await self._apply_fields(action, account, database, look, state)
            look = await insist(database.look, self.world.clock)
            left = [c for c in fields.differences(spec, look, state) if c.field not in ("mark.digest", "schedule")]
            if not left:
                break
        mark = Mark(
            spec.fleet,
            spec.kind,
            spec.code,
            spec.target,
            look.uuid,
            spec.template,
            self._version(action),
            spec.digest(),
        )
        await insist(lambda: database.write_mark(mark), self.world.clock)
        final = await insist(database.look, self.world.clock)
        at = {"server": action.server, "database": action.database}
        require_verified(spec, final, state if state is not NameState.SWITCHING else NameState.UNKNOWN, at)
        self._verified(spec)

    async def _apply_fields(
        self, action: Action, account: Account, database: Database, look: DatabaseLook, state: NameState
    ) -> Database:
        """Apply what differs now, kind of field by kind of field."""
        spec, clock = account.spec, self.world.clock
        changed = {c.field.partition(".")[0] for c in fields.differences(spec, look, state)}
        if "files" in changed and look.mark is not None:
            self.step(action, "bringing its files along")
            await self._mover(action).finish(database, look.mark.moving_from, look.missing_files)
        if "admin_login" in changed:
            password = account.password()
            database = await insist(lambda: database.set_credentials(spec.admin_login, password), clock)
        if changed & {"languages", "lang", "company", "country_code", "timezone", "parameters"}:
            self.step(action, "settings")
            await insist(lambda: database.apply_settings(spec), clock)
        if "server_actions" in changed:
            await insist(database.remove_server_actions, clock)
        if "modules" in changed:
            self.step(action, "modules")
            await insist(lambda: database.install(spec.modules), clock)
            await insist(lambda: database.apply_settings(spec), clock)
        await self._set_schedule(spec, database, state, changed)
        return database

    async def _set_schedule(self, spec: DatabaseSpec, database: Database, state: NameState, changed: set[str]) -> None:
        """Modules bring active scheduled actions, so what must be quiet is made quiet after them as well."""
        quiet = spec.kind == "template" or state is NameState.SUSPENDED
        if quiet and changed & {"schedule", "modules"}:
            await insist(database.quiesce, self.world.clock)
        elif not quiet and state is NameState.PUBLISHED and "schedule" in changed:
            await insist(database.wake, self.world.clock)

    async def _sweep(self, action: Action) -> None:
        host = self._host(action)
        if action.database not in await host.listed():
            return
        try:
            await host.drop_build(action.database, own=False)
        except UnknownOutcome:
            await self.world.clock.sleep(5.0)
        if action.database in await host.listed():
            raise UnknownOutcome("the host still lists it", server=action.server, database=action.database)

    def _remember_new_name(self, former: str, target: str, server: str) -> None:
        """The former code's database is the new one now: should the rename be reverted in the text, nothing empty is made."""
        now, memory = self.world.clock.now(), self.world.memory
        self.world.note(lambda: memory.verified("instance", former, server, target, "", now))

    def _verified(self, spec: DatabaseSpec) -> None:
        now = self.world.clock.now()
        memory = self.world.memory
        self.world.note(lambda: memory.verified(spec.kind, spec.code, spec.server, spec.target, spec.digest(), now))

    def _spec(self, action: Action) -> DatabaseSpec:
        server = self.desired.servers[action.server]
        if action.kind == "template":
            return template_spec(self.desired, self.desired.templates[action.code], server)
        return instance_spec(self.desired, self.desired.instances[action.code], server)

    def _account(self, action: Action) -> Account:
        former = self.desired.instances[action.code].renamed_from if action.kind == "instance" else None
        return Account(self._host(action), self._spec(action), self.world.secrets, former)

    def _mover(self, action: Action) -> Mover:
        return Mover(self._host(action), self._account(action), self.world.clock, self.world.nonces)

    def _builder(self, action: Action) -> Builder:
        timeouts = self.desired.servers[action.server].timeouts
        return Builder(
            self._host(action),
            self.world.secrets,
            self.world.clock,
            self.world.nonces,
            Limits(timeouts.create_seconds, timeouts.clone_seconds),
            self._version(action),
            lambda what: self.step(action, what),
        )

    def _version(self, action: Action) -> str:
        return self.desired.servers[action.server].odoo_version

    def _host(self, action: Action) -> Host:
        return self.world.hosts[action.server]
