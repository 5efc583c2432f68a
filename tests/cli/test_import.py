"""`import`: documents for what a host holds, such that the plan on them shows the adoptions and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from reconciler.simulator.databases import EMPTY, SimulatedDatabase
from tests.cli.world import World

THEIRS = "their own password"
MODULES = ("base", "web", "mail", "portal", "contacts", "bus")
Put = Callable[..., SimulatedDatabase]


@pytest.fixture
def held(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[World, Put]:
    """A converged world, and what puts a database on prod-1 that somebody made by hand."""
    monkeypatch.setenv("THEIRS", THEIRS)
    world.store = f"sqlite:///{world.root}/state.sqlite"
    assert world.run("apply", "--yes").code == 0

    def put(name: str, *people: str, password: str = THEIRS) -> SimulatedDatabase:
        database = world.hosts["prod-1"].add_database(name, admin_password=password, watched=False)
        for row in list(database.rows("ir.module.module").values()):
            if row["name"] in MODULES:
                database.update("ir.module.module", row["id"], {"state": "installed"})
        database.set_parameter("web.base.url", f"https://{name}.example.com")
        for person in people:
            partner = database.insert("res.partner", {"name": person.title(), "active": True})
            user = {"login": f"{person}@{name}.example", "password": "x", "partner_id": partner, "active": True}
            database.insert("res.users", {**user, "group_ids": [1], "company_id": 1, "company_ids": [1]})
        return database

    return world, put


def documents(world: World) -> dict[str, dict[str, object]]:
    """What was written and counts, by file."""
    files = [f for f in world.fleet.rglob("*.yaml") if f.parent != world.fleet]
    return {f.stem: yaml.safe_load(f.read_text()) for f in files if yaml.safe_load(f.read_text())}


def test_the_plan_on_what_was_written_shows_the_adoptions_and_nothing_else(held: tuple[World, Put]) -> None:
    world, put = held
    shop = put("shop", "ann")
    shop.update("res.company", 1, {"name": "Shop: the & Co"})
    put("template_retail")
    ran = world.run("import", "prod-1", "--admin-password", "env:THEIRS")
    assert (ran.code, ran.err) == (0, "")
    assert documents(world) == {
        "shop": {
            "kind": "instance",
            "code": "shop",
            "template": "retail",
            "plan": "starter",
            "server": "prod-1",
            "company": "Shop: the & Co",
            "lang": "en_US",
            "owner": {"name": "Ann", "login": "ann@shop.example"},
            "adopt": {"admin_password": {"env": "THEIRS"}},
        },
        "retail": {
            "kind": "template",
            "code": "retail",
            "server": "prod-1",
            "modules": ["contacts", "portal"],
            "lang": "en_US",
            "adopt": {"admin_password": {"env": "THEIRS"}},
        },
    }
    planned = json.loads(world.run("plan", "-o", "json").out)
    assert {(a["verb"], a["code"]) for a in planned["actions"]} == {("adopt", "shop"), ("adopt", "retail")}
    changed = {change["field"] for action in planned["actions"] for change in action["changes"]}
    assert changed == {"admin_password", "owner", "parameters.web.base.url.freeze"}
    assert not planned["blocked"]
    assert world.run("apply", "--yes").code == 0
    assert world.run("plan", "--refresh").out.startswith("No changes.")
    for code in ("shop", "retail"):
        (file,) = world.fleet.rglob(f"{code}.yaml")
        file.write_text(
            "".join(line for line in file.read_text().splitlines(keepends=True) if not line.startswith("adopt"))
        )
    assert world.run("plan", "--refresh").out.startswith("No changes."), "once it is done the line may go"


def test_what_does_not_open_is_a_comment_with_what_is_known(held: tuple[World, Put]) -> None:
    world, put = held
    put("wrong", password="another")
    put("factor").update("res.users", 2, {"totp_enabled": True})
    keyed = put("keyed", "ann")
    keyed.update("res.users", 2, {"totp_enabled": True})
    keyed.insert("res.users.apikeys", {"name": "k", "user_id": 2, "key": "a key of it"})
    half = world.hosts["prod-1"].add_database("half", watched=False)
    half.stage = EMPTY
    accounts = world.root / "accounts.yaml"
    (world.root / "key").write_text("a key of it\n")
    accounts.write_text("keyed: {admin_password: {file: key}}\nhalf: {admin_password: {env: THEIRS}}\n")
    before = world.hosts["prod-1"].snapshot()
    ran = world.run("import", "prod-1", "--admin-password", "env:THEIRS", "--credentials", str(accounts))
    assert ran.code == 0
    assert world.hosts["prod-1"].snapshot() == before
    assert documents(world) == {}
    read = {f.stem: f.read_text() for f in (world.fleet / "instances").iterdir()}
    assert "# Not adopted: the account that was given does not open it" in read["wrong"]
    assert "# code: wrong\n" in read["wrong"]
    assert "# Not adopted: the account that was given does not open it" in read["factor"]
    assert "second factor" in read["keyed"]
    assert 'adopt: {admin_password: {file: "../../key"}}' in read["keyed"]
    assert "its initialisation never ended" in read["half"]
    assert world.run("validate").code == 0
    assert "4 of others" in world.run("plan").out


def test_names_that_no_document_can_have_and_marks_of_others_are_told(held: tuple[World, Put]) -> None:
    world, put = held
    for name in ("Acme", "erp.acme.example", "x", "a" * 40, "suspended.other"):
        put(name)
    put("theirs").set_parameter("odoo_fleet.fleet", "another")
    world.run("import", "prod-1", "--admin-password", "env:THEIRS")
    assert documents(world) == {}
    told = (world.fleet / "not-imported-prod-1.yaml").read_text()
    for name in ("Acme", "erp.acme.example", "x", "a" * 40, "suspended.other", "theirs"):
        assert f"#   {name}: " in told
    assert "fleet 'another'" in told
    assert world.run("validate").code == 0


def test_what_adopting_would_change_for_the_customer_is_paused_and_told(held: tuple[World, Put]) -> None:
    world, put = held
    put("shop", "ann", "bob").set_parameter("web.base.url", "https://erp.shop.example")
    world.run("import", "prod-1", "--admin-password", "env:THEIRS")
    (file,) = world.fleet.rglob("shop.yaml")
    text = file.read_text()
    assert "#   parameters.web.base.url: https://erp.shop.example → https://shop.example.com\n" in text
    assert "# 2 people work in it; the oldest account is ann@shop.example.\n" in text
    assert "owner" not in documents(world)["shop"], "which of two it is cannot be told"
    assert documents(world)["shop"]["paused"] is True
    assert world.run("apply", "--yes").code == 0
    file.write_text(text.replace("paused: true\n", ""))
    told = world.run("plan", "-o", "markdown").out
    assert "| database `shop` taken over with all that is in it; " in told, "a reviewer sees what it changes"
    assert "`parameters.web.base.url`: `https://erp.shop.example` → `https://shop.example.com`" in told
    assert "odoo_fleet.fleet" not in world.hosts["prod-1"].snapshot()["shop"]["parameters"]  # type: ignore[operator]


def test_no_file_is_written_over_and_nothing_of_this_fleet_is_imported(held: tuple[World, Put]) -> None:
    world, put = held
    put("shop", "ann")
    (world.fleet / "instances").mkdir()
    (world.fleet / "instances" / "shop.yaml").write_text("# mine\n")
    ran = world.run("import", "prod-1", "--admin-password", "env:THEIRS")
    assert "exists already, left as it is" in ran.out
    assert (world.fleet / "instances" / "shop.yaml").read_text() == "# mine\n"
    assert documents(world) == {}
    empty = world.run("import", "prod-2", "--admin-password", "env:THEIRS")
    assert empty.out == "prod-2 holds no database that no document declares.\n"


def test_without_an_account_nothing_is_opened_and_all_is_a_comment(held: tuple[World, Put]) -> None:
    world, put = held
    put("shop", "ann")
    begun = len(world.hosts["prod-1"].calls)
    out = world.root / "new"
    assert world.run("import", "prod-1", "--out", str(out)).code == 0
    assert [call.method for call in world.hosts["prod-1"].calls[begun:]] == ["version", "list"]
    assert "no account was given" in (out / "instances" / "shop.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--admin-password", "their own password"), "env:NAME or file:PATH, not the password itself"),
        (("--admin-password", "env:no-name"), "env:NAME or file:PATH"),
        (("--admin-password", "env:THEIRS", "--admin-login", ""), "--admin-login takes a login: one line"),
        (("--admin-password", "env:THEIRS", "--admin-login", " admin"), "--admin-login takes a login: one line"),
        (("--admin-login", "admin"), "--admin-login goes with --admin-password"),
        (("--credentials", "{root}/list.yaml"), "write NAME: {admin_login"),
        (("--credentials", "{root}/secret.yaml"), "shop holds the secret itself"),
        (("--credentials", "{root}/broken.yaml"), "is not YAML"),
        (("--credentials", "{root}/deep.yaml"), "is not YAML that can be read: line 1"),
        (("--credentials", "{root}/bare.yaml"), "is not YAML that can be read: line 1, ambiguous-value"),
    ],
)
def test_a_secret_is_named_and_never_given_and_what_is_wrong_is_said_without_it(
    world: World, words: tuple[str, ...], said: str
) -> None:
    texts = {"list": "[a]", "secret": "shop: {admin_password: s3cret-of-shop}", "broken": "{: s3cret"}
    texts |= {"deep": "[" * 4000 + "s3cret", "bare": "shop: {admin_login: 2026-13-45, admin_password: 012}"}
    for name, text in texts.items():
        Path(world.root, f"{name}.yaml").write_text(text)
    ran = world.run("import", "prod-1", *(word.format(root=world.root) for word in words))
    assert ran.code == 64
    assert said in " ".join(ran.err.split())
    assert "s3cret" not in ran.err
