"""Renames with proof: the new name is listed, the old one is not, and the files came along.

Every way into a published or suspended name leads through the lock, `switching.<target>`. Whoever bears it makes sure that no
other form of the name exists before it goes on, and notes in the database that it is in service from then on.

A host moves the database first and its files second, and skips the files silently where the new name's folder exists. So a
way is noted in the database before its first rename and struck out after the proof of its last; what still bears the note is
put right first, by whoever comes next. Nothing here decides where a database goes, nothing leads to a building name, and to
trash leads one way: of what its text ended or another one replaces, after that was noted in it. What comes back from a move goes
into service only after the server that it went to has said that it is not there.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.core.model import names
from reconciler.core.model.failures import (
    BuildLost,
    DatabaseExists,
    HostError,
    NoSuchDatabase,
    PassingError,
    ProofFailed,
    Refused,
    UnknownOutcome,
)
from reconciler.core.model.furnishing import Sizes
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import Mark
from reconciler.engine.accounts import Account
from reconciler.engine.elsewhere import NOWHERE_ELSE, Elsewhere, other_forms
from reconciler.engine.patience import insist
from reconciler.engine.ports import Clock, Database, Host, Nonces

SAMPLE = 200
"""Newest files compared: a folder moves whole or not at all, so that a sample tells."""

CARRIED_AT_ONCE = 50
"""Files that people stored under a name whose folder the host had not moved yet, and that are stored again where the others
are: so many are held in memory."""

_LOOKS = 15
_BETWEEN_LOOKS = 2.0

_FOLDERS = (*names.FORMS, *names.KEPT)
"""The names under which files of a database in service may wait for it, if the host died on its way."""

AtLock = Callable[[Database], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Mover:
    """Moves databases of one host. Where one of a `former` name is, or one `elsewhere`, no build goes into service."""

    host: Host
    account: Account
    clock: Clock
    nonces: Nonces
    elsewhere: Elsewhere = NOWHERE_ELSE
    former: str | None = None

    async def publish(self, build: Database, final: str, before: Sizes, *, awake: bool) -> Database:
        """Take a verified build, whose mark notes the way already, through the lock into service.

        Args:
            build: the database, under its building name.
            final: where it is to rest.
            before: files that were there, of which none may be missing after a rename.
            awake: whether its scheduled actions begin.

        Raises:
            LastingError: another server of the text is this very host; the build still bears its building name.
            DatabaseExists: someone else has the lock; the build still bears its building name.
            BuildLost: it cannot go on; it was turned to trash, since nothing leads back to a building name.
            UnknownOutcome: the host does not say which name the database bears now.
        """
        await self.elsewhere.require_another(self.host.server, build.name)
        if others := await insist(lambda: other_forms(self.host, build.name, self.former), self.clock):
            raise DatabaseExists(f"{' and '.join(others)} was made by somebody else meanwhile", **self._at(build.name))
        held = await self._walk(build, names.switching(names.parse(final).target))
        note = self.account.spec.kind != "template"  # it serves nobody, and its clones would bear the note
        try:
            await self._require_the_only_one(held)
            if await insist(lambda: held.begin_service(before, note=note, wake=awake), self.clock):
                raise self._left_behind(held)
        except (ProofFailed, DatabaseExists) as lost:
            raise await self._given_up(held, lost) from lost
        return await self._come_to_rest(held, final, before, wake if awake else None)

    async def travel(
        self, database: Database, goal: str, at_lock: AtLock | None = None, *, replaced: bool = False
    ) -> Database:
        """Take a database from where it rests, or is on its way, through the lock to where it is to rest.

        Args:
            database: open under the name that it bears.
            goal: published or suspended, trash, or the lock of another name where the way goes on from there.
            at_lock: what is done while the database is out of reach.
            replaced: whether it becomes trash because another one takes its place.

        Raises:
            DatabaseExists: another database bears a form of the name; where that was seen in time, this one stays.
            ProofFailed: the files could not be brought along; the database was put back where its files are.
            UnknownOutcome: the host does not say which name the database bears now.
        """
        _, mark = await insist(database.identity, self.clock)
        database = await self._settle(database, mark)
        is_build = mark is not None and mark.in_service is False and self.account.spec.kind != "template"
        lock = names.switching(names.parse(goal).target)
        origin = database.name
        way = [origin, mark.moving_from if mark is not None else ""]
        comes_back = [name for name in way if names.parse(name).state is NameState.MOVED]
        ends_of_move = [mark.moved_from, mark.moved_to] if mark is not None else []
        if origin != lock:
            await self._require_free(database.name, goal)
            if comes_back:
                await self.elsewhere.require_none(ends_of_move)
            await insist(lambda: database.note_move(origin), self.clock)
            database = await self._enter(database, lock)
        if goal == lock:
            return database
        if mark is not None and mark.in_service is False:  # the action that it was built with was to end with the build
            await insist(database.remove_server_actions, self.clock)
        try:
            await self._require_alone(database, self.former if is_build else None)
            if is_build or comes_back:  # the other end of a move may be in service by now
                await self.elsewhere.require_none(ends_of_move)
        except DatabaseExists as taken:
            if is_build:
                raise await self._given_up(database, taken) from taken
            await self._retreat(database, comes_back[0] if comes_back else origin)
            raise
        return await self._into_service(database, goal, at_lock, replaced=replaced)

    async def leave(self, database: Database, packed_for: str, server: str, quiet: AtLock, left: list[str]) -> Database:
        """Have a suspended database stay behind as moved, if nobody was at work in it since it was packed.

        Args:
            database: open under the name where it is suspended.
            packed_for: for which try of a move, as it is noted in it.
            server: where it goes on.
            quiet: holds its scheduled actions back, which another run may have woken just now.
            left: is told the name under which it stays, before it bears it.

        Raises:
            Refused: it has been in service meanwhile, or was packed once more.
            HostError: as `travel`.
        """
        origin, target = database.name, names.parse(database.name).target
        await insist(lambda: database.note_move(origin), self.clock)
        held = await self._enter(database, names.switching(target))
        name = await self.new_kept(names.moved, target)
        left.append(name)
        await insist(lambda: held.note_moved(name, server), self.clock)
        before = await insist(lambda: held.file_sizes(newest=SAMPLE), self.clock)
        resting = await self._come_to_rest(held, name, before, quiet)
        _, mark = await insist(resting.identity, self.clock)  # now, under a name in which nobody can be at work
        if mark is None or mark.leaving != packed_for:
            raise Refused("it has been in service since it was packed", **self._at(name))
        return resting

    async def settle(self, database: Database) -> Database:
        """Put an earlier way right before anything else: its files may still wait under the name before.

        Returns:
            The database where it was found; one that was set aside is on its way again, under the lock.

        Raises:
            BuildLost: a build, of which nothing was ever in service.
        """
        _, mark = await insist(database.identity, self.clock)
        return await self._settle(database, mark)

    async def _settle(self, database: Database, mark: Mark | None) -> Database:
        name, state = database.name, names.parse(database.name).state
        if mark is None or not (mark.moving_from or state is NameState.ASIDE) or state in names.KEPT:
            return database  # from there every way leads back to the lock, where files that are missing here wait
        if state is NameState.ASIDE:
            return await self._settle_aside(database, mark.moving_from)
        waiting = names.parse(mark.moving_from).state
        sizes = await insist(database.file_sizes, self.clock)
        missing = not all(sizes.values())
        if missing and state is NameState.SWITCHING and (waiting not in _FOLDERS or mark.moving_from == name):
            if mark.in_service or mark.moving_from == name:
                return database  # it came here whole: they were missing before, or wait where it is to rest
            raise BuildLost("its files were left behind when it was renamed", **self._at(name))
        if missing and waiting not in _FOLDERS and mark.in_service is None:
            raise self._left_by_an_earlier_version(name, mark.moving_from)
        if missing and state is NameState.SWITCHING:
            return await self._enter(await self._walk(database, mark.moving_from), name)
        if missing:
            return await self._into_service(await self._gather(database), name)
        if state in names.IN_SERVICE:
            await insist(lambda: database.note_move(""), self.clock)
        return database

    async def _settle_aside(self, aside: Database, noted: str) -> Database:
        lock = names.switching(names.parse(aside.name).target)
        if names.parse(noted).state is NameState.ASIDE and noted != aside.name:
            aside = await self._walk(aside, noted)
        if await self._present(aside):  # nothing else names the folder where they stay if the lock's is in the way
            await insist(lambda: aside.note_move(aside.name), self.clock)
        return await self.settle(await self._enter(aside, lock))

    async def discard(self, build: Database) -> None:
        """Turn to trash a build that bears the lock; the database service looks once more that it was never in service."""
        name = await self.new_trash(names.parse(build.name).target)
        await self._send_rename(build.name, name, lambda: build.discard(name))

    async def give_up(self, name: str, trash: str) -> None:
        """Turn to trash, through the lock, a database in which nothing runs, since its initialisation never ended."""
        lock = names.switching(names.parse(name).target)
        if name != lock:
            await self._send_rename(name, lock, lambda: self.host.rename(name, lock))
        await self._send_rename(lock, trash, lambda: self.host.end_half_made(lock, trash))

    async def new_trash(self, target: str) -> str:
        """Make up a trash name that is not taken: what was replaced and the build that came too late may be of one second."""
        return await self.new_kept(names.trash, target)

    async def new_kept(self, name_at: Callable[[str, datetime], str], target: str) -> str:
        """Make up a name with a time that is not taken."""
        listed, moment = await insist(self.host.listed, self.clock), self.clock.now()
        while (name := name_at(target, moment)) in listed:
            moment += timedelta(seconds=1)
        return name

    async def _given_up(self, held: Database, why: HostError) -> BuildLost:
        await self.discard(held)
        return BuildLost(f"{why.what}; it was never in service and is kept as trash", **self._at(held.name))

    async def open(self, name: str) -> Database:
        """Open the database under a name, whatever generation its password is of."""
        return (await self.account.require(name, "its admin account refuses the declared password"))[0]

    # -- the two legs ----------------------------------------------------------------------------------------------

    async def _enter(self, database: Database, lock: str) -> Database:
        """Take the lock. Where the files do not come along, another folder of that name is in the way, or the host died."""
        before = await insist(lambda: database.file_sizes(newest=SAMPLE), self.clock)
        held = await self._walk(database, lock)
        if not await self._lost(held, before):
            return held
        there = await self._present(held)
        database = await self._walk(held, database.name)
        here = await self._present(database)
        if there - here:
            return await self._join(await self._out_of_reach(database), lock)
        held = await self._walk(database, lock)
        if not await self._lost(held, before):
            return held
        return await self._leave_folder_behind(await self._walk(held, database.name), lock)

    async def _into_service(
        self, held: Database, final: str, at_lock: AtLock | None = None, *, replaced: bool = False
    ) -> Database:
        """Go from the lock to where the database rests; from before the rename on it counts as having been in service.

        What was done at the lock is done once more there: somebody else may have done the opposite in between.
        """
        if self.account.spec.kind != "template":  # it serves nobody, and its clones would bear the note
            await insist(held.note_in_service, self.clock)
        before = await insist(lambda: held.file_sizes(newest=SAMPLE), self.clock)
        if at_lock is not None:  # after the note: what was never in service was never awake
            await at_lock(held)
        if names.parse(final).state is NameState.TRASH:
            await insist(lambda: held.note_ended(final, replaced=replaced), self.clock)
        return await self._come_to_rest(held, final, before, at_lock)

    async def _come_to_rest(self, held: Database, final: str, before: Sizes, at_lock: AtLock | None) -> Database:
        resting = await self._walk(held, final)
        if await self._lost(resting, before):
            resting = await self._walk(await self._gather(resting), final)
            await self._require_whole(resting, before)
        if at_lock is not None:
            await at_lock(resting)
        await insist(lambda: resting.note_move(""), self.clock)
        return resting

    async def _gather(self, resting: Database) -> Database:
        """Take a database whose files wait under the lock back there, with what people have stored since.

        That is brought along from a name that nobody can reach, so that nothing is stored meanwhile.
        """
        lock = names.switching(names.parse(resting.name).target)
        await insist(lambda: resting.note_move(lock), self.clock)  # the note may be of an earlier part of the way
        return await self._join(await self._out_of_reach(resting), lock)

    # -- files in two folders --------------------------------------------------------------------------------------

    async def _out_of_reach(self, database: Database) -> Database:
        """Set a database aside, under a name that nobody used: the folder of its present name goes with it."""
        if names.parse(database.name).state is NameState.ASIDE:
            return database
        before = await insist(lambda: database.file_sizes(newest=SAMPLE), self.clock)
        aside = await self._walk(database, self._aside(database.name))
        await self._require_whole(aside, before)  # the note still names where they are; from here on it may name this
        return aside

    async def _join(self, aside: Database, lock: str) -> Database:
        """Go from a name out of reach to the lock, where other files wait, and store there what is only here."""
        await insist(lambda: aside.note_move(aside.name), self.clock)
        here = await self._present(aside)
        held = await self._walk(aside, lock)
        left = sorted(here - await self._present(held))
        while left:
            batch, left = left[:CARRIED_AT_ONCE], left[CARRIED_AT_ONCE:]
            aside = await self._walk(held, aside.name)
            files = await insist(functools.partial(aside.read_files, batch), self.clock)
            held = await self._walk(aside, lock)
            await insist(functools.partial(held.write_files, files), self.clock)
        return held

    async def _leave_folder_behind(self, database: Database, lock: str) -> Database:
        """Get past a stale folder of the lock's name: carry it off under a name that nobody used, then bear the lock again.

        The files wait meanwhile under another such name, so that the database is in nobody's reach and not droppable.
        """
        waiting = await self._out_of_reach(database)
        await insist(lambda: waiting.note_move(waiting.name), self.clock)
        before = await insist(lambda: waiting.file_sizes(newest=SAMPLE), self.clock)
        held = await self._walk(waiting, lock)
        if not await self._lost(held, before):
            return held  # there is none: the host died twice. Under another name the note would not name where they are
        away = await self._walk(held, self._aside(lock))
        held = await self._walk(await self._walk(away, waiting.name), lock)
        await self._require_whole(held, before)
        return held

    async def _present(self, database: Database) -> set[str]:
        sizes = await insist(database.file_sizes, self.clock)
        return {key for key, size in sizes.items() if size}

    async def _retreat(self, database: Database, origin: str) -> None:
        """Go back to where it rested if the lock was borne in vain."""
        if names.parse(origin).state in (*names.IN_SERVICE, NameState.MOVED):
            before = await insist(lambda: database.file_sizes(newest=SAMPLE), self.clock)
            back = await self._walk(database, origin)
            await self._require_whole(back, before)
            await insist(lambda: back.note_move(""), self.clock)

    async def _walk(self, database: Database, goal: str) -> Database:
        """Rename, by the way that the law allows to a name where the database was before."""
        target = names.parse(goal).target
        if names.parse(goal).state in names.IN_SERVICE and names.parse(database.name).target != target:
            database = await self._walk(database, names.switching(target))
        old = database.name
        if names.parse(goal).state is NameState.TRASH:
            await self._send_rename(old, goal, lambda: database.end(goal))
        elif names.parse(goal).state is NameState.MOVED:
            await self._send_rename(old, goal, lambda: database.leave(goal))
        elif names.parse(old).state in names.KEPT:
            await self._send_rename(old, goal, lambda: database.bring_back(goal))
        else:
            await self._send_rename(old, goal, lambda: self.host.rename(old, goal))
        return database.renamed(goal)

    def _left_by_an_earlier_version(self, name: str, folder: str) -> ProofFailed:
        return ProofFailed(
            "its files were left behind by a rename of odoo-fleet 0.1",
            advice=f"move what filestore/{folder} holds on the host into filestore/{name}, without overwriting anything",
            **self._at(name),
        )

    # -- proofs ----------------------------------------------------------------------------------------------------

    async def _lost(self, database: Database, before: Sizes) -> bool:
        """Tell whether files that were there are not: what people stored or deleted meanwhile is no sign of that."""
        after = await insist(lambda: database.file_sizes(ids=list(before)), self.clock)
        return any(size and key in after and not after[key] for key, size in before.items())

    async def _require_whole(self, database: Database, before: Sizes) -> None:
        if await self._lost(database, before):
            raise self._left_behind(database)

    def _left_behind(self, database: Database) -> ProofFailed:
        return ProofFailed(
            "its files did not come along",
            advice=f"look for them in the host's filestore, and move them to filestore/{database.name}",
            **self._at(database.name),
        )

    async def _require_free(self, name: str, goal: str) -> None:
        """Find out before a database leaves its place that another bears a form of the name that it is to bear."""
        for form in names.fixed_forms(names.parse(goal).target):
            if form != name and await self.host.exists(form):
                raise DatabaseExists("the name is taken", advice="rename one of the two databases", **self._at(form))

    async def _require_alone(self, held: Database, former: str | None = None) -> None:
        """Make sure, while bearing the lock, that no other form of the name exists, nor of the former one, listed or not."""
        others = await insist(lambda: other_forms(self.host, held.name, former), self.clock)
        if others:
            raise DatabaseExists(f"{' and '.join(others)} is there as well", **self._at(held.name))

    async def _require_the_only_one(self, held: Database) -> None:
        await self._require_alone(held, self.former)
        await self.elsewhere.require_none()

    def _aside(self, name: str) -> str:
        return names.aside(names.parse(name).target, self.clock.now(), self.nonces.token(names.NONCE_LENGTH))

    async def _send_rename(self, old: str, new: str, send: Callable[[], Awaitable[None]]) -> None:
        """Send once; believe the list, not the answer."""
        try:
            await send()
        except UnknownOutcome as lost:
            await self._await_name(old, new, lost)
            return
        listed = await insist(self.host.listed, self.clock)
        if new not in listed or old in listed:
            raise ProofFailed(f"the host says that it renamed {old} to {new}, its list does not", **self._at(old))

    async def _await_name(self, old: str, new: str, lost: HostError) -> None:
        for _ in range(_LOOKS):
            await self.clock.sleep(_BETWEEN_LOOKS)
            try:
                listed = await self.host.listed()
            except PassingError:
                continue
            if new in listed and old not in listed:
                return
            if new not in listed and old not in listed:
                raise NoSuchDatabase(f"neither {old} nor {new} is listed", **self._at(old))
        raise UnknownOutcome(f"whether {old} was renamed to {new}: {lost.what}", **self._at(old))

    def _at(self, database: str) -> dict[str, str]:
        return {"server": self.host.server, "database": database}


async def wake(database: Database) -> None:
    """Let a new database's scheduled actions go, as the last step before it is published."""
    await database.wake()
