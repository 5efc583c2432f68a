"""docs/migrating.md followed to its end: three hosts full of somebody else's databases become a fleet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.simulator import SimulatedHost
from tests.cli.world import World, serving

HOSTS, EACH = ("prod-1", "prod-2", "prod-3"), 12
BROUGHT = frozenset({"base", "web", "mail", "portal", "bus"})
THEIRS = "the password of all the addon's databases"


def put(host: SimulatedHost, name: str, *people: str, password: str = THEIRS) -> None:
    database = host.add_database(name, admin_password=password, watched=False)
    for row in list(database.rows("ir.module.module").values()):
        if row["name"] in BROUGHT:
            database.update("ir.module.module", row["id"], {"state": "installed"})
    database.set_parameter("web.base.url", f"https://{name}.example.com")
    for person in people:
        partner = database.insert("res.partner", {"name": person, "active": True})
        user = {"login": person, "password": "x", "partner_id": partner, "active": True, "group_ids": [1]}
        database.insert("res.users", {**user, "company_id": 1, "company_ids": [1]})


@pytest.fixture
def addons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Three hosts as the addon left them, and a text with servers and a plan."""
    monkeypatch.setenv("ODOO_ADMIN", THEIRS)
    monkeypatch.setenv("ONE_MORE", "another password")
    with serving(tmp_path, HOSTS) as world:
        world.store = f"sqlite:///{tmp_path}/state.sqlite"
        head = "kind: fleet\nformat: 1\ncode: test\nsecret_key: {env: ODOO_FLEET_KEY}\n"
        world.write("fleet.yaml", f"{head}---\nkind: plan\ncode: starter\n")
        world.write("instances.yaml", "")
        for code, host in world.hosts.items():
            world.replace(f"{code}.yaml", "max_instances: 10", "max_instances: 100")
            put(host, "template_restaurant")
            for number in range(EACH):
                put(host, f"shop-{code[-1]}-{number}", "ann")
        put(world.hosts["prod-2"], "special", "ann", password="another password")
        put(world.hosts["prod-3"], "lost", "ann", password="nobody knows")
        yield world


def test_the_page_is_followed_to_its_end(addons: World) -> None:
    world = addons
    accounts = world.root / "accounts.yaml"
    accounts.write_text("special: {admin_password: {env: ONE_MORE}}\n")
    for code in HOSTS:
        more = ("--credentials", str(accounts)) if code == "prod-2" else ()
        assert world.run("import", code, "--admin-password", "env:ODOO_ADMIN", *more).code == 0
    assert world.run("validate").code == 0
    planned = world.run("plan")
    number = len(HOSTS) * (EACH + 1) + 1
    assert f"Plan: {number} to adopt; 1 of others." in planned.out.replace("3 to activate, ", "")
    before = {code: host.snapshot() for code, host in world.hosts.items()}

    one = world.run("apply", "--yes", "--target", "instance/shop-1-0")
    assert one.code == 0
    others = {code: {n: d for n, d in host.snapshot().items() if n != "shop-1-0"} for code, host in world.hosts.items()}
    assert others == {code: {n: d for n, d in found.items() if n != "shop-1-0"} for code, found in before.items()}
    assert world.run("apply", "--yes").code == 0
    assert world.run("plan", "--refresh").out.startswith("No changes.")

    for file in (*world.fleet.glob("instances/*.yaml"), *world.fleet.glob("templates/*.yaml")):
        file.write_text(re.sub(r"^adopt:.*\n", "", file.read_text(), flags=re.MULTILINE))
    assert world.run("plan", "--refresh").out.startswith("No changes.")
    after = {code: host.snapshot() for code, host in world.hosts.items()}
    assert after["prod-3"]["lost"] == before["prod-3"]["lost"]
    for code, found in after.items():
        assert found.keys() == before[code].keys()
        for name, database in found.items():
            for kept in ("uuid", "modules", "files"):
                assert database[kept] == before[code][name][kept]
    assert "lost" in world.run("status", "foreign", "prod-3").out
