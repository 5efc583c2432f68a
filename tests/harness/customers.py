"""Customers at work: the one question that a fleet is judged by, asked at every durable step of every host.

Whoever reaches a published database writes numbered rows into it and uploads files. From then on no row may be lost, hidden
under another's name, or stand in two databases, and nothing that was ever in service may bear a name that is dropped in time,
unless a text that was in force ended it and that is noted in it; then it may be gone when the retention is over.
A database is told by the object that the simulated host keeps of it: renames keep it, copies do not. Nothing here looks at
what the tool believes.
"""

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.fleet.desired import Desired
from reconciler.simulator import SimulatedHost
from reconciler.simulator.databases import READY, SimulatedDatabase
from reconciler.simulator.seed import file_name

ROWS = "customer.order"
FILES = "ir.attachment"
REACHED_AS = (NameState.PUBLISHED, NameState.SUSPENDED)
"""A database that bore one of these names is its customer's own from then on."""
KEPT = timedelta(days=30)
"""`retention.trash_days` of a fleet that says nothing of it."""
NO_FORM = (NameState.BUILDING, NameState.TRASH, NameState.MOVED, NameState.UNKNOWN)
"""What bears one of these does not stand for its declared name; every other state, also one yet to be invented, is a form."""
BETWEEN_THE_HALVES = "rename.database"
"""A host moves the files right after the database, within the same call: nobody's upload gets in between."""


class Broken(AssertionError):
    """A promise does not hold."""


@dataclass
class Served:
    """A database that has been in service: whose it is, where it was last seen, and what its customer was told is saved."""

    database: SimulatedDatabase
    customer: str
    seen: str
    name: names.DatabaseName | None = None
    rows: set[int] = field(default_factory=set)
    files: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """A database as it stands on a host now."""

    host: str
    name: names.DatabaseName
    database: SimulatedDatabase

    @property
    def where(self) -> str:
        return f"{self.name.text} on {self.host}"


class Customers:
    """Everyone who works in a fleet's instances. `join` tells which names are customers'; `begin` lets them work."""

    def __init__(self, hosts: Mapping[str, SimulatedHost], *, seed: int = 0, often: float = 0.3) -> None:
        self.hosts = hosts
        self.broken: Broken | None = None
        self._often, self._chance = often, random.Random(seed)
        self._served: dict[int, Served] = {}  # by id(): the record keeps the object, so that no id comes twice
        self._same: dict[str, str] = {}
        self._over: set[str] = set()
        self._numbers = itertools.count(1)

    def leave(self, *names_: str) -> None:
        """Learn of whom the text that is in force has no document any more, so that `prune` ends them."""
        self._over |= {*names_}

    def join(self, *texts: Desired) -> None:
        """Learn the names of a text that is or was in force; a name and its `renamed_from` are one customer's."""
        for desired in texts:
            ended = [i for i in desired.instances.values() if i.state == "absent"]
            self._over |= {name for i in ended for name in (i.database_name, i.renamed_from) if name}
            for instance in desired.instances.values():
                name = instance.database_name
                self._same.setdefault(name, name)
                if instance.renamed_from:
                    self._same.setdefault(instance.renamed_from, instance.renamed_from)
                    self._unite(self.customer(name), self.customer(instance.renamed_from))

    def customer(self, name: str) -> str:
        """Say who is served under a name."""
        while self._same[name] != name:
            name = self._same[name]
        return name

    def _unite(self, one: str, other: str) -> None:
        self._same[one] = other
        for served in self._served.values():
            served.customer = self.customer(served.customer)

    def begin(self) -> None:
        """Have them work at every durable step of the hosts, and whenever a host comes up again."""
        for host in self.hosts.values():
            host.watchers.append(self)
            host.on_life = lambda alive: self.visit() if alive else None

    def __call__(self, step: str = "") -> None:
        """Look at what a step has made durable, then work."""
        try:
            self._look()
        except Broken as broken:
            # A host may swallow it, and so may whoever waits for its answer no longer: `sure` raises it again.
            self.broken = self.broken or broken
            raise
        self._work(step)

    def visit(self) -> None:
        """Work once, surely, outside of any step: in the time between two runs."""
        self("")

    def sure(self) -> None:
        """Raise the first promise that was broken since they began, or that is broken now."""
        if self.broken is not None:
            raise self.broken
        self()

    # -- looking -------------------------------------------------------------------------------------------------

    def _standing(self) -> Iterator[Standing]:
        for code, host in self.hosts.items():
            for text, database in host.databases.items():
                if not database.watched and (name := names.parse(text)).target in self._same:
                    yield Standing(code, name, database)
                elif id(database) in self._served:
                    raise Broken(f"{text} on {code} was in service, and no document's name is left of it")

    def _look(self) -> None:
        standing = list(self._standing())
        self._none_is_gone(standing)
        for one in standing:
            self._not_given_up(one)
            self._rows_are_its_own(one)
        for customer in {self.customer(s.name.target) for s in standing}:
            theirs = [s for s in standing if self.customer(s.name.target) == customer]
            self._one_form(theirs)
            self._answers_whole(customer, theirs)
        for one in standing:
            self._note(one)

    def _none_is_gone(self, standing: list[Standing]) -> None:
        there = {id(s.database) for s in standing}
        for key, served in list(self._served.items()):
            if key not in there and self._is_past_its_time(served):
                del self._served[key]  # and with it what its rows were demanded for
            elif key not in there:
                raise Broken(
                    f"the database last seen as {served.seen} was in service and is gone: {len(served.rows)} rows lost"
                )

    def _is_past_its_time(self, served: Served) -> bool:
        name = served.name
        if name is None or name.state not in names.KEPT or name.since is None:
            return False
        if name.state is NameState.MOVED and not self._goes_on(served):
            raise Broken(f"{served.seen} was dropped, and its customer is in service nowhere")
        now = min(host.now() for host in self.hosts.values())
        return now - name.since.timestamp() > KEPT.total_seconds()

    def _goes_on(self, moved: Served) -> bool:
        """Tell whether a customer who moved has another database in service."""
        served = (self._served.get(id(s.database)) for s in self._standing() if s.name.state in REACHED_AS)
        return any(other is not None and other.customer == moved.customer for other in served)

    def _is_packed(self, one: Standing) -> bool:
        """Tell whether a database was never in service and came over from another one, with its customer's rows."""
        return id(one.database) not in self._served and one.database.parameter("odoo_fleet.restored_from") is not None

    def _is_ended(self, one: Standing) -> bool:
        if one.name.state is NameState.MOVED:
            return one.database.parameter("odoo_fleet.moved") == one.name.text
        note = {"key": "odoo_fleet.ended", "value": one.name.text}
        noted = any(one.database.matching("ir.config_parameter", **note))
        return one.name.state is NameState.TRASH and one.name.target in self._over and noted

    def _not_given_up(self, one: Standing) -> None:
        served = self._served.get(id(one.database))
        if served is not None and one.name.state in NO_FORM and not self._is_ended(one):
            raise Broken(f"{one.where} was in service as {served.seen}, and bears a name that is given up")

    def _rows_are_its_own(self, one: Standing) -> None:
        served = self._served.get(id(one.database))
        acknowledged = served.rows if served else set()
        found = {row["number"] for row in one.database.rows(ROWS).values()}
        if self._is_packed(one):
            return
        if lost := acknowledged - found:
            raise Broken(f"{one.where} has lost {len(lost)} of {len(acknowledged)} rows")
        if found - acknowledged:
            raise Broken(f"{one.where} holds {len(found - acknowledged)} rows of another database")

    def _one_form(self, theirs: list[Standing]) -> None:
        """A build that lost a race may wait out of reach beside what is in service; in reach or suspended there is one."""
        forms = [s for s in theirs if s.name.state not in NO_FORM]
        own = [s for s in forms if id(s.database) in self._served or s.name.state in REACHED_AS]
        if len(own) > 1:
            raise Broken(f"two databases are one customer's: {' and '.join(sorted(s.where for s in own))}")

    def _answers_whole(self, customer: str, theirs: list[Standing]) -> None:
        saved = {n for s in self._served.values() if s.customer == customer for n in s.rows}
        for one in theirs:
            if one.name.state is NameState.PUBLISHED:
                found = {row["number"] for row in one.database.rows(ROWS).values()}
                if lacking := saved - found:
                    raise Broken(f"{one.where} answers without {len(lacking)} of its customer's {len(saved)} rows")

    def _note(self, one: Standing) -> None:
        key, state = id(one.database), one.name.state
        if key in self._served:
            self._served[key].seen, self._served[key].name = one.where, one.name
        elif state is NameState.SUSPENDED or (state is NameState.PUBLISHED and one.database.stage == READY):
            served = self._served[key] = Served(one.database, self.customer(one.name.target), one.where)
            if one.database.parameter("odoo_fleet.restored_from") is not None:
                self._goes_on_as(served)

    def _goes_on_as(self, served: Served) -> None:
        """A customer who moved is told that the same rows and files are saved as before."""
        for former in [each for each in self._served.values() if each.customer == served.customer]:
            served.rows |= former.rows
            served.files |= former.files

    # -- working -------------------------------------------------------------------------------------------------

    def _work(self, step: str) -> None:
        for one in list(self._standing()):
            served = self._served.get(id(one.database))
            reached = one.name.state is NameState.PUBLISHED and self.hosts[one.host].alive
            if served is None or not reached or one.database.stage != READY:
                continue
            moving = not step or step.startswith(("rename.", "duplicate_database.", "drop."))
            if moving or self._chance.random() < self._often:
                self._order(one.database, served)
                if step != BETWEEN_THE_HALVES and (not step or self._chance.random() < self._often):
                    self._upload(one, served)

    def _order(self, database: SimulatedDatabase, served: Served) -> None:
        number = next(self._numbers)
        database.insert(ROWS, {"number": number})
        served.rows.add(number)

    def _upload(self, one: Standing, served: Served) -> None:
        number = next(self._numbers)
        name, size = file_name(f"upload {number}".encode()), 1000 + number
        row = {
            "name": f"upload {number}",
            "type": "binary",
            "res_model": "res.partner",
            "res_field": False,
            "res_id": 0,
        }
        stored = {"mimetype": "application/pdf", "file_size": size, "store_fname": name, "checksum": name[3:]}
        self.hosts[one.host].files(one.name.text)[name] = size
        served.files[one.database.insert(FILES, {**row, **stored})] = size

    # -- when all is said to be as declared ----------------------------------------------------------------------

    def served_as_declared(self, desired: Desired) -> None:
        """Demand what a run that says done has said: who is suspended is out of reach, and everyone else is served."""
        self.sure()
        standing = list(self._standing())
        for instance in desired.instances.values():
            theirs = [s for s in standing if self.customer(s.name.target) == self.customer(instance.database_name)]
            published = [s for s in theirs if s.name.state is NameState.PUBLISHED]
            if instance.state == "suspended" and published:
                raise Broken(f"{instance.code} is to be suspended, and {published[0].where} is reachable")
            if instance.state == "absent" and (left := [s for s in theirs if s.name.state in names.FORMS]):
                raise Broken(f"{instance.code} is to be absent, and {left[0].where} is there")
            if instance.state == "active" and [s.name.text for s in published] != [instance.database_name]:
                raise Broken(f"{instance.code} is not reachable; there is {[s.where for s in theirs]}")

    def everything_is_there(self, desired: Desired) -> None:
        """Demand that, beyond the rows, every file that was ever saved can be read where its database is now."""
        self.served_as_declared(desired)
        for one in self._standing():
            if one.name.state in REACHED_AS or (one.name.state is NameState.TRASH and id(one.database) in self._served):
                served = self._served[id(one.database)]
                stored = self.hosts[one.host].filestore.get(one.name.text, {})
                for row_id, row in one.database.rows(FILES).items():
                    wanted = served.files.get(row_id, row.get("file_size"))
                    if row.get("store_fname") and stored.get(row["store_fname"], 0) != wanted:
                        whose = "its customer's" if row_id in served.files else "its template's"
                        raise Broken(f"{one.where} lacks {whose} file {row['name']}")
                if gone := served.files.keys() - one.database.rows(FILES).keys():
                    raise Broken(f"{one.where} has lost {len(gone)} attachments")

    def homes(self) -> dict[str, str]:
        """Say on which host the database of each name is that has been in service."""
        return {s.name.target: s.host for s in self._standing() if id(s.database) in self._served}

    def begun(self) -> dict[str, str]:
        """Say on which host the database of each name is of which its own note says that its service began, seen or not."""
        note = {"key": "odoo_fleet.in_service", "value": "yes"}
        forms = [s for s in self._standing() if s.name.state in names.FORMS]
        return {s.name.target: s.host for s in forms if any(s.database.matching("ir.config_parameter", **note))}

    @property
    def saved(self) -> int:
        """How many rows they were told are saved."""
        return sum(len(s.rows) for s in self._served.values())
