"""What hosts answered: facts, no intent. Made by `odoo.observe`, read by the diff and by reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from reconciler.core.model import names
from reconciler.core.model.addressed import Addressed
from reconciler.core.model.module_versions import Behind, UpgradeNote
from reconciler.core.model.names import DatabaseName, NameState

MARK_PREFIX = "odoo_fleet."
"""Our rows in a database's `ir.config_parameter` begin with this."""

DIGEST_CLEARED = "pending"
"""What the mark's digest holds while a change is under way; an empty text could be dropped by Odoo."""

MOVE_ROWS = ("leaving", "moved", "moved_to", "moved_from")
"""Notes of a move between servers, in the mark of what is there and of what is built elsewhere."""

_ALWAYS_WRITTEN = frozenset({"fleet", "kind", "code", "name", "uuid", "template", "version", "digest"})
"""Rows of the mark that stand there when they are empty too."""

_WORDS: Mapping[bool | None, str] = {True: "yes", False: "no"}
_NOBODY = "-"
NEUTRALIZED = "database.is_neutralized"
"""The parameter by which Odoo says, from 16.0 on, that a database was neutralized."""

NOTED_MODULES = MARK_PREFIX + "pending_modules"
"""The parameter that names the modules of an install of ours from before it is pressed until it is proven."""

NOTED_UPGRADE = MARK_PREFIX + "upgrading"
"""The parameter that tells of an upgrade of ours, from before it is begun until it is proven."""

UPGRADED = MARK_PREFIX + "upgraded"
"""The parameter that tells of the last upgrade of ours that was proven."""

NOTED_REMOVAL = MARK_PREFIX + "uninstalling"
"""The parameter that tells of an uninstall of ours, from before it is begun until it is proven."""

HELD_MAIL_SERVERS = MARK_PREFIX + "quiesced_mail_servers"
"""The parameter that keeps the ids of mail servers that a restore switched off, until the database goes into service."""

ASLEEP = MARK_PREFIX + "asleep"
"""The parameter that says that no scheduled action can be switched on, until the database is proven neutralized once more."""

RESTORED_FROM = MARK_PREFIX + "restored_from"
SUPPORT = MARK_PREFIX + "support"
"""The parameter that says of what a database was restored, and when; see `copies.noted`."""

MADE_OF = MARK_PREFIX + "made_of"
"""The parameter of the mark that was written last when a template was built: what is younger in it, somebody else has changed."""

REBUILDING = MARK_PREFIX + "rebuilding"
"""The parameter of a template that says why no new version of it took its place; see `template_versions.Rebuilding`."""

SERVER_ACTION_PREFIX = "odoo-fleet: "
"""The names of server actions that this tool makes, each for one run, begin with this."""


@dataclass(frozen=True, slots=True)
class Mark(Addressed):
    """The ownership mark in a database (`ir.config_parameter` rows): whose it is and what was applied to it.

    `digest` is empty while a change is under way. `uuid` differs from the database's own in a copy, which is how a
    copy is told from the original. `moving_from` is the name before a move whose proof is still to come. `in_service`
    tells whether the database was ever published or suspended; None where nothing is written about it (0.1.0 wrote nothing).
    `owner` is the login of the owner that it was built for or adopted for, None where nothing is written about that; `modules`
    are those that the text asked for when it was applied last. `ended` is the trash name that it was given when its text
    ended it: under this very name, and no other, it may be dropped. `replaced` is the same name where another database took its
    place: it is not what its text wants back. `leaving` names the build on another server into which it was packed, until it is
    in service again; `moved` is the name that it stays behind under, and `moved_to` the server where it goes on. The build says
    `moved_from` which server it comes from. `protected` says whether its document has
    `deletion_protection`, which holds when that is removed; None where nothing is written about it. `made_of` is the version of
    the template that this fleet built it as, or cloned it from (`template_versions.version`); empty where that is not known.
    """

    fleet: str
    kind: str
    code: str
    name: str
    uuid: str
    template: str = ""
    version: str = ""
    digest: str = ""
    moving_from: str = ""
    in_service: bool | None = None
    owner: str | None = None
    modules: tuple[str, ...] | None = None
    ended: str = ""
    replaced: str = ""
    protected: bool | None = None
    leaving: str = ""
    moved: str = ""
    moved_to: str = ""
    moved_from: str = ""
    made_of: str = ""


def mark_of(parameters: Mapping[str, str]) -> Mark | None:
    """Read the ownership mark from a database's parameters; None where there is none."""
    rows = {k.removeprefix(MARK_PREFIX): v for k, v in parameters.items() if k.startswith(MARK_PREFIX)}
    if not rows.get("fleet"):
        return None
    said = {word: meant for meant, word in _WORDS.items()}
    read: dict[str, Any] = {each.name: rows.get(each.name, "") for each in fields(Mark)}
    read["digest"] = "" if read["digest"] == DIGEST_CLEARED else read["digest"]
    read["in_service"], read["protected"] = said.get(read["in_service"]), said.get(read["protected"])
    read["owner"] = rows["owner"].removeprefix(_NOBODY) if "owner" in rows else None
    read["modules"] = tuple(rows["modules"].removeprefix(_NOBODY).split()) if "modules" in rows else None
    return Mark(**read)


def rows_of(mark: Mark) -> dict[str, str]:
    """Write the ownership mark as parameters: what `mark_of` reads, without the rows of which nothing is known."""
    rows: dict[str, str] = {each.name: getattr(mark, each.name) for each in fields(Mark)} | {
        "digest": mark.digest or DIGEST_CLEARED,
        "in_service": _WORDS.get(mark.in_service, ""),
        "protected": _WORDS.get(mark.protected, ""),
        "owner": "" if mark.owner is None else mark.owner or _NOBODY,
        "modules": "" if mark.modules is None else " ".join(mark.modules) or _NOBODY,
    }
    return {MARK_PREFIX + name: row for name, row in rows.items() if row or name in _ALWAYS_WRITTEN}


IN_SERVICE_ROW = {f"{MARK_PREFIX}in_service": _WORDS[True]}
"""What is noted in a database from the moment on in which it may be a customer's."""


Files = Mapping[str, Mapping[str, object]]
"""Contents of attached files, by attachment and content, with what is written to store them again."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a database says of itself by SQL: the bytes that it takes with its files, rows by table, active rows by table.

    `users` are the active internal ones but the admin account, which is the operator's.
    """

    bytes: int
    users: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    active: Mapping[str, int] = field(default_factory=dict)


class Access(StrEnum):
    """How a database answered to the account that the fleet declares."""

    CURRENT = "current"  # the declared password
    FORMER = "former"  # one of an earlier generation or key: a declared rotation is due
    GIVEN = "given"  # what `adopt` says
    REFUSED = "refused"
    HALF_MADE = "half-made"  # its initialisation never ended, so that it has no accounts
    FAILED = "failed"  # the look itself failed: `problem` says why


@dataclass(frozen=True, slots=True)
class DatabaseLook:
    """A deep look at one database. All but `access` and `problem` are empty unless the login succeeded."""

    database: str
    access: Access
    problem: str = ""
    login: str = ""
    mark: Mark | None = None
    uuid: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)  # all that there are; empty where nothing is set
    languages: frozenset[str] = frozenset()
    modules: Mapping[str, str] = field(default_factory=dict)
    modules_changed: datetime | None = None  # read only while one of them is `to …`
    noted_modules: tuple[str, ...] = ()  # of an install of this fleet's that has not ended
    behind: tuple[Behind, ...] = ()  # modules of which the host's code is newer
    unknown: tuple[str, ...] = ()  # modules that the text wants absent, of which the database knows none by that name
    broken: str = ""  # how newer code has broken it: its settings could not be read then, and are empty
    upgrading: UpgradeNote | None = None  # an upgrade of this fleet's that is not proven
    upgraded: UpgradeNote | None = None  # the last one that is
    removing: UpgradeNote | None = None  # an uninstall of this fleet's that is not proven
    dependants: Mapping[str, str] | None = None  # see `Database.dependants`; read where modules are to be uninstalled
    declared_password: str = ""  # where that comes from, in words, where it was refused
    server_actions: int = 0  # of this tool, left by a run cut short
    parameters: Mapping[str, str] = field(default_factory=dict)
    active_crons: tuple[int, ...] = ()
    quiesced_crons: tuple[int, ...] | None = None
    asleep: bool = False  # nothing scheduled can be switched on, until it is proven neutralized once more
    missing_files: int = 0
    restored_from: str = ""  # what was restored there and when, as was noted then; empty for what was not
    support: tuple[str, ...] = ()  # accounts that let the operator in and are open, see `core.diffs.support.accounts`
    is_admin: bool = True  # it was opened as base.user_admin itself
    second_factor: bool = False  # that account logs in with a second factor, so that a password alone is refused
    rebuilding: str = ""  # of a template: why no new version of it took its place
    versions: Mapping[str, tuple[str, str]] | None = (
        None  # see `Database.module_versions`; read where a move hangs on it
    )

    @property
    def opened(self) -> bool:
        """Tell whether the login succeeded, so that the rest was read."""
        return self.access in (Access.CURRENT, Access.FORMER, Access.GIVEN)

    @property
    def is_unused_build(self) -> bool:
        """Tell whether this is proven to be a build that was never in service, so that nothing of a customer's is in it."""
        return self.opened and self.mark is not None and self.is_whole_copy_of_itself and self.mark.in_service is False

    @property
    def is_whole_copy_of_itself(self) -> bool:
        """Tell whether the mark was written in this very database, not in the one that it was copied from."""
        return self.mark is not None and self.mark.uuid == self.uuid


@dataclass(frozen=True, slots=True)
class Survey:
    """What an import writes down of a database beside a look at it.

    Args:
        needs: what each installed module depends on.
        by_itself: modules that Odoo installs once all that they depend on is there.
        people: name and login of the active internal users but the admin account, the oldest first.
    """

    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    by_itself: frozenset[str] = frozenset()
    people: tuple[tuple[str, str], ...] = ()

    def brought_by(self, modules: Iterable[str]) -> frozenset[str]:
        """Return these modules and all that they bring, as far as it is installed."""
        found: set[str] = set()
        waiting = [name for name in modules if name in self.needs]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.needs[name] & self.needs.keys()
                waiting += (m for m in self.by_itself & self.needs.keys() if self.needs[m] <= found)
        return frozenset(found)

    def chosen(self) -> tuple[str, ...]:
        """Return the installed modules that no other one has brought."""
        needed = frozenset(name for needs in self.needs.values() for name in needs)
        came = {m for m in self.by_itself & self.needs.keys() if self.needs[m] and self.needs[m] <= self.needs.keys()}
        return tuple(sorted(self.needs.keys() - needed - came))


@dataclass(frozen=True, slots=True)
class BackupSeen:
    """The newest backup of a document, as the catalogues of its fleet say it; `problem` says why they could not be read.

    `id` is empty where there is none; `modules` are those in it, with their versions; `uuid` had the database that it is of.
    """

    id: str = ""
    target: str = ""
    taken_at: datetime | None = None
    odoo: str = ""
    modules: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    uuid: str = ""


@dataclass(frozen=True)  # without slots: its names are sorted once, however many documents look for theirs
class ObservedHost:
    """One server's answers in this pass: the shallow look always, deep looks by database name where they were made.

    `clock` is the time of day as the host says it, None where it does not say. `code` tells the versions of the code of its
    modules from others, as one of its databases says them, and names that; empty where it was not asked for. `backups` has, by
    code, the newest ones of instances of which copies may be made there.
    """

    server: str
    online: bool
    problem: str = ""
    version: str = ""
    databases: tuple[DatabaseName, ...] = ()
    looks: Mapping[str, DatabaseLook] = field(default_factory=dict)
    seconds: float = 0.0
    clock: datetime | None = None
    code: str = ""
    backups: Mapping[str, BackupSeen] = field(default_factory=dict)

    def lists(self, name: str) -> bool:
        """Tell whether the host lists a database of exactly this name."""
        return name in self._listed

    def forms_of(self, target: str) -> tuple[DatabaseName, ...]:
        """Return the names under which the host holds `target` in service or on its way: not builds, not trash."""
        return self._forms.get(target, ())

    @cached_property
    def _listed(self) -> frozenset[str]:
        return frozenset(name.text for name in self.databases)

    @cached_property
    def _forms(self) -> Mapping[str, tuple[DatabaseName, ...]]:
        forms: defaultdict[str, list[DatabaseName]] = defaultdict(list)
        for name in self.databases:
            if name.state in names.FORMS:
                forms[name.target].append(name)
        return {target: tuple(found) for target, found in forms.items()}

    @property
    def targets(self) -> Iterable[str]:
        """All declared names of which the host holds a form, each once."""
        return self._forms.keys()


def host(
    server: str, listed: tuple[str, ...], *, version: str, seconds: float = 0.0, clock: datetime | None = None
) -> ObservedHost:
    """Make the observation of a host that answered: its names are read once, here."""
    databases = tuple(names.parse(n) for n in sorted(listed))
    return ObservedHost(server, online=True, version=version, databases=databases, seconds=seconds, clock=clock)


@dataclass(frozen=True)  # without slots: who holds what is sorted once
class Observed:
    """All hosts of a pass, by server code. A server that was not asked (draft, not selected) is not in it."""

    hosts: Mapping[str, ObservedHost]

    def holding(self, target: str) -> Sequence[ObservedHost]:
        """Return the hosts online that hold a form of `target`, by server code."""
        return self._holders.get(target, ())

    @cached_property
    def switching(self) -> Sequence[tuple[ObservedHost, DatabaseName]]:
        """All names between two names, with the hosts that list them."""
        listed = ((host, name) for host in self.hosts.values() for name in host.databases)
        return tuple((host, name) for host, name in listed if name.state in names.ON_ITS_WAY)

    def unseen(self, servers: Iterable[str]) -> dict[str, str]:
        """Say why nothing is known of each of these servers of which nothing is."""
        found = {code: self.hosts.get(code) for code in servers}
        return {
            code: "it was not asked" if host is None else host.problem
            for code, host in found.items()
            if host is None or not host.online
        }

    def named(self, state: NameState, target: str) -> Sequence[tuple[ObservedHost, DatabaseName]]:
        """Return the names of `target` that are in a state, with the hosts that list them."""
        return self._named.get((state, target), ())

    @cached_property
    def _named(self) -> Mapping[tuple[NameState, str], Sequence[tuple[ObservedHost, DatabaseName]]]:
        found: defaultdict[tuple[NameState, str], list[tuple[ObservedHost, DatabaseName]]] = defaultdict(list)
        for host in self.hosts.values():
            for name in host.databases:
                found[name.state, name.target].append((host, name))
        return dict(found)

    @cached_property
    def _holders(self) -> Mapping[str, Sequence[ObservedHost]]:
        holders: defaultdict[str, list[ObservedHost]] = defaultdict(list)
        for _, host in sorted(self.hosts.items(), key=lambda item: item[0]):
            for target in host.targets if host.online else ():
                holders[target].append(host)
        return dict(holders)
