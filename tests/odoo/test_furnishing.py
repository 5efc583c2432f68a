"""What a build is given: what is in the database after it, what is refused, and what an answer is taken for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.model.failures import ProofFailed, Rejected
from reconciler.core.model.furnishing import Furnishing, Origin
from reconciler.core.model.observed import DatabaseLook
from reconciler.engine.ports import Database
from reconciler.fleet.counting import count
from reconciler.odoo.apply import furnishing
from reconciler.odoo.apply.server_actions import ServerAction
from reconciler.simulator.databases import SimulatedDatabase
from schemas.instance import Owner
from schemas.secrets import Secret
from tests.core.scenes import desired, instance, mark_for, spec
from tests.harness.universe import Process, Universe, fleet, read, universe
from tests.harness.virtual_time import run
from tests.odoo.scripted import failure_of, scripted, session, value

VERSIONS = ("19.0", "14.0")
both = pytest.mark.parametrize("version", VERSIONS)
GROUPS = ("base.group_user", "base.group_erp_manager")
ACME = replace(
    spec(desired(instance("acme", server="one")), "instance/acme"),
    admin_login="operator",
    languages=("en_US", "fr_BE"),
    settings={"lang": "fr_BE", "company": "Acme SA", "country_code": "FR", "timezone": "Europe/Brussels"},
    parameters={"our.note": "hello"},
    owner=Owner(name="Boss", login="boss@acme.test", groups=GROUPS),
)
MARK = replace(mark_for(ACME, ""), moving_from="acme", in_service=False)
ALL = Furnishing(ACME, password=Secret("its own"), owner_password=Secret("the owner's"), mark=MARK, number=70_000)


def played(version: str, story: Callable[[Universe, Database], Awaitable[None]]) -> None:
    """Tell a story of a database `acme` that nobody has furnished, opened as its admin account."""

    async def whole() -> None:
        world = universe({"one": version})
        world.hosts["one"].add_database("acme", watched=False)
        await story(world, await opened(world))

    run(whole())


async def opened(world: Universe) -> Database:
    text = read(fleet(servers={"one": world.hosts["one"].version}))
    database = await world.world(text, Process()).hosts["one"].open("acme", "admin", Secret("admin"))
    assert database is not None
    return database


def inside(world: Universe) -> SimulatedDatabase:
    return world.hosts["one"].databases["acme"]


def user(world: Universe, login: str) -> dict[str, Any]:
    """Find a user, with what is kept of the person."""
    (row,) = inside(world).matching("res.users", login=login)
    return {**inside(world).rows("res.partner")[row["partner_id"]], **row}


async def furnished(database: Database, what: Furnishing = ALL) -> DatabaseLook:
    own, _ = await database.furnish(what)
    return await own.look()


@both
def test_all_that_is_declared_is_written_and_the_owner_is_made(version: str) -> None:
    async def story(world: Universe, database: Database) -> None:
        look = await furnished(database)
        assert look.login == "operator"
        assert look.settings.items() >= ACME.settings.items()
        assert {"en_US", "fr_BE"} <= look.languages
        assert look.parameters["our.note"] == "hello"
        assert look.mark == replace(MARK, uuid=look.uuid)
        assert user(world, "operator")["password"] == "its own"
        boss = user(world, "boss@acme.test")
        assert (boss["name"], boss["password"], boss["lang"]) == ("Boss", "the owner's", "fr_BE")
        assert (boss["email"], boss["tz"]) == ("boss@acme.test", "Europe/Brussels")
        groups = boss["group_ids" if version == "19.0" else "groups_id"]
        assert {inside(world).reference(name) for name in GROUPS} <= set(groups)
        assert min(inside(world).cache_sequences.values(), default=70_000) >= 70_000
        assert inside(world).registry_sequence >= 70_000

    played(version, story)


BARE = replace(ACME, languages=(), settings={}, owner=None, parameters={}, base_url="")


@both
def test_what_is_not_declared_is_left_as_it_is(version: str) -> None:
    async def story(world: Universe, database: Database) -> None:
        before, users = await database.look(), set(inside(world).rows("res.users"))
        sequence = inside(world).registry_sequence
        look = await furnished(database, Furnishing(BARE))
        assert replace(look, server_actions=0) == before
        assert set(inside(world).rows("res.users")) == users
        assert user(world, "admin")["password"] == "admin", "it is given none, and keeps its login with it"
        assert inside(world).registry_sequence - sequence < 1000, "nor is it set apart"

    played(version, story)


@both
@pytest.mark.parametrize("given", [{"owner": None}, {"owner_password": None}])
def test_an_owner_is_made_only_where_one_is_declared_and_given_a_password(version: str, given: dict[str, None]) -> None:
    what = replace(ALL, spec=replace(ACME, owner=None)) if "owner" in given else replace(ALL, owner_password=None)

    async def story(world: Universe, database: Database) -> None:
        users = set(inside(world).rows("res.users"))
        await furnished(database, what)
        assert set(inside(world).rows("res.users")) == users

    played(version, story)


@both
def test_groups_of_an_owner_who_is_not_made_now_are_not_looked_for(version: str) -> None:
    """Before the modules are there that bring them."""
    owner = Owner(name="Boss", login="boss", groups=("contacts.group_of_a_module",))

    async def story(_world: Universe, database: Database) -> None:
        await furnished(database, replace(ALL, spec=replace(ACME, owner=owner), owner_password=None))

    played(version, story)


@both
def test_an_owner_has_his_own_language_and_an_address_only_where_his_login_is_one(version: str) -> None:
    owner = Owner(name="Boss", login="boss", groups=GROUPS, lang="en_US")

    async def story(world: Universe, database: Database) -> None:
        await furnished(
            database, replace(ALL, spec=replace(ACME, owner=owner, settings={**ACME.settings, "timezone": ""}))
        )
        boss = user(world, "boss")
        assert boss["lang"] == "en_US"
        assert not boss.get("email")
        assert not boss.get("tz")

    played(version, story)


@both
def test_an_owner_for_whom_nobody_declares_a_language_has_none(version: str) -> None:
    owner = Owner(name="Boss", login="boss", groups=GROUPS)

    async def story(world: Universe, database: Database) -> None:
        await furnished(database, replace(ALL, spec=replace(ACME, owner=owner, languages=(), settings={})))
        assert user(world, "boss")["lang"] == ""

    played(version, story)


@pytest.mark.parametrize(
    ("change", "why", "advice"),
    [
        ({"languages": ("xx_XX",)}, "Odoo knows no language 'xx_XX'", "correct `lang`"),
        ({"settings": {"country_code": "ZZ"}}, "Odoo knows no country 'ZZ'", "correct `country_code`"),
        (
            {"owner": Owner(name="Boss", login="boss", groups=("base.no_such",))},
            "there is no group base.no_such",
            "correct owner.groups",
        ),
        (
            {"owner": Owner(name="Boss", login="__system__", groups=GROUPS)},
            "the owner cannot be made: there is a user '__system__' already, of the template or of a module",
            "choose another owner.login",
        ),
    ],
)
def test_what_the_database_does_not_know_is_told_with_what_to_correct(
    change: dict[str, Any], why: str, advice: str
) -> None:
    async def story(world: Universe, database: Database) -> None:
        with pytest.raises(Rejected) as refusal:
            await database.furnish(replace(ALL, spec=replace(ACME, **change)))
        failure = refusal.value
        assert (failure.what, failure.advice, failure.database) == (why, advice, "acme")
        assert user(world, "admin")["password"] == "admin"

    played("19.0", story)


ORIGIN = Origin("the template's uuid", "its digest")


@both
def test_a_clone_that_bears_another_mark_than_its_template_had_is_not_furnished(version: str) -> None:
    async def story(world: Universe, database: Database) -> None:
        with pytest.raises(ProofFailed) as refusal:
            await database.furnish(replace(ALL, origin=ORIGIN))
        assert refusal.value.what == "the template was changed while it was cloned"
        assert refusal.value.database == "acme"
        assert user(world, "admin")["password"] == "admin"

    played(version, story)


@both
def test_of_a_templates_mark_no_row_is_left_in_its_clone(version: str) -> None:
    async def story(world: Universe, database: Database) -> None:
        database, _ = await database.furnish(Furnishing(BARE, mark=replace(MARK, owner="hers", modules=("sale",))))
        mark = (await database.identity())[1]
        assert mark is not None
        assert mark.owner == "hers"
        rows = inside(world).matching("ir.config_parameter", key="odoo_fleet.uuid")
        inside(world).update("ir.config_parameter", next(rows)["id"], {"value": ORIGIN.uuid})
        clones = replace(MARK, owner=None, modules=None)
        await database.furnish(Furnishing(BARE, origin=Origin(ORIGIN.uuid, mark.digest), mark=clones))
        assert (await database.identity())[1] == replace(clones, uuid=inside(world).uuid)

    played(version, story)


@both
def test_scheduled_actions_are_held_back_where_it_is_to_be_quiet_and_wake_with_its_service(version: str) -> None:
    async def story(world: Universe, database: Database) -> None:
        first = min(inside(world).rows("ir.cron"))
        inside(world).update("ir.cron", first, {"active": True})
        assert (await furnished(database, Furnishing(BARE))).active_crons == (first,)
        look = await furnished(database, Furnishing(BARE, quiet=True))
        assert (look.active_crons, look.quiesced_crons) == ((), (first,))
        assert await database.begin_service({}, note=False, wake=False) == ()
        look = await (await opened(world)).look()
        assert (look.active_crons, look.quiesced_crons, look.server_actions) == ((), (first,), 0)

    played(version, story)


@both
@pytest.mark.parametrize("note", [True, False])
def test_its_service_is_noted_where_it_may_be_a_customers(version: str, *, note: bool) -> None:
    async def story(world: Universe, database: Database) -> None:
        first = min(inside(world).rows("ir.cron"))
        inside(world).update("ir.cron", first, {"active": True})
        database, _ = await database.furnish(replace(ALL, quiet=True))
        assert await database.begin_service({}, note=note, wake=True) == ()
        mark = (await database.identity())[1]
        assert mark is not None
        assert mark.in_service is note
        assert inside(world).rows("ir.cron")[first]["active"]
        left = [row["name"] for row in inside(world).rows("ir.actions.server").values()]
        assert left == [], "the action by which it was built is gone with it"

    played(version, story)


@both
def test_its_service_does_not_begin_while_files_are_missing(version: str) -> None:
    async def story(world: Universe, database: Database) -> None:
        all_files = await database.file_sizes()
        newest = max(all_files, key=lambda key: int(key.partition("/")[0]))
        database, files = await database.furnish(replace(ALL, files=1))
        assert files == {newest: all_files[newest]}
        assert all_files[newest]
        world.hosts["one"].filestore["acme"].clear()
        assert await database.begin_service(files, note=True, wake=True) == (newest,)
        mark = (await database.identity())[1]
        assert mark is not None
        assert mark.in_service is False

    played(version, story)


def test_a_language_may_take_longer_than_a_call_that_reads() -> None:
    async def story(world: Universe, database: Database) -> None:
        timeouts = read(fleet()).servers["one"].timeouts
        seconds = timeouts.read_seconds + 1
        assert seconds < timeouts.modules_seconds
        world.hosts["one"].faults.add(f"object.ir.actions.server.run:slow={seconds:.0f}s:count=1")
        assert (await furnished(database)).settings["company"] == "Acme SA"

    played("19.0", story)


async def furnish(what: Furnishing, **answer: object) -> object:
    """Furnish where the run answers this."""
    host = scripted(value({"odoo_fleet": {"uuid": "its own", "refused": [], **answer}}))
    return await furnishing.furnish(ServerAction(session(host), "build", 7), what)


@pytest.mark.parametrize(("passwords", "keys"), [(1, 0), (0, 2)])
def test_a_way_in_that_is_left_is_a_failure(passwords: int, keys: int) -> None:
    failure = failure_of(furnish(ALL, passwords=passwords, keys=keys))
    assert isinstance(failure, ProofFailed)
    assert failure.what == f"{count(passwords, 'password')} of other users and {count(keys, 'API key')} are left"
    assert failure.database == "acme"


def test_a_clone_that_has_its_templates_uuid_is_none() -> None:
    failure = failure_of(furnish(replace(ALL, origin=Origin("its own", "")), passwords=0, keys=0))
    assert isinstance(failure, ProofFailed)
    assert (failure.what, failure.database) == ("it has its template's uuid still", "acme")


def test_what_was_done_before_is_no_failure_and_tells_the_files() -> None:
    """A run that finds all of it done closes no way in once more, and says nothing of any."""
    assert run(furnish(replace(ALL, origin=ORIGIN), files={"1/a": "10"})) == {"1/a": "10"}
    assert run(furnish(ALL)) == {}
