"""On real Odoo 19 and 14 a backup takes the place of a customer's database in service, which comes back from the trash."""

from __future__ import annotations

import asyncio
import xmlrpc.client
from pathlib import Path

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model import verbs
from reconciler.core.policies.replacements import Replacing
from reconciler.wiring import open_world
from tests.e2e.test_backups import KeptFleet, back_up
from tests.e2e.test_endings import trash_of
from tests.e2e.test_production import PRODUCTION, active_crons, fresh, login
from tests.harness.real_fleet import failures, instance, template
from tests.hosts.real_hosts import RealHost

PARTNERS = "select name from res_partner where name in ('Then', 'Since') order by name desc"
UUID = "select value from ir_config_parameter where key = 'database.uuid'"


def note(fleet: KeptFleet, host: RealHost, database: str, name: str) -> None:
    """Write a partner as the customer's admin."""
    password = fleet.password("instance", database).reveal()
    models = xmlrpc.client.ServerProxy(f"{host.address.direct_url}/xmlrpc/2/object", allow_none=True)
    uid = login(host, database, "admin", password)
    models.execute_kw(database, uid, password, "res.partner", "create", [[{"name": name}]])


def replaced(fleet: KeptFleet, code: str, trash: str = "") -> str:
    """Carry out what `restore CODE` does; return the detail of its outcome."""
    limits = Limits(depth=Depth(refresh=True), replacing=Replacing(code, trash, backup_first=False))
    passed = asyncio.run(fleet.apply(limits))
    assert passed.ok, failures(passed)
    (outcome,) = passed.outcomes
    assert outcome.action.verb is verbs.REPLACE
    return outcome.detail


@PRODUCTION
def test_what_was_written_since_is_in_the_trash_alone_and_comes_back_from_there(
    tmp_path: Path, real_host: RealHost
) -> None:
    made = fresh(tmp_path, real_host)
    fleet = KeptFleet(made.directory, real_host)
    n = fleet.suffix
    name = f"acme{n}"
    fleet.write(template(n, modules="[base, web]"), instance(name))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    note(fleet, real_host, name, "Then")
    entry = asyncio.run(back_up(fleet, name))
    note(fleet, real_host, name, "Since")
    first, awake = real_host.psql(name, UUID), active_crons(real_host, name)
    assert awake

    fleet.write(template(n, modules="[base, web]"), instance(name, restore_from=f"{{backup: {entry.id}}}"))
    assert entry.id in replaced(fleet, name)
    (trash,) = trash_of(real_host)
    assert (real_host.psql(name, PARTNERS).split(), real_host.psql(trash, PARTNERS).split()) == (
        ["Then"],
        ["Then", "Since"],
    )
    assert (real_host.psql(trash, UUID), active_crons(real_host, trash)) == (first, set())
    assert active_crons(real_host, name) == awake
    password = fleet.password("instance", name).reveal()
    assert login(real_host, name, "admin", password)
    fleet.write(template(n, modules="[base, web]"), instance(name))
    assert not asyncio.run(fleet.plan()).changeset.actions

    replaced(fleet, name, trash)
    assert (real_host.psql(name, UUID), active_crons(real_host, name)) == (first, awake)
    (other,) = trash_of(real_host)
    assert real_host.psql(other, PARTNERS).split() == ["Then"]
    assert all(login(real_host, name, "admin", password) for _ in range(8)), "whichever worker answers"
    partners = xmlrpc.client.ServerProxy(f"{real_host.address.direct_url}/xmlrpc/2/object", allow_none=True)
    for _ in range(8):
        found = partners.execute_kw(name, 2, password, "res.partner", "search_count", [[["name", "=", "Since"]]])
        assert found == 1, "no worker answers from what it remembers of the other one"
    assert not asyncio.run(fleet.plan()).changeset.actions

    arrive(fleet, real_host, name, password)


def arrive(fleet: KeptFleet, host: RealHost, source: str, password: str) -> None:
    """Take in, as another instance, an archive of a database that another fleet has marked, by what opens it there."""
    archive, n = fleet.directory / "arrived.zip", fleet.suffix
    whose = "update ir_config_parameter set value = '{}' where key = 'odoo_fleet.fleet'"
    host.psql(source, whose.format("others"))
    asyncio.run(fetch(fleet, source, archive))
    host.psql(source, whose.format("tests"))
    (fleet.directory / "theirs").write_text(password)
    arrived = f"new{n}"
    fields = {"adopt": "{admin_password: {file: theirs}}", "restore_from": "{archive: arrived.zip, fleet: others}"}
    fleet.write(template(n, modules="[base, web]"), instance(source), instance(arrived, **fields))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert host.psql(arrived, PARTNERS) == host.psql(source, PARTNERS)
    assert active_crons(host, arrived) == active_crons(host, source)
    assert login(host, arrived, "admin", fleet.password("instance", arrived).reveal())
    assert login(host, arrived, "admin", password) is False
    assert not asyncio.run(fleet.plan()).changeset.actions


async def fetch(fleet: KeptFleet, name: str, archive: Path) -> None:
    """Fetch what Odoo's own page gives."""
    desired = fleet.desired
    async with open_world(desired, fleet.reach(), fleet.memory, fleet.events.append) as world:
        with archive.open("w+b") as file:
            await world.hosts["real"].fetch_backup(name, (f"{name}.localhost",), file, lambda: asyncio.sleep(0, 1))


def versions(host: RealHost, *databases: str) -> list[str]:
    return [
        host.psql(name, "select value from ir_config_parameter where key = 'odoo_fleet.made_of'").strip()
        for name in databases
    ]


@PRODUCTION
def test_an_edited_template_is_built_anew_and_swapped_unless_somebody_has_worked_in_it(
    tmp_path: Path, real_host: RealHost
) -> None:
    fleet = fresh(tmp_path, real_host)
    n = fleet.suffix
    old, new, base = f"old{n}", f"new{n}", f"template_{n}"
    fleet.write(template(n, modules="[base, web, base_import]"), instance(old))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    first, uuid = versions(real_host, base), real_host.psql(base, UUID)
    assert first == versions(real_host, old) != [""]
    password = fleet.password("template", "base").reveal()
    assert login(real_host, base, "admin", password)
    assert not asyncio.run(fleet.plan(Limits(depth=Depth(refresh=True)))).changeset.actions

    edited = {"modules": "[base, web]", "parameters": "{our.note: hello}"}
    fleet.write(template(n, **edited), instance(old), instance(new))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert [o.action.verb for o in passed.outcomes] == [verbs.REBUILD, verbs.CLONE, verbs.CONFIGURE]
    (trash,) = trash_of(real_host)
    assert (real_host.psql(trash, UUID), active_crons(real_host, base)) == (uuid, set())
    assert versions(real_host, base, new, old, trash) == [*versions(real_host, new) * 2, *first * 2]
    assert real_host.psql(base, "select value from ir_config_parameter where key = 'our.note'").strip() == "hello"
    gone = "select state from ir_module_module where name = 'base_import'"
    assert [real_host.psql(name, gone).strip() for name in (old, trash)] == ["installed"] * 2
    assert not asyncio.run(fleet.plan(Limits(depth=Depth(refresh=True)))).changeset.actions

    models = xmlrpc.client.ServerProxy(f"{real_host.address.direct_url}/xmlrpc/2/object", allow_none=True)
    uid = login(real_host, base, "admin", password)
    models.execute_kw(base, uid, password, "res.partner", "create", [[{"name": "By hand"}]])
    fleet.write(template(n, **{**edited, "parameters": "{our.note: bye}"}), instance(old))
    passed = asyncio.run(fleet.apply())
    refused = next(o for o in passed.outcomes if o.action.verb is verbs.REBUILD)
    assert "it was changed since it was built: 1 row of res_partner" in refused.detail
    assert trash_of(real_host) == [trash]
