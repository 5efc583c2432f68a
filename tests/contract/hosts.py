"""The hosts that the contract is asserted of, each brought to the same beginning.

A host comes with two databases made once: `created`, as `create_database` left it, and `base`, a clone of it whose
scheduled actions are off, so that nothing runs behind a test's back. Tests work on clones of `base`, under names that
no test has used before: a host remembers databases by name.
"""

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from tests.contract.wire import Account, Wire

CREATED_PASSWORD = "as-it-was-created"
_NO_DEMO = False


class Ground(Protocol):
    """What can be done to a host past its doors."""

    def make_stale_filestore(self, database: str) -> None:
        """Leave a folder of files under a name that no database bears."""

    def make_foreign_database(self, database: str) -> None:
        """Make a database that belongs to another host's role."""

    def give_second_factor(self, database: str) -> None:
        """Have its admin account log in with a second factor."""

    def give_key(self, database: str, key: str) -> None:
        """Give its admin account an API key."""

    def drop(self, database: str) -> None:
        """Remove the database and its files, if there are any."""

    def deploy_field(self, module: str, version: str, column: str = "", failure: str = "") -> None:
        """Let it run code of a module of this version, which has a column, and a script that fails with these words."""

    def remove_module(self, module: str) -> None:
        """Take the code of a module from its disk."""

    def kill(self) -> None:
        """End the host in the middle of whatever it does."""

    def start(self) -> None:
        """Let it serve again."""


@dataclass
class ContractHost:
    """A host under test."""

    name: str
    version: str
    wire: Wire
    ground: Ground
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _names: list[str] = field(default_factory=list)

    @cached_property
    def created(self) -> Account:
        """The database as it was created, with everything in it that a create brings."""
        name = f"created{next(self._numbers)}"
        self.create(name, CREATED_PASSWORD, "be", "+32 1")
        return Account(self.wire, name, CREATED_PASSWORD)

    def create(self, name: str, password: str, *country_and_phone: str) -> object:
        """What the host answers to a create without demonstration data."""
        words = [name, _NO_DEMO, "en_US", password, "admin", *country_and_phone]
        return self.wire.manage("create_database", *words)

    @cached_property
    def base(self) -> Account:
        """A clone of it in which nothing is due."""
        name = f"base{next(self._numbers)}"
        self.wire.manage("duplicate_database", self.created.database, name)
        base = self.created.renamed(name)
        quiesce(base)
        return base

    def begin_anew(self) -> None:
        """Make both again when they are gone: other tests share the host, and may have emptied it."""
        made = {key: account for key in ("created", "base") if (account := self.__dict__.get(key))}
        if not {account.database for account in made.values()} <= set(self.names()):
            for key in made:
                del self.__dict__[key]

    def fresh_name(self, stem: str = "db") -> str:
        """A name that no database of this host has ever borne; what comes to bear it is removed after the test."""
        name = f"{stem}{next(self._numbers)}"
        self._names.append(name)
        return name

    def clone(self, source: Account | None = None, name: str | None = None) -> Account:
        """A clone of the database, by default of `base`, under a fresh name."""
        source = source or self.base
        name = name or self.fresh_name()
        assert self.wire.manage("duplicate_database", source.database, name) is True
        return source.renamed(name)

    def names(self) -> list[str]:
        """The databases that the host lists."""
        listed: list[str] = self.wire.call("db", "list")
        return listed

    def forget_fresh_names(self) -> None:
        """Remove what the test has made."""
        while self._names:
            self.ground.drop(self._names.pop())


def quiesce(account: Account) -> list[int]:
    """Switch off the scheduled actions that are on; gives their ids. (14 fails on a write to none.)"""
    active: list[int] = account.call("ir.cron", "search", [])
    if active:
        account.call("ir.cron", "write", active, {"active": False})
    return active
