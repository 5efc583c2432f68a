"""The promises of docs/guarantees.md, checked on the simulated hosts themselves at any moment of a run.

They look at what is durable on the hosts, never at what the tool believes.
"""

import functools
from collections.abc import Iterable, Mapping

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.core.model.specs import DatabaseSpec, instance_spec, template_spec
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import derive, parse_key
from reconciler.simulator import SimulatedHost
from reconciler.simulator.databases import SimulatedDatabase
from tests.harness.customers import Broken, Customers
from tests.harness.universe import KEY

__all__ = ["Broken", "Customers", "Watch", "check", "foreign_state", "watch"]


class Watch:
    """Checks the promises again and again during one run, looking only at databases that changed since.

    A host may swallow what it raises in the midst of its work, and nobody may wait for the answer: `sure` raises it again.
    Where a reconciler is not `alone` but beside one that wants the opposite, each may wake what the other has just quieted; it
    looks again after its last rename, and only then what is suspended has to be quiet.
    """

    def __init__(self, hosts: Mapping[str, SimulatedHost], desired: Desired, *, alone: bool = True) -> None:
        self.broken: Broken | None = None
        self._alone = alone
        self._hosts, self._specs = hosts, {code: {s.target: s for s in _specs(desired, code)} for code in hosts}
        self._former = _former_codes(desired)
        self._seen: set[tuple[str, str, int, int]] = set()

    def __call__(self, _step: str = "") -> None:
        try:
            self._look()
        except Broken as broken:
            self.broken = self.broken or broken
            raise

    def sure(self) -> None:
        """Raise the first promise that was broken since it began."""
        if self.broken is not None:
            raise self.broken

    def _look(self) -> None:
        for code, host in self._hosts.items():
            for name, database in host.databases.items():
                key = (code, name, id(database), database.revision)
                if key not in self._seen:
                    _check_database(name, database, self._specs[code], self._former, quiet=self._alone)
                    self._seen.add(key)


def watch(
    hosts: Mapping[str, SimulatedHost], desired: Desired, customers: Customers | None = None, *, alone: bool = True
) -> Watch:
    """Have the promises of a text watched at every durable step from now on, in the place of those of another text.

    Args:
        hosts: the whole world.
        desired: the text that is in force now.
        customers: those at work; they go on, and learn the names of this text.
        alone: whether no other reconciler is at work.
    """
    watching = Watch(hosts, desired, alone=alone)
    if customers is not None:
        customers.join(desired)
    for host in hosts.values():
        host.watchers[:] = [w for w in host.watchers if not isinstance(w, Watch)] + [watching]
    return watching


def check(hosts: Mapping[str, SimulatedHost], desired: Desired, *, foreign: Mapping[str, object] | None = None) -> None:
    """Check all promises on all hosts; `foreign` is what `foreign_state` gave before the run."""
    for code, host in hosts.items():
        specs = {s.target: s for s in _specs(desired, code)}
        for name, database in host.databases.items():
            _check_database(name, database, specs, _former_codes(desired))
        _nothing_mailed(host)
    if foreign is not None and foreign_state(hosts) != foreign:
        raise Broken("a foreign database was touched")


def _check_database(
    name: str,
    database: SimulatedDatabase,
    specs: Mapping[str, DatabaseSpec],
    former: Mapping[str, str],
    *,
    quiet: bool = True,
) -> None:
    parsed = names.parse(name)
    spec = specs.get(parsed.target)
    is_trash = parsed.state is NameState.TRASH
    if spec is None or database.watched or not (is_trash or parsed.state in names.IN_SERVICE):
        return
    rows = database.rows("ir.config_parameter").values()
    parameters = {row["key"]: row["value"] for row in rows}
    if is_trash:
        _may_be_trash(name, parameters)
        if quiet:
            _quiet(name, database, parameters)
        return
    _complete(name, database, spec, parameters, former.get(spec.code, spec.code))
    if quiet and (parsed.state is NameState.SUSPENDED or spec.kind == "template"):
        _quiet(name, database, parameters)


def foreign_state(hosts: Mapping[str, SimulatedHost]) -> dict[str, object]:
    """Describe the foreign databases: what is in them and who logged in."""
    return {
        f"{code}/{name}": (database.revision, tuple(database.visits), database.uuid)
        for code, host in hosts.items()
        for name, database in host.databases.items()
        if database.watched
    }


def _specs(desired: Desired, code: str) -> Iterable[DatabaseSpec]:
    server = desired.servers.get(code)
    if server is None:
        return
    for template in desired.templates.values():
        if code in template.server_codes:
            yield template_spec(desired, template, server)
    for instance in desired.instances.values():
        if instance.server in (None, code):
            yield instance_spec(desired, instance, server)


def _former_codes(desired: Desired) -> Mapping[str, str]:
    return {i.code: i.renamed_from for i in desired.instances.values() if i.renamed_from}


def _complete(
    name: str, database: SimulatedDatabase, spec: DatabaseSpec, parameters: Mapping[str, str], former_code: str
) -> None:
    """A database under its final name is whole, ours, and takes no password but its own."""
    if database.stage != "ready":
        raise Broken(f"{name} is {database.stage} under its final name")
    if parameters.get("odoo_fleet.kind") != spec.kind:
        raise Broken(f"{name} bears no mark of a {spec.kind}")
    if parameters.get("odoo_fleet.uuid") != parameters.get("database.uuid"):
        raise Broken(f"{name} bears the mark of the database that it was copied from")
    codes = {spec.code, parameters["odoo_fleet.code"], former_code}  # the former ones while a rename is under way
    own = {_derived(spec.kind, code, generation) for code in codes for generation in range(1, 4)}
    if any(user["password"] not in own for user in database.matching("res.users", login=spec.admin_login)):
        raise Broken(f"{name} answers to a password that is not its own")
    missing = [m for m in spec.modules if m not in database.installed()]
    if missing and parameters.get("odoo_fleet.digest") == spec.digest():
        raise Broken(f"{name} lacks modules {missing}")


def _may_be_trash(name: str, parameters: Mapping[str, str]) -> None:
    """What is dropped in time was never in service, or is noted as ended under this very name."""
    if parameters.get("odoo_fleet.in_service") != "no" and parameters.get("odoo_fleet.ended") != name:
        raise Broken(f"{name} was in service, and nothing in it says that its text ended it")


def _quiet(name: str, database: SimulatedDatabase, parameters: Mapping[str, str]) -> None:
    active = [row["name"] for row in database.rows("ir.cron").values() if row["active"]]
    if active and parameters.get("odoo_fleet.digest") != "pending":
        raise Broken(f"{name} should be quiet, but {active} are active")


@functools.cache
def _derived(kind: str, code: str, generation: int) -> str:
    return derive(parse_key(KEY), kind, code, "admin_password", generation).reveal()


def _nothing_mailed(host: SimulatedHost) -> None:
    for sent in host.outbox:
        state = names.parse(sent.name).state
        if state in (NameState.SUSPENDED, NameState.TRASH, NameState.MOVED):
            raise Broken(f"{sent.what!r} went out of {sent.name}")
