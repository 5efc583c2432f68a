"""Build aside, then rename: how a database comes to bear its final name only when it is complete.

    create or clone under a building name that was never used
    modules that its template lacks                            ─▶ install them
    credentials, languages, company, parameters, owner, schedule, mark, nobody else's way in, set apart from any former
    namesake: all in one transaction                           ─▶ prove it whole, and that no other password is taken
    verify by a fresh look  ─▶ rename through the lock, with proof

A failure drops the building name (it is this run's own); an unknown outcome or a crash leaves it to be swept. From the lock
on nothing leads back: what is cut short there is finished by the next pass, or kept as trash.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace

from reconciler.core.diffs.server_moves import Moved
from reconciler.core.model import module_operations, names
from reconciler.core.model.failures import (
    DatabaseExists,
    HalfMadeDatabase,
    HostError,
    PassingError,
    PasswordRefused,
    ProofFailed,
    Rejected,
    UnknownOutcome,
)
from reconciler.core.model.furnishing import Furnishing, Origin, Sizes
from reconciler.core.model.names import NameState
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies import claims, template_versions
from reconciler.engine.accounts import FACTORY_LOGIN, FACTORY_PASSWORD, Account
from reconciler.engine.clone_sources import TemplateSource, require_files, source_of
from reconciler.engine.elsewhere import NOWHERE_ELSE, Elsewhere, other_forms
from reconciler.engine.lost_answers import refresh_workers, wait_until_done
from reconciler.engine.moves import SAMPLE, Mover
from reconciler.engine.neutral import kept_neutral
from reconciler.engine.patience import LOOKS_FIRST, NOTHING_SENT, insist
from reconciler.engine.ports import Clock, Database, Host, Nonces, Secrets
from reconciler.engine.verifying import require_neutralized, require_verified
from schemas.secrets import Secret

LEAST_NUMBER, GREATEST_NUMBER = 10_000, 1_000_000_000
"""Between these the number is drawn by which workers tell a new database from a former one of its name: far above what a
database gets to by itself, below what PostgreSQL's four bytes hold."""

FILES_AT_ONCE = 1000
"""Sizes of so many files are read in the run that makes a clone its own; those of more in a row of calls before it."""

WORKERS_LAG = (*LOOKS_FIRST, HalfMadeDatabase)
"""What may pass by itself just after a create: a worker can still have the half-made database in memory."""

Step = Callable[[str], None]
Room = AbstractAsyncContextManager[object]
"""What takes out of the way, while a proven build is published, what bears its name now (`replacing.out_of_the_way`)."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds that an operation may take on the host after its answer was lost."""

    create: float
    clone: float


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds databases on one host; `elsewhere` are those where the same one may be."""

    host: Host
    secrets: Secrets
    clock: Clock
    nonces: Nonces
    limits: TimeLimits
    version: str
    step: Step
    elsewhere: Elsewhere = NOWHERE_ELSE

    async def read_source(self, template: DatabaseSpec, modules_asked: Collection[str] = ()) -> TemplateSource:
        """Look at a template before it is cloned, and whether it knows the modules that are asked for.

        Raises:
            ProofFailed: it is not ready: another template, or one that is being changed.
        """
        account = Account(self.host, template, self.secrets, self.clock)
        opened = await account.require(template.target, "the template refuses the declared password")
        return await source_of(*opened, template, self._at(template.target), modules_asked)

    async def create_template(self, spec: DatabaseSpec, room: Room | None = None) -> None:
        """Create a template's database with its modules, quiet, and publish it, in the place of another perhaps."""
        account = Account(self.host, spec, self.secrets, self.clock)
        account.password()  # one that is not to be had costs the host nothing
        name = self.new_name(spec)
        if room is None:
            await self._require_free(name)
        async with self._dropped_on_failure(name):
            self.step("creating")
            database = await self._create(name, account)
            await insist(lambda: self._refuse_factory(database, account), self.clock, after=WORKERS_LAG)
            self.step("settings")
            first = Furnishing(spec.at_birth(), quiet=True)  # demo/demo, portal/portal are taken by RPC under any name
            database, _ = await insist(lambda: database.furnish(first), self.clock)
            self.step("modules")
            await insist(lambda: database.install(spec.modules), self.clock)
            # Modules bring users, scheduled actions, and settings of their own.
            last = replace(self._last(spec, name, template_versions.version(spec)), quiet=True, files=SAMPLE)
            database, files = await insist(lambda: database.furnish(last), self.clock)
            await self._publish(database, account, spec.target, files, room=room)

    async def clone_instance(
        self, spec: DatabaseSpec, template: DatabaseSpec, source: TemplateSource, final: str, former: str | None = None
    ) -> None:
        """Clone a template, make the clone the customer's own, and publish it under `final` (its target, or suspended).

        Not where a form of the `former` name exists, whatever the list said: that is the customer's database.
        """
        account = Account(self.host, spec, self.secrets, self.clock)
        origin = Account(self.host, template, self.secrets, self.clock)
        # All secrets first: one that is not to be had costs the host nothing.
        password, template_password, owner_password = account.password(), origin.password(), self._owner_password(spec)
        self._require_free_login(spec, source.logins - {template.admin_login} | {spec.admin_login}, template.target)
        name = self.new_name(spec)
        await self._require_free(name, former)
        async with self._dropped_on_failure(name):
            self.step("cloning")
            database = await self._clone(name, spec, origin, source)
            self.step("settings")
            database, files = await self._make_own(database, account, source, owner_password)
            await self._refuse(name, template.admin_login, template_password, password)
            await self._refuse(name, FACTORY_LOGIN, FACTORY_PASSWORD, password)
            await self._publish(database, account, final, files, former)

    def new_name(self, spec: DatabaseSpec) -> str:
        """Make up a building name that was never used."""
        return names.building(spec.target, self.clock.now(), self.nonces.token(names.NONCE_LENGTH))

    async def require_room(self, spec: DatabaseSpec, former: str | None) -> None:
        """Find out before the work that the name is taken, or the password not to be had."""
        Account(self.host, spec, self.secrets, self.clock).password()
        await self._require_free(self.new_name(spec), former)

    async def take_in(
        self,
        database: Database,
        spec: DatabaseSpec,
        final: str,
        former: str | None,
        room: Room | None = None,
        moved: Moved | None = None,
    ) -> None:
        """Make what was restored and proven, and sleeps, the database of a spec, and publish it, in the place of another perhaps.

        Its people keep their passwords: it is theirs. The admin account gets the declared one. What is to be neutralized is so
        before anything else is written, since a new password may be mailed to its owner, and once more after its modules.
        """
        account = Account(self.host, spec, self.secrets, self.clock)
        if spec.neutralize:
            self.step("neutralizing")
            await insist(database.neutralize, self.clock)
        self.step("settings")
        database = await insist(lambda: database.set_credentials(spec.admin_login, account.password()), self.clock)
        await insist(lambda: database.apply_settings(spec), self.clock)
        self.step("modules")
        look = await insist(database.look, self.clock)
        if look.support:  # whoever was let into what this is made of is not let into this
            await insist(lambda: database.end_support(look.support), self.clock)
        has_all = all(look.modules.get(module) == module_operations.INSTALLED for module in spec.modules)
        # What was left half-way in the source goes on here, and brings scheduled actions as well.
        rests = has_all and not module_operations.pending(look.modules)
        async with nullcontext() if rests else kept_neutral(spec, database, self.clock):
            if await insist(lambda: database.install(spec.modules), self.clock):
                await insist(lambda: database.apply_settings(spec), self.clock)  # modules bring settings of their own
        await insist(database.neutralize if spec.neutralize else database.quiesce, self.clock)
        await set_apart(database, self.clock, self.nonces)
        uuid, had = await insist(database.identity, self.clock)
        mark = replace(claims.mark_for(spec, uuid, self.version), moving_from=database.name, in_service=False)
        mark = replace(mark, moved_from=moved.server if moved else "", made_of=had.made_of if had else "")
        await insist(lambda: database.write_mark(mark), self.clock)
        if moved:
            await insist(lambda: database.take_identity(moved.uuid), self.clock)
        files = await insist(lambda: database.file_sizes(newest=SAMPLE), self.clock)
        if spec.neutralize:
            await require_neutralized(database, self.clock, self._at(database.name))
        await self._publish(database, account, final, files, former, newborn=False, room=room)

    async def _make_own(
        self, database: Database, account: Account, source: TemplateSource, owner_password: Secret | None
    ) -> tuple[Database, Sizes]:
        """Make a clone the customer's own, all at once; prove that it is whole; return it with its newest files.

        Where modules are missing, they are installed under its own settings and credentials, and what they bring is dealt with
        once more: users, scheduled actions, settings of their own.
        """
        spec, name = account.spec, database.name
        at_once = len(source.files) <= FILES_AT_ONCE
        if not at_once:
            require_files(source, await insist(database.file_sizes, self.clock), self._at(name))
        lacking = not source.modules.issuperset(spec.modules)
        whole = replace(
            self._last(spec, name, source.made_of),
            origin=source.origin,
            password=account.password(),
            owner_password=owner_password,
            files=FILES_AT_ONCE if at_once else SAMPLE,
        )
        first = replace(whole, owner_password=None, mark=None, number=None) if lacking else whole
        database, files = await self._furnish(database, account, first)
        if at_once:
            require_files(source, files, self._at(name))
        if lacking:
            self.step("modules")
            await insist(lambda: database.install(spec.modules), self.clock)
            last = replace(whole, password=None, quiet=True, files=SAMPLE)
            database, files = await self._furnish(database, account, last)
        return database, newest(files, SAMPLE)

    def _last(self, spec: DatabaseSpec, name: str, made_of: str) -> Furnishing:
        """What is written last: with it goes the mark, and the number by which workers notice that this is no former namesake."""
        mark = replace(claims.mark_for(spec, "", self.version), moving_from=name, in_service=False, made_of=made_of)
        return Furnishing(spec.at_birth(), mark=mark, number=draw_number(self.nonces))

    def _owner_password(self, spec: DatabaseSpec) -> Secret | None:
        if spec.owner is None:
            return None
        return self.secrets.resolve(spec.owner.initial_password, spec.kind, spec.code, "owner.initial_password")

    def _require_free_login(self, spec: DatabaseSpec, logins: frozenset[str], database: str) -> None:
        """Refuse an owner whose login somebody has: that user keeps his own password and groups, and may be known."""
        if spec.owner is not None and spec.owner.login in logins:
            raise Rejected(
                f"the owner cannot be made: there is a user {spec.owner.login!r} already, of the template or of a module",
                advice="choose another owner.login",
                **self._at(database),
            )

    async def _create(self, name: str, account: Account) -> Database:
        """Create; its proof is that the wanted password is taken, which the host sets last."""
        login, password = account.spec.admin_login, account.password()
        try:
            await self.host.create(name, account.spec, password)
        except UnknownOutcome as lost:
            opened: list[Database] = []

            async def takes_its_password() -> bool:
                database = await self.host.open(name, login, password)
                opened.extend([database] if database else [])
                return database is not None

            await wait_until_done(self.host, self.clock, name, lost, self.limits.create, takes_its_password)
            await refresh_workers(opened[0])
            return opened[0]
        database = await self.host.open(name, login, password)
        if database is None:
            raise ProofFailed(
                "the host says that it created the database, but it does not take its password: the initialisation failed",
                advice="the host's log says why; country_code and lang are worth a look",
                **self._at(name),
            )
        return database

    async def _clone(self, name: str, spec: DatabaseSpec, origin: Account, source: TemplateSource) -> Database:
        """Clone; it is proven whole when it is made its own, unless the answer was lost. It is the template's, login and all."""
        clone, template = self.host.clone, origin.spec.target
        try:
            await insist(lambda: clone(template, name, neutralize=spec.neutralize), self.clock, after=NOTHING_SENT)
        except UnknownOutcome as lost:
            is_whole = functools.partial(self._is_whole_clone, name, origin, source)
            await wait_until_done(self.host, self.clock, name, lost, self.limits.clone, is_whole)
        return source.database.renamed(name)

    async def _is_whole_clone(self, name: str, origin: Account, source: TemplateSource) -> bool:
        opened = await origin.open(name)
        return opened is not None and await self._is_whole(opened[0], source)

    async def _is_whole(self, database: Database, source: TemplateSource) -> bool:
        uuid, mark = await database.identity()
        if mark is None or Origin(mark.uuid, mark.digest) != source.origin:
            raise ProofFailed("the template was changed while it was cloned", **self._at(database.name))
        return uuid != source.origin.uuid and await database.file_sizes() == source.files

    async def _furnish(self, database: Database, account: Account, what: Furnishing) -> tuple[Database, Sizes]:
        """Write what a build is given; after a lost answer, looks first which of its two accounts it answers to."""
        try:
            return await database.furnish(what)
        except (PassingError, UnknownOutcome):
            again = (*LOOKS_FIRST, PasswordRefused)  # it may have been done just after it was looked for
            return await insist(lambda: self._furnish_again(database, account, what), self.clock, after=again)

    async def _furnish_again(self, database: Database, account: Account, what: Furnishing) -> tuple[Database, Sizes]:
        """Look whether it was done, by the password that came with it. What is still under way is waited for, and found done."""
        if what.password is not None:
            opened = await self.host.open(database.name, account.spec.admin_login, account.password())
            if opened is not None:
                await opened.remove_server_actions()  # it goes on without the one that did it
                return opened, await opened.file_sizes()
        return await database.furnish(what)

    async def _publish(
        self,
        database: Database,
        account: Account,
        final: str,
        files: Sizes,
        former: str | None = None,
        *,
        newborn: bool = True,
        room: Room | None = None,
    ) -> None:
        """Verify, rename: after this the database is in service.

        It is quiet until it bears the lock, and stays so if it is to rest suspended. That it is opened by its own password, which
        no worker can have taken before, proves that it has it.
        """
        spec, built = account.spec, database.name
        self.step("verifying")
        look = await insist(database.look, self.clock)
        require_verified(spec, look, NameState.SUSPENDED, self._at(built), newborn=newborn)
        awake = not spec.sleeps and names.parse(final).state is NameState.PUBLISHED
        mover = Mover(self.host, account, self.clock, self.nonces, self.elsewhere, former)
        async with room or nullcontext():
            self.step("publishing")
            await self._forget(final)
            if final != spec.target:
                await self._forget(spec.target)
            await mover.publish(database, final, files, awake=awake)

    async def _forget(self, name: str) -> None:
        await insist(lambda: self.host.forget_name(name), self.clock)

    async def _refuse(self, name: str, login: str, password: Secret, own: Secret) -> None:
        """Prove that a password that is not the database's own is not taken."""
        if password == own:
            return
        if await self.host.accepts(name, login, password):
            raise ProofFailed(f"it still answers to a password that is not its own (login {login!r})", **self._at(name))

    async def _refuse_factory(self, database: Database, account: Account) -> None:
        """Prove a created database to refuse the factory password, in whatever worker answers."""
        try:
            await self._refuse(database.name, FACTORY_LOGIN, FACTORY_PASSWORD, account.password())
        except HalfMadeDatabase:
            await refresh_workers(database)
            raise

    async def _require_free(self, name: str, former: str | None = None) -> None:
        """Find out before the work that a form of the name or of the former one exists, listed or not."""
        found = await insist(lambda: other_forms(self.host, name, former), self.clock)
        if found:
            raise DatabaseExists(
                "the name is taken",
                advice="if the host does not list it, it belongs to another PostgreSQL role of the same cluster",
                **self._at(found[0]),
            )

    @contextlib.asynccontextmanager
    async def _dropped_on_failure(self, name: str) -> AsyncIterator[None]:
        try:
            yield
        except UnknownOutcome:
            raise  # whatever it is that runs there now, its name is swept when its limit has passed
        except Exception:  # a secret, the store, a defect of ours: none may leave a whole clone behind at each try
            with contextlib.suppress(HostError):
                if name in await self.host.listed():
                    await self.host.drop_own_build(name)
            raise

    def _at(self, database: str) -> dict[str, str]:
        return {"server": self.host.server, "database": database}


async def set_apart(database: Database, clock: Clock, nonces: Nonces) -> None:
    """Before a database gets a name that the host may have served for another one: make its workers notice."""
    number = draw_number(nonces)
    await insist(lambda: database.set_apart(number), clock)


def draw_number(nonces: Nonces) -> int:
    """Draw a number that workers hold for no former database of a name."""
    return nonces.number(LEAST_NUMBER, GREATEST_NUMBER)


def newest(files: Sizes, count: int) -> Sizes:
    """Return so many of the newest files."""
    keys = sorted(files, key=lambda key: int(key.partition("/")[0]), reverse=True)
    return {key: files[key] for key in keys[:count]}
