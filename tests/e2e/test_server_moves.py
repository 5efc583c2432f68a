"""A customer moves between two real hosts of Odoo 19, and of 14, and back: one by subdomain with workers, one without filter."""

from __future__ import annotations

import asyncio
import base64
import multiprocessing
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits, Planned
from reconciler.core.model.names import NameState, parse
from reconciler.engine.reconcile import Passed, carry_out, plan
from reconciler.fleet.desired import Desired
from reconciler.loading.fleet_directory import load_fleet
from reconciler.loading.secrets import SecretResolver
from reconciler.notices.events import ActionStep, Event
from reconciler.store.forgetful import NoMemory
from reconciler.wiring import Reach, open_world
from tests.e2e.test_copies import Customer
from tests.harness.real_fleet import KEY, failures, passes_until
from tests.hosts.fixtures import AvailableHosts
from tests.hosts.real_hosts import RealHost

FILES = {"19": 2000, "14": 200}
COUNTS = (
    "select (select count(*) from res_partner), (select count(*) from ir_attachment), (select count(*) from res_users),"
    " (select md5(string_agg(concat(id, store_fname), ',' order by id)) from ir_attachment)"
)
IDENTITY = "select key, value from ir_config_parameter where key in ('database.uuid', 'database.secret') order by key"
ACTIVE = "select count(*), sum(id) from ir_cron where active"
FACTS = (COUNTS, IDENTITY, ACTIVE)
BASE_URL = "select value from ir_config_parameter where key = 'web.base.url'"
DIED = 99

SERVER = """\
kind: server
code: {code}
server_url: {url}
odoo_version: "{version}.0"
master_password: {{env: {variable}}}
state: active
domain: {code}.example.test
"""


@dataclass
class TwoHosts:
    """A fleet of two servers, `alpha` and `beta`, and the tool as it is wired in production."""

    directory: Path
    hosts: dict[str, RealHost]
    memory: NoMemory = field(default_factory=NoMemory)
    emit: Callable[[Event], None] = lambda _event: None

    def write(self, *documents: str) -> None:
        servers = [
            SERVER.format(code=code, url=h.address.direct_url, version=h.address.version, variable=code.upper())
            for code, h in self.hosts.items()
        ]
        head = "kind: fleet\nformat: 1\ncode: tests\nsecret_key: {env: KEY}\n"
        template = "kind: template\ncode: base\nservers: [alpha, beta]\nmodules: [base, web, mail]\n"
        self.directory.mkdir(exist_ok=True)
        whole = "---\n".join([head, *servers, template, "kind: plan\ncode: starter\n", *documents])
        (self.directory / "fleet.yaml").write_text(whole)

    @property
    def desired(self) -> Desired:
        loaded = load_fleet(self.directory)
        assert loaded.desired is not None, "\n".join(map(str, loaded.diagnostics))
        return loaded.desired

    def reach(self) -> Reach:
        masters = {code.upper(): host.address.master_password for code, host in self.hosts.items()}
        return Reach(self.directory, {"KEY": KEY, **masters})

    def password(self) -> str:
        secrets = SecretResolver(self.desired, {"KEY": KEY}, self.directory)
        reference = self.desired.instances["acme"].admin_password
        return secrets.resolve(reference, "instance", "acme", "admin_password").reveal()

    async def plan(self) -> Planned:
        async with open_world(self.desired, self.reach(), self.memory, self.emit) as world:
            return await plan(self.desired, world, Limits())

    async def apply(self) -> Passed:
        async with open_world(self.desired, self.reach(), self.memory, self.emit) as world:
            return await carry_out(await plan(self.desired, world, Limits()), self.desired, world, Limits())


def empty_hosts(real_hosts: AvailableHosts, version: str) -> dict[str, RealHost]:
    hosts = {"alpha": real_hosts.host(f"real-{version}-production"), "beta": real_hosts.host(f"real-{version}-plain")}
    for host in hosts.values():
        host.empty()
    return hosts


def acme(server: str, state: str = "active") -> str:
    return f"kind: instance\ncode: acme\ntemplate: base\nplan: starter\nserver: {server}\nstate: {state}\n"


def work(host: RealHost, customer: Customer) -> None:
    """What people leave behind: files of many contents, a colleague, partners."""
    for number in range(FILES[host.address.version] // 100):
        content = [
            {"name": f"{number}-{each}", "datas": base64.b64encode(os.urandom(2000)).decode()} for each in range(100)
        ]
        customer.call("ir.attachment", "create", content)
    customer.call("res.partner", "create", [{"name": f"partner {number}"} for number in range(50)])
    customer.call("res.users", "create", {"name": "Pilot", "login": "pilot", "password": "of-the-pilot-1"})


def die_at(fleet: TwoHosts, step: str) -> None:
    """Run an apply in a process of its own, which is dead from a step of the move on."""

    def told(event: Event) -> None:
        if isinstance(event, ActionStep) and event.step == step:
            os._exit(DIED)

    def run() -> None:
        asyncio.run(TwoHosts(fleet.directory, fleet.hosts, emit=told).apply())

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(300)
    assert process.exitcode == DIED


@dataclass
class Death:
    """A host dies when a step of a move begins, and is up again a few seconds later."""

    host: RealHost
    step: str
    back: list[threading.Timer] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        if isinstance(event, ActionStep) and event.step == self.step and not self.back:
            self.host.kill()
            self.back.append(threading.Timer(3.0, self.host.start))
            self.back[0].start()

    def strike(self, fleet: TwoHosts) -> None:
        """Apply until it has died in an apply, and wait until it is back."""
        struck = TwoHosts(fleet.directory, fleet.hosts, emit=self)
        passes_until(lambda: bool(self.back), lambda: asyncio.run(struck.apply()), repr(self.step))
        self.back[0].join()


@pytest.mark.parametrize("version", ["19", "14"], ids=["real-19-production", "real-14-production"])
def test_a_customer_moves_with_all_that_is_in_it_and_comes_back(
    tmp_path: Path, real_hosts: AvailableHosts, version: str
) -> None:
    fleet = TwoHosts(tmp_path / "fleet", empty_hosts(real_hosts, version))
    fleet.write(acme("alpha"))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    alpha, beta = fleet.hosts.values()
    password = fleet.password()
    work(alpha, Customer(alpha, "acme", password))
    before = [alpha.psql("acme", each) for each in FACTS]

    fleet.write(acme("beta"))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert [beta.psql("acme", each) for each in FACTS] == before
    assert beta.psql("acme", BASE_URL).endswith("acme.beta.example.test")
    assert sorted(parse(name).state for name in alpha.databases()) == [NameState.MOVED, NameState.PUBLISHED]
    (left,) = left_on(alpha)
    assert alpha.psql(left, "select count(*) from ir_cron where active") == "0"
    assert files_of(alpha, left) == files_of(beta, "acme")
    assert asyncio.run(fleet.plan()).changeset.is_converged

    Customer(beta, "acme", password).call("res.partner", "create", {"name": "came later"})
    after = [beta.psql("acme", each) for each in FACTS]
    fleet.write(acme("alpha"))
    die_at(fleet, "publishing")
    assert "acme" not in [*alpha.databases(), *beta.databases()], "what was there stays behind already"
    (action,) = asyncio.run(fleet.plan()).changeset.actions
    assert (action.id, action.database, action.reason) == ("move instance/acme on alpha", *left_on(beta), "interrupted")
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert [alpha.psql("acme", each) for each in FACTS] == after
    assert "acme" not in beta.databases()

    fleet.write(acme("alpha"), "kind: instance\ncode: tried\nclone_of: acme\nplan: starter\nserver: beta\n")
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert beta.psql("tried", COUNTS) == alpha.psql("acme", COUNTS)
    assert files_of(beta, "tried") == files_of(alpha, "acme")
    require_neutralized(beta, "tried")
    assert beta.psql("tried", BASE_URL).endswith("tried.beta.example.test")
    assert [alpha.psql("acme", each) for each in FACTS] == after
    assert asyncio.run(fleet.plan()).changeset.is_converged


def require_neutralized(host: RealHost, copy: str) -> None:
    """As PostgreSQL has it: it says so, it mails nobody, and nothing is scheduled but Odoo's tidying up."""
    assert host.psql(copy, "select value from ir_config_parameter where key = 'database.is_neutralized'") == "true"
    assert host.psql(copy, "select smtp_host from ir_mail_server where active") == "invalid"
    tidying = "select res_id from ir_model_data where module = 'base' and name = 'autovacuum_job'"
    assert host.psql(copy, "select id from ir_cron where active") == host.psql(copy, tidying)


@pytest.mark.parametrize("version", ["19"], ids=["real-19-production"])
def test_a_host_that_dies_in_the_midst_of_a_move_leaves_the_customer_where_he_can_go_on(
    tmp_path: Path, real_hosts: AvailableHosts, version: str
) -> None:
    """The one that it goes to, then the one that it leaves."""
    hosts = empty_hosts(real_hosts, version)
    fleet = TwoHosts(tmp_path / "fleet", hosts)
    fleet.write(acme("alpha"))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    work(hosts["alpha"], Customer(hosts["alpha"], "acme", fleet.password()))
    facts = [hosts["alpha"].psql("acme", each) for each in FACTS]
    for server, dies, step in (("beta", "beta", "publishing"), ("alpha", "beta", "leaving beta")):
        fleet.write(acme(server))
        Death(hosts[dies], step).strike(fleet)
        passed = asyncio.run(fleet.apply())
        assert passed.ok, failures(passed)
        assert [hosts[server].psql("acme", each) for each in FACTS] == facts
        assert sum("acme" in each.databases() or "suspended.acme" in each.databases() for each in hosts.values()) == 1


def left_on(host: RealHost) -> list[str]:
    return [name for name in host.databases() if parse(name).state is NameState.MOVED]


def files_of(host: RealHost, name: str) -> set[str]:
    return {each.name for each in host.filestore_path(name).rglob("*") if each.is_file()}
