"""Carries out one action. What it does is what the changeset shows; each step looks before it acts and ends in a proof."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from reconciler.core import backups, checks, claims, fields, names, verbs
from reconciler.core.actions import Action
from reconciler.core.asking import in_use
from reconciler.core.failures import (
    LastingError,
    PasswordRefused,
    ProofFailed,
    Refused,
    UnknownOutcome,
)
from reconciler.core.names import NameState
from reconciler.core.observed import Access, DatabaseLook
from reconciler.core.openers import removed_spec
from reconciler.core.settings import SETTINGS
from reconciler.core.specs import DatabaseSpec, instance_spec, template_spec
from reconciler.core.verbs import Verb
from reconciler.engine import backing_up, dropping, restoring
from reconciler.engine.accounts import Account
from reconciler.engine.building import Builder, Limits, Source, require_verified, set_apart
from reconciler.engine.dropping import Drop
from reconciler.engine.elsewhere import Elsewhere
from reconciler.engine.moves import AtLock, Mover
from reconciler.engine.patience import insist
from reconciler.engine.ports import Database, Host
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from schemas.secrets import Secret

_ROUNDS = 3
"""How often a configuration is applied when a fresh look still differs (a call whose answer was lost, an edit meanwhile)."""


Handler = Callable[["Performer", Action], Awaitable[str | None]]
HANDLERS: dict[Verb, Handler] = {}
"""What carries out each verb, and returns what is to be known beside what the action shows."""


def carries_out(*verbs: Verb) -> Callable[[Handler], Handler]:
    """Register what carries out some verbs: it does the action, or raises why not (`HostError`, `SecretUnavailable`)."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(verbs, handler))
        return handler

    return register


@dataclass(slots=True)
class Performer:
    """Carries out the actions of one pass; `step` is told what an action is at, `exactly` refuses to do more than it shows."""

    desired: Desired
    world: World
    step: Callable[[Action, str], None]
    exactly: bool = False
    _sources: dict[tuple[str, str], asyncio.Task[Source]] = field(default_factory=dict)
    _strangers: dict[str, dict[str, Host]] = field(default_factory=dict)

    async def perform(self, action: Action) -> str:
        """Do it and say what is to be known beside what it shows, or raise why not (`HostError`, `SecretUnavailable`)."""
        return await HANDLERS[action.verb](self, action) or ""

    @carries_out(verbs.ACTIVATE)
    async def _activate(self, action: Action) -> None:
        found = checks.failures(await self._host(action).check())
        if found:
            text = "; ".join(f"{c.name}: {c.seen}" for c in found)
            raise LastingError(text, server=action.server, advice=next((c.advice for c in found if c.advice), ""))
        self._remember_state(action)

    @carries_out(verbs.MAINTAIN, verbs.DISABLE)
    async def _note_state(self, action: Action) -> None:
        self._remember_state(action)

    def _remember_state(self, action: Action) -> None:
        state = self.desired.servers[action.server].state
        self.world.note(lambda: self.world.memory.server_state(action.server, state))

    @carries_out(verbs.CREATE)
    async def _create(self, action: Action) -> None:
        spec = self._spec(action)
        await self._builder(action).create_template(spec)
        self._verified(spec)

    @carries_out(verbs.CLONE)
    async def _clone(self, action: Action) -> None:
        spec = self._spec(action)
        template = self.desired.templates[spec.template]
        origin = template_spec(self.desired, template, self.desired.servers[action.server])
        source = await self._source(action, origin)
        await self.world.distrust(spec.kind, spec.code, spec.server)
        await self._builder(action).clone_instance(spec, origin, source, action.becomes, self._former(action))
        self._verified(spec)

    @carries_out(verbs.RESTORE)
    async def _restore(self, action: Action) -> str:
        spec, wanted = self._spec(action), self.desired.instances[action.code].restore_from
        assert wanted is not None  # or else a clone was planned
        await self.world.distrust(spec.kind, spec.code, spec.server)
        builder, former = self._builder(action), self._former(action)
        source = await restoring.build(self.world, self.desired, builder, spec, wanted, action.becomes, former)
        self._verified(spec)
        return source

    async def _source(self, action: Action, origin: DatabaseSpec) -> Source:
        """Look at a template once a pass: its clones are compared with that look, and bear its mark."""
        key = (origin.server, origin.target)
        if key not in self._sources or (self._sources[key].done() and self._sources[key].exception()):
            self._sources[key] = asyncio.ensure_future(self._builder(action).read_source(origin))
        return await asyncio.shield(self._sources[key])

    @carries_out(verbs.ADOPT)
    async def _adopt(self, action: Action) -> None:
        """Take a database over: mark and password are written in one transaction, and proven by a fresh login and a look."""
        spec, account = self._spec(action), self._account(action)
        at = {"server": action.server, "database": action.database}
        await self.world.distrust(spec.kind, spec.code, spec.server)
        self.step(action, "taking over")
        database = await insist(lambda: self._take_over(action, account), self.world.clock)
        if not await account.host.accepts(action.database, spec.admin_login, account.password()):
            raise ProofFailed("the declared password is not taken", **at)
        look = await insist(database.look, self.world.clock)
        state = names.parse(action.database).state
        if doubt := claims.doubt(look, spec, None):
            raise ProofFailed(doubt.why, advice=doubt.advice, **at)
        if look.mark is not None and look.mark.digest:  # or else what is left to be done follows
            require_verified(spec, look, state, at)
            self._verified(spec)

    async def _take_over(self, action: Action, account: Account) -> Database:
        """Look once more, and take over what is nobody's yet; what was taken over unheard, or by another run, is left."""
        spec, at = account.spec, {"server": action.server, "database": action.database}
        found = await account.find(action.database)
        if found is None:
            shut = claims.doubt(DatabaseLook(action.database, Access.REFUSED), spec, None)
            raise PasswordRefused(shut.why if shut else "", advice=shut.advice if shut else "", **at)
        look = replace(await found.database.look(), access=found.access)
        if doubt := claims.objection(look, spec, None) or claims.others_work(look, self.world.clock.now()):
            raise Refused(doubt.why, advice=doubt.advice, **at)
        if look.mark is not None:
            return found.database
        state = names.parse(action.database).state
        differing = fields.differences(spec, look, state)
        is_all, quiet = all(map(fields.is_adopted, differing)), any(c.desired == fields.QUIET for c in differing)
        mark = replace(claims.mark_for(spec, look.uuid, self._version(action)), in_service=True)
        password = None if found.access is Access.CURRENT else account.password()
        return await found.database.adopt(spec, mark if is_all else replace(mark, digest=""), password, quiet=quiet)

    @carries_out(verbs.RENAME)
    async def _rename(self, action: Action) -> None:
        """Give a database its new name, in service or out of it as before: out of reach only while it bears the lock."""
        mover = self._mover(action)
        database = await insist(lambda: mover.open(action.database), self.world.clock)
        await database.require_nobody_at_work()  # a rename ends whatever works in it
        # The new name may have been another database's. The number stays in this one, however it goes on from here.
        await set_apart(database, self.world.clock, self.world.nonces)
        await insist(lambda: mover.host.forget_name(action.becomes), self.world.clock)
        instance = self.desired.instances[action.code]
        former = names.parse(action.database).target
        if former not in (
            instance.code,
            instance.database_name,
        ):  # before it: another pass may finish what this one begins
            self._remember_new_name(former, instance.database_name, action.server)
        await mover.travel(database, action.becomes)

    @carries_out(verbs.SUSPEND)
    async def _suspend(self, action: Action) -> None:
        """Out of reach first, then quiet, then under its name: every point of a crash is a name that a shallow look sees."""

        async def quiet(database: Database) -> None:
            self.step(action, "holding scheduled actions back")
            await insist(database.quiesce, self.world.clock)

        await self.world.distrust(action.kind, action.code, action.server)
        await self._switch(action, quiet, "taking out of reach")

    @carries_out(verbs.END)
    async def _end(self, action: Action) -> str:
        """Backed up where it shows that, out of reach, quiet, noted as ended, then trash: only what is noted in it is dropped."""

        async def quiet(database: Database) -> None:
            self.step(action, "holding scheduled actions back")
            await insist(database.quiesce, self.world.clock)

        said = await self._back_up(action) if any(c.field == backups.FIELD for c in action.changes) else ""
        if action.code in self.desired.instances:  # of a removed document is kept by which text it was applied last
            await self.world.distrust(action.kind, action.code, action.server)
        target = names.parse(action.database).target
        await self._switch(action, quiet, "taking out of reach", names.trash(target, self.world.clock.now()))
        if action.code in self.desired.instances:
            self._verified(self._spec(action))
        return said

    async def _back_up(self, action: Action) -> str:
        self.step(action, "backing up")
        instance = self.desired.instances[action.code]
        declared = backups.policy(self.desired, instance)
        target = backups.target_of(self.desired, declared)
        assert target is not None  # or else the ending was blocked
        subject = backups.subject_of(self.desired, instance, action.server, action.database)
        keep = backups.keep_of(declared)
        kept = await backing_up.back_up(self.world, self.desired.settings.code, subject, target, keep)
        more = f"; older ones were not thinned out: {kept.not_thinned}" if kept.not_thinned else ""
        return f"backed up as {kept.entry.id} in {target}{more}"

    @carries_out(verbs.RETURN)
    async def _untrash(self, action: Action) -> None:
        """Back from the trash to where it is suspended: quiet still, and on its way to wherever its text wants it."""
        await self.world.distrust(action.kind, action.code, action.server)
        await insist(lambda: self._host(action).forget_name(action.becomes), self.world.clock)
        await self._switch(action, None, "bringing it back")

    @carries_out(verbs.RESUME)
    async def _resume(self, action: Action) -> None:
        spec = self._spec(action)

        async def awake(database: Database) -> None:
            if not (spec.neutralize or spec.kind == "template"):
                self.step(action, "waking scheduled actions")
                await insist(database.wake, self.world.clock)

        await self.world.distrust(action.kind, action.code, action.server)
        await insist(lambda: self._host(action).forget_name(action.becomes), self.world.clock)
        await self._switch(action, awake, "on its way back")

    async def _switch(self, action: Action, at_lock: AtLock | None, step: str, goal: str = "") -> None:
        mover = self._mover(action)
        database = await insist(lambda: mover.open(action.database), self.world.clock)
        await database.require_nobody_at_work()  # a rename ends whatever works in it
        self.step(action, step)
        await mover.travel(database, goal or action.becomes, at_lock)

    @carries_out(verbs.DISCARD)
    async def _discard(self, action: Action) -> None:
        """Turn a build that cannot go on to trash; the database itself says now that it was never in service."""
        mover = self._mover(action)
        await mover.discard(await insist(lambda: mover.open(action.database), self.world.clock))

    @carries_out(verbs.ROTATE)
    async def _rotate(self, action: Action) -> None:
        """Replace a former password; proven by fresh logins: the former ones first, then the declared one."""
        account = self._account(action)
        host, name = account.host, action.database
        await self.world.distrust(action.kind, action.code, action.server)
        had: list[Secret] = []
        await insist(lambda: self._replace_password(account, name, had), self.world.clock)
        for login, password in account.no_longer_taken(had):
            if await host.accepts(name, login, password):
                raise ProofFailed("a former password is still taken", server=action.server, database=name)
        if not await host.accepts(name, account.spec.admin_login, account.password()):
            raise ProofFailed("the declared password is not taken", server=action.server, database=name)

    async def _replace_password(self, account: Account, name: str, had: list[Secret]) -> None:
        """Set the declared password where it is not set; `had` is told the former one, also when the answer is lost."""
        found = await account.find(name)
        if found is None:
            raise LastingError(
                "it refuses the declared password and all former ones", server=account.host.server, database=name
            )
        if found.access is not Access.CURRENT:
            had.append(found.password)
            await found.database.require_nobody_at_work()
            await found.database.clear_digest()
            await found.database.set_credentials(account.spec.admin_login, account.password())

    @carries_out(verbs.CONFIGURE)
    async def _configure(self, action: Action) -> str:
        spec, account = self._spec(action), self._account(action)
        await self.world.distrust(spec.kind, spec.code, spec.server)
        state = names.parse(action.database).state
        database = await insist(lambda: self._mover(action).open(action.database), self.world.clock)
        at = {"server": action.server, "database": action.database}
        look = await insist(database.look, self.world.clock)
        if (others := claims.others_work(look, self.world.clock.now())) is not None:
            raise Refused(others.why, advice=others.advice, **at)
        more = ", ".join(fields.not_shown(action.changes, fields.differences(spec, look, state)))
        if more and self.exactly:
            raise Refused(f"by now {more} differs otherwise than was saved", advice="save a new plan", **at)
        for _ in range(_ROUNDS):
            if look.mark is None or look.mark.digest:
                await insist(database.clear_digest, self.world.clock)
            if all(c.field.startswith("mark.") for c in fields.differences(spec, look, state)):
                break
            database = await self._apply_fields(action, account, database, look, state)
            look = await insist(database.look, self.world.clock)
            left = [c for c in fields.differences(spec, look, state) if c.field not in ("mark.digest", "schedule")]
            if not left:
                break
        mark = claims.mark_for(spec, look.uuid, self._version(action))
        if look.mark is not None and look.mark.owner and not self._is_adopted(action):
            mark = replace(mark, owner=look.mark.owner)
        if look.mark is not None and look.mark.protected and not spec.protected:
            mark = replace(mark, protected=False)
        if look.mark is not None and look.mark.in_service:  # a template that was taken over is no build of ours
            mark = replace(mark, in_service=True)
        await insist(lambda: database.write_mark(mark), self.world.clock)
        _, written = await insist(database.identity, self.world.clock)
        require_verified(spec, replace(look, mark=written), state, at)
        self._verified(spec)
        return f"{more} had come to differ otherwise than was shown, and is as declared too" if more else ""

    async def _apply_fields(
        self, action: Action, account: Account, database: Database, look: DatabaseLook, state: NameState
    ) -> Database:
        """Apply what differs now, kind of field by kind of field."""
        spec, clock = account.spec, self.world.clock
        changed = {c.field.partition(".")[0] for c in fields.differences(spec, look, state)}
        if "files" in changed and look.mark is not None:
            self.step(action, "bringing its files along")
            await self._mover(action).settle(database)
        if "admin_login" in changed:
            password = account.password()
            database = await insist(lambda: database.set_credentials(spec.admin_login, password), clock)
        if changed & {"languages", "parameters", *SETTINGS}:
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

    @carries_out(verbs.SWEEP)
    async def _sweep(self, action: Action) -> None:
        """Drop an unfinished build, after a look inside at this very moment."""
        await self._drop_by(action, dropping.drop_expired_build)

    @carries_out(verbs.DROP)
    async def _drop(self, action: Action) -> None:
        """Drop trash, after a look inside and at the text at this very moment."""
        await self._drop_by(action, dropping.drop_trash)

    async def _drop_by(self, action: Action, drop: Drop) -> None:
        host, name = self._host(action), action.database
        if name not in await host.listed():
            return
        try:
            await drop(self.desired, self.world, host, name)
        except UnknownOutcome:
            await self.world.clock.sleep(5.0)
        if name in await host.listed():
            raise UnknownOutcome("the host still lists it", server=action.server, database=name)

    def _is_adopted(self, action: Action) -> bool:
        return action.kind == "instance" and self.desired.instances[action.code].adopt is not None

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
        if action.code not in self.desired.instances:
            return removed_spec(self.desired, action.code, action.server, names.parse(action.database).target)
        return instance_spec(self.desired, self.desired.instances[action.code], server)

    def _account(self, action: Action) -> Account:
        """Open as the document's account, and while it is renamed as that of its former code."""
        former = names.parse(action.database).target
        instance = self.desired.instances.get(action.code) if action.kind == "instance" else None
        if instance is not None and former in ("", instance.code, instance.database_name):
            former = instance.renamed_from or ""
        return Account(self._host(action), self._spec(action), self.world.secrets, self.world.clock, former or None)

    def _mover(self, action: Action) -> Mover:
        account, elsewhere = self._account(action), self._elsewhere(action)
        return Mover(account.host, account, self.world.clock, self.world.nonces, elsewhere, self._former(action))

    def _elsewhere(self, action: Action) -> Elsewhere:
        """Name the other hosts on which the same instance may be, with its names that the text gives to no other there."""
        codes = in_use(self.desired) & self.world.hosts.keys() - {action.server}
        others = {code: self.world.hosts[code] for code in sorted(codes)}
        strangers = self._strangers.setdefault(action.server, others)
        if action.kind != "instance" or action.code not in self.desired.instances:
            return Elsewhere(strangers=strangers)
        instance, declared = self.desired.instances[action.code], self.desired.names.places
        own = [name for name in (instance.database_name, instance.renamed_from) if name]
        asked = [(code, [name for name in own if code not in declared.get(name, ())]) for code in others]
        return Elsewhere(
            [(others[code], targets) for code, targets in asked if targets],
            self.desired.templates[instance.template].server_codes,
            strangers,
        )

    def _former(self, action: Action) -> str | None:
        instance = self.desired.instances.get(action.code) if action.kind == "instance" else None
        return instance.renamed_from if instance is not None else None

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
            self._elsewhere(action),
        )

    def _version(self, action: Action) -> str:
        return self.desired.servers[action.server].odoo_version

    def _host(self, action: Action) -> Host:
        return self.world.hosts[action.server]
