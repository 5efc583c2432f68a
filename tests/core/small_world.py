"""The small world that is explored to the end: a few databases on a host or two, what their marks say, and what is remembered.

All of it is a value. What a database was in truth (`served`) is kept beside what its mark says, and nothing but the checks
reads it. Left out: other databases, accounts of customers, modules, schedules, and hosts that do not answer.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from datetime import timedelta
from typing import NamedTuple

from reconciler.core.model import names
from reconciler.core.model.failures import DatabaseExists, NoSuchDatabase, PasswordRefused, Refused
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import Mark
from reconciler.core.policies import claims
from tests.core.scenes import NOW

TEMPLATE = "template_base"
TEMPLATE_UUID = "the template's"
BUILD_LIMIT = timedelta(hours=2)
LATER = timedelta(hours=3)
MOST_TRASH = 2
NOBODY = 99
"""The number of what is gone, in whose folders nobody looks any more."""
BUILD, BUILD_LATER = (f"building-{t:%y%m%d%H%M%S}" for t in (NOW, NOW - LATER))
KEPT = timedelta(days=30)
TRASH, TRASH_LATER = (f"trash-{t:%y%m%d%H%M%S}" for t in (NOW, NOW - KEPT - LATER))


class Db(NamedTuple):
    """One database: the name it bears, what is in it, and whether it was ever in service in truth."""

    server: str
    name: str
    number: int
    password: str
    settings: str = ""
    code: str = ""  # of its own mark; without one it bears its template's
    digest: str = ""
    moving_from: str = ""
    in_service: bool | None = False
    owner: str = "?"
    served: bool = False
    ended: str = ""

    @property
    def uuid(self) -> str:
        return f"uuid {self.number}"

    @property
    def state(self) -> NameState:
        return names.parse(self.name).state

    @property
    def target(self) -> str:
        return names.parse(self.name).target

    def mark(self, template: Mark) -> Mark:
        """Return what stands in it: its own mark, or the one that it was cloned with."""
        if not self.code:
            return template
        return Mark(
            "demo",
            "instance",
            self.code,
            self.code,
            self.uuid,
            "base",
            "19.0",
            self.digest,
            self.moving_from,
            self.in_service,
            None if self.owner == "?" else self.owner,
            ended=self.ended,
        )


class Known(NamedTuple):
    """What is remembered of one document's database."""

    code: str
    server: str
    target: str
    digest: str


class World(NamedTuple):
    """Hosts and memory. `folders` says whose files lie under which name; `torn` and `lies` count the faults so far.

    `prunes` is remembered too: that the last text said `prune: true`.
    """

    dbs: frozenset[Db] = frozenset()
    folders: frozenset[tuple[str, str, int]] = frozenset()
    trash: frozenset[tuple[str, str]] = frozenset()
    known: frozenset[Known] = frozenset()
    listed: frozenset[tuple[str, str]] = frozenset()
    prunes: bool = False
    torn: int = 0
    lies: int = 0

    def at(self, server: str, name: str) -> Db | None:
        return next((d for d in self.dbs if d.name == name and d.server == server), None)

    def has_files(self, db: Db) -> bool:
        return (db.server, db.name, db.number) in self.folders

    def put(self, old: Db | None, new: Db | None) -> World:
        gone, come = frozenset([old] if old else []), frozenset([new] if new else [])
        return self._replace(dbs=(self.dbs - gone) | come)

    def tokens(self) -> str:
        """Return all names in one text, to choose a nonce that none of them has."""
        return " ".join([*(f"{d.name} {d.moving_from}" for d in self.dbs), *(f for _, f, _ in self.folders)])


def cloned(world: World, server: str, name: str, password: str) -> World:
    if world.at(server, name):
        raise DatabaseExists("the name is taken", server=server, database=name)
    used = {d.number for d in world.dbs} | {n for _, _, n in world.folders}
    number = next(n for n in range(100) if n not in used)
    return world.put(None, Db(server, name, number, password))._replace(
        folders=world.folders | {(server, name, number)}
    )


def renamed(world: World, server: str, old: str, new: str, *, torn: bool = False) -> World:
    """Rename what the law of names lets be renamed, whatever is in it."""
    if forbidden := names.forbidden_rename(old, new):
        raise Refused(forbidden, server=server, database=old)
    return _move(world, server, old, new, torn=torn)


def ended(world: World, db: Db, new: str, *, torn: bool = False) -> World:
    """Turn to trash what is noted as ended under this very name."""
    if forbidden := names.forbidden_trash(db.name, new) or ("" if db.ended == new else "it is not noted in it"):
        raise Refused(forbidden, server=db.server, database=db.name)
    return _move(world, db.server, db.name, new, torn=torn)


def brought_back(world: World, db: Db, new: str, *, torn: bool = False) -> World:
    """Take out of the trash what is noted as ended under the name that it bears."""
    if forbidden := names.forbidden_return(db.name, new) or ("" if db.ended == db.name else "it is not noted in it"):
        raise Refused(forbidden, server=db.server, database=db.name)
    return _move(world, db.server, db.name, new, torn=torn)


def _move(world: World, server: str, old: str, new: str, *, torn: bool) -> World:
    """Move the database, then (if the host lives so long) its folder, unless the new name's folder is there."""
    db = world.at(server, old)
    if db is None:
        raise NoSuchDatabase(f"there is no {old}", server=server, database=old)
    if world.at(server, new):
        raise DatabaseExists("the name is taken", server=server, database=new)
    served = db.served or names.parse(new).state in names.IN_SERVICE
    world = world.put(db, db._replace(name=new, served=served))
    if torn:
        return world._replace(torn=world.torn + 1)
    return world._replace(folders=_moved(world.folders, server, old, new))


def _moved(
    folders: frozenset[tuple[str, str, int]], server: str, old: str, new: str
) -> frozenset[tuple[str, str, int]]:
    if any(f[:2] == (server, new) for f in folders):
        return folders
    return frozenset((s, new if (s, f) == (server, old) else f, n) for s, f, n in folders)


def discarded(world: World, db: Db, new: str) -> World:
    forbidden = names.forbidden_trash(db.name, new)
    if forbidden or not (db.code and claims.is_unused(db.uuid, db.mark(Mark("", "", "", "", "")))):
        raise Refused(forbidden or "it may have been in service", server=db.server, database=db.name)
    trash = (names.trash(db.target, NOW - timedelta(seconds=s)) for s in range(1, MOST_TRASH + 1))
    free = next(((db.server, t) for t in trash if (db.server, t) not in world.trash), None)
    more = {free} if free else set()
    return _dropped(world, db)._replace(trash=world.trash | more)


def expired_dropped(world: World, db: Db, template: Mark) -> World:
    refused = claims.why_kept(db.uuid, db.mark(template))
    if refused or not names.is_expired_build(names.parse(db.name), NOW, BUILD_LIMIT):
        raise Refused(refused or "it is not expired", server=db.server, database=db.name)
    return _dropped(world, db)


class LawBroken(AssertionError):
    """Something was done that may never be done."""


def trash_dropped(world: World, db: Db, wanted: Container[str]) -> World:
    """Drop what was ended, when its time is over, unless it may be what a document wants back."""
    refused = claims.why_trash_kept(db.uuid, db.mark(Mark("", "", "", "", "")), db.name, "demo", succeeded=False)
    if refused or not names.is_expired_trash(names.parse(db.name), NOW, KEPT) or db.target in wanted:
        raise Refused(refused or "it is not expired, or wanted back", server=db.server, database=db.name)
    return _dropped(world, db)


def _dropped(world: World, db: Db) -> World:
    if db.served and not (db.ended == db.name and db.name.startswith(TRASH_LATER)):
        raise LawBroken(f"{db.name} was in service and is dropped")
    return world.put(db, None)._replace(folders=frozenset(f for f in world.folders if f[:2] != (db.server, db.name)))


def own_build_dropped(world: World, server: str, name: str) -> World:
    db = world.at(server, name)
    if db is None:
        return world
    if db.state is not NameState.BUILDING:
        raise LawBroken(f"{name} is dropped")
    return _dropped(world, db)


def hours_later(world: World) -> World:
    """Let builds expire and trash become old: the same instant, with other times in the names."""
    return _aged(world, BUILD, BUILD_LATER)._replace(trash=frozenset())


def days_later(world: World) -> World:
    """Let what was ended be past its time as well."""
    return _aged(hours_later(world), TRASH, TRASH_LATER)


def _aged(world: World, mark: str, later: str) -> World:
    def put(text: str) -> str:
        return text.replace(mark, later)

    dbs = frozenset(d._replace(name=put(d.name), moving_from=put(d.moving_from), ended=put(d.ended)) for d in world.dbs)
    return world._replace(dbs=dbs, folders=frozenset((s, put(f), n) for s, f, n in world.folders))


def opened(world: World, server: str, name: str, password: str) -> Db:
    """Find the database of a handle: under the name that it had, with the password that it had."""
    db = world.at(server, name)
    if db is None:
        raise NoSuchDatabase(f"there is no {name}", server=server, database=name)
    if db.password != password:
        raise PasswordRefused("access denied", server=server, database=name)
    return db


def canonical(world: World) -> World:
    """Number the databases by what they are, and let folders of what is gone be nobody's."""
    world = _with_plain_nonces(world)
    order = sorted(
        world.dbs, key=lambda d: (d._replace(number=0, in_service=bool(d.in_service)), d.in_service is None, d.number)
    )
    numbers = {d.number: n for n, d in enumerate(order)}
    return world._replace(
        dbs=frozenset(d._replace(number=numbers[d.number]) for d in world.dbs),
        folders=frozenset((s, f, numbers.get(n, NOBODY)) for s, f, n in world.folders),
    )


def _with_plain_nonces(world: World) -> World:
    """Give the names that are made once the first free letters; where a note names what is gone, any will do."""
    order = sorted(
        world.dbs, key=lambda d: (_NONCE.sub("", d.name), _NONCE.sub("", d.moving_from), d.served, d.code, d.password)
    )
    texts = [*(d.name for d in order), *sorted((f for _, f, _ in world.folders))]
    there = dict.fromkeys(found for text in texts for found in _NONCE.findall(text))
    plain = {nonce: f"{letter}0001" for nonce, letter in zip(there, "abcdefgh", strict=False)}

    def put(text: str) -> str:
        return _NONCE.sub(lambda found: plain.get(found[0], "z0000"), text)

    dbs = []
    for db in world.dbs:
        found = _NONCE.search(db.moving_from)
        is_gone = found is not None and found[0] not in plain
        origin = db.moving_from.replace(BUILD_LATER, BUILD) if is_gone else db.moving_from
        dbs.append(db._replace(name=put(db.name), moving_from=put(origin)))
    return world._replace(dbs=frozenset(dbs), folders=frozenset((s, put(f), n) for s, f, n in world.folders))


_NONCE = re.compile(r"(?<=\d{12})[a-z]\d{4}(?=\.)")


def two_in_service(world: World) -> Iterable[str]:
    """Name the targets of which two databases that were in service bear a form."""
    served = [d.target for d in world.dbs if d.served and d.state in names.FORMS]
    return sorted({t for t in served if served.count(t) > 1})
