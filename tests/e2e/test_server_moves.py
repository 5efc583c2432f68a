"""A customer moves between two real hosts of Odoo 19, and of 14, and back: one by subdomain with workers, one without filter."""

from __future__ import annotations

import asyncio
import base64
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits, Planned
from reconciler.core.names import NameState, parse
from reconciler.engine.reconcile import Passed, carry_out, plan
from reconciler.fleet.desired import Desired
from reconciler.loading.fleet_directory import load_fleet
from reconciler.notices.events import Event
from reconciler.store.forgetful import NoMemory
from reconciler.wiring import Reach, open_world
from tests.e2e.test_copies import Customer
from tests.harness.real_fleet import KEY, failures
from tests.hosts.fixtures import AvailableHosts
from tests.hosts.real_hosts import RealHost

FILES = 300
COUNTS = (
    "select (select count(*) from res_partner), (select count(*) from ir_attachment), (select count(*) from res_users),"
    " (select md5(string_agg(concat(id, store_fname), ',' order by id)) from ir_attachment)"
)
IDENTITY = "select key, value from ir_config_parameter where key in ('database.uuid', 'database.secret') order by key"
ACTIVE = "select count(*), sum(id) from ir_cron where active"

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
    events: list[Event] = field(default_factory=list)

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

    async def plan(self) -> Planned:
        async with open_world(self.desired, self.reach(), self.memory, self.events.append) as world:
            return await plan(self.desired, world, Limits())

    async def apply(self) -> Passed:
        async with open_world(self.desired, self.reach(), self.memory, self.events.append) as world:
            return await carry_out(await plan(self.desired, world, Limits()), self.desired, world, Limits())


def acme(server: str, state: str = "active") -> str:
    return f"kind: instance\ncode: acme\ntemplate: base\nplan: starter\nserver: {server}\nstate: {state}\n"


def work(host: RealHost, customer: Customer) -> None:
    """What people leave behind: files of many contents, a colleague, partners."""
    for number in range(FILES // 100):
        content = [
            {"name": f"{number}-{each}", "datas": base64.b64encode(os.urandom(2000)).decode()} for each in range(100)
        ]
        customer.call("ir.attachment", "create", content)
    customer.call("res.partner", "create", [{"name": f"partner {number}"} for number in range(50)])
    customer.call("res.users", "create", {"name": "Pilot", "login": "pilot", "password": "of-the-pilot-1"})


@pytest.mark.parametrize("version", ["19", "14"])
def test_a_customer_moves_with_all_that_is_in_it_and_comes_back(
    tmp_path: Path, real_hosts: AvailableHosts, version: str
) -> None:
    hosts = {
        "alpha": real_hosts.host(f"real-{version}-production"),
        "beta": real_hosts.host(f"real-{version}-plain"),
    }
    for host in hosts.values():
        host.drop_all()
        host.restart()
    fleet = TwoHosts(tmp_path / "fleet", hosts)
    fleet.write(acme("alpha"))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    alpha, beta = hosts.values()
    from reconciler.loading.secrets import SecretResolver  # noqa: PLC0415

    secrets = SecretResolver(fleet.desired, {"KEY": KEY}, fleet.directory)
    instance = fleet.desired.instances["acme"]
    password = secrets.resolve(instance.admin_password, "instance", "acme", "admin_password").reveal()
    work(alpha, Customer(alpha, "acme", password))
    before = [alpha.psql("acme", each) for each in (COUNTS, IDENTITY, ACTIVE)]

    fleet.write(acme("beta"))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert [beta.psql("acme", each) for each in (COUNTS, IDENTITY, ACTIVE)] == before
    assert beta.psql("acme", "select value from ir_config_parameter where key = 'web.base.url'").endswith(
        "acme.beta.example.test"
    )
    assert {parse(name).state for name in alpha.databases()} == {NameState.PUBLISHED, NameState.MOVED}
    (left,) = [name for name in alpha.databases() if parse(name).state is NameState.MOVED]
    assert alpha.psql(left, "select count(*) from ir_cron where active") == "0"
    files = {each.name for each in alpha.filestore_path(left).rglob("*") if each.is_file()}
    assert files == {each.name for each in beta.filestore_path("acme").rglob("*") if each.is_file()}
    assert asyncio.run(fleet.plan()).changeset.is_converged

    customer = Customer(beta, "acme", password)
    customer.call("res.partner", "create", {"name": "came later"})
    after = [beta.psql("acme", each) for each in (COUNTS, IDENTITY, ACTIVE)]
    fleet.write(acme("alpha"))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert [alpha.psql("acme", each) for each in (COUNTS, IDENTITY, ACTIVE)] == after
