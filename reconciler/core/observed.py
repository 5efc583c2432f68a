"""What hosts answered: facts, no intent. Made by `odoo.observe`, read by the diff and by reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from reconciler.core import names
from reconciler.core.names import DatabaseName, NameState

MARK_PREFIX = "odoo_fleet."
"""Our rows in a database's `ir.config_parameter` begin with this."""

NOTED_MODULES = MARK_PREFIX + "pending_modules"
"""The parameter that names the modules of an install of ours from before it is pressed until it is proven."""

SERVER_ACTION_PREFIX = "odoo-fleet: "
"""The names of server actions that this tool makes, each for one run, begin with this."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The ownership mark in a database (`ir.config_parameter` rows): whose it is and what was applied to it.

    `digest` is empty while a change is under way. `uuid` differs from the database's own in a copy, which is how a
    copy is told from the original. `moving_from` is the name before a rename whose proof is still to come.
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


class Access(StrEnum):
    """How a database answered to the account that the fleet declares."""

    CURRENT = "current"  # the declared password
    FORMER = "former"  # one of an earlier generation or key: a declared rotation is due
    REFUSED = "refused"
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
    company: str = ""
    country_code: str = ""
    lang: str = ""
    timezone: str = ""
    languages: frozenset[str] = frozenset()
    modules: Mapping[str, str] = field(default_factory=dict)
    modules_changed: datetime | None = None  # read only while one of them is `to …`
    noted_modules: tuple[str, ...] = ()  # of an install of this fleet's that has not ended
    server_actions: int = 0  # of this tool, left by a run cut short
    parameters: Mapping[str, str] = field(default_factory=dict)
    active_crons: tuple[int, ...] = ()
    quiesced_crons: tuple[int, ...] | None = None
    missing_files: int = 0

    @property
    def is_whole_copy_of_itself(self) -> bool:
        """Tell whether the mark was written in this very database, not in the one that it was copied from."""
        return self.mark is not None and self.mark.uuid == self.uuid


@dataclass(frozen=True)  # without slots: its names are sorted once, however many documents look for theirs
class ObservedHost:
    """One server's answers in this pass: the shallow look always, deep looks by database name where they were made."""

    server: str
    online: bool
    problem: str = ""
    version: str = ""
    databases: tuple[DatabaseName, ...] = ()
    looks: Mapping[str, DatabaseLook] = field(default_factory=dict)
    seconds: float = 0.0

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
        kept = (NameState.PUBLISHED, NameState.SUSPENDED, NameState.SWITCHING)
        forms: defaultdict[str, list[DatabaseName]] = defaultdict(list)
        for name in self.databases:
            if name.state in kept:
                forms[name.target].append(name)
        return {target: tuple(found) for target, found in forms.items()}

    @property
    def targets(self) -> Iterable[str]:
        """All declared names of which the host holds a form, each once."""
        return self._forms.keys()


def host(server: str, listed: tuple[str, ...], *, version: str, seconds: float = 0.0) -> ObservedHost:
    """Make the observation of a host that answered: its names are read once, here."""
    return ObservedHost(
        server, online=True, version=version, databases=tuple(names.parse(n) for n in sorted(listed)), seconds=seconds
    )


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
        return tuple((host, name) for host, name in listed if name.state is NameState.SWITCHING)

    @cached_property
    def _holders(self) -> Mapping[str, Sequence[ObservedHost]]:
        holders: defaultdict[str, list[ObservedHost]] = defaultdict(list)
        for _, host in sorted(self.hosts.items(), key=lambda item: item[0]):
            for target in host.targets if host.online else ():
                holders[target].append(host)
        return dict(holders)
