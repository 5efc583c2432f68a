"""A link to an owner's first password: refused where he may have his own, void by the next one, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import pytest

from reconciler.core.model.failures import HostError
from reconciler.engine.support import Opened, find, link_for_owner
from tests.harness.universe import Killed, Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

VERSIONS = pytest.mark.parametrize("version", ["14.0", "19.0"])
A_DAY = timedelta(hours=24)
OWNER = "{name: Zoé, login: zoe}"
CHOSEN = "a password of Zoé's own"


def text_of(version: str = "19.0", *more: str, **fields: object) -> str:
    return fleet(instance("acme", **{"owner": OWNER, **fields}), *more, servers={"one": version})


async def ready(version: str = "19.0") -> tuple[Universe, str]:
    """A world in which the instance is in service, and its text."""
    world, text = universe({"one": version}), text_of(version)
    assert (await world.reconcile(text)).ok
    return world, text


async def ask(world: Universe, text: str, process: Process | None = None, lasts: timedelta = A_DAY) -> Opened:
    desired = read(text)
    ports = world.world(desired, process or Process())
    acme = desired.instances["acme"]
    return await link_for_owner(ports, desired, acme, await find(ports, desired, acme), lasts)


async def choose(world: Universe, text: str, opened: Opened) -> bool:
    """Choose a password by a link where the instance is, and tell whether Odoo takes it."""
    desired = read(text)
    acme, ports = desired.instances["acme"], world.world(desired, Process())
    subject = await find(ports, desired, acme)
    password = ports.secrets.resolve(acme.admin_password, "instance", "acme", "admin_password")
    found = await ports.hosts[subject.server].open("acme", "admin", password)
    assert found is not None
    token = opened.link.reveal().partition("token=")[2]
    with contextlib.suppress(HostError):
        await found._session.change_call("res.users", "signup", {"password": CHOSEN}, token)  # type: ignore[attr-defined]
    return zoe(world, server=subject.server)["password"] == CHOSEN


def zoe(world: Universe, database: str = "acme", server: str = "one") -> dict[str, object]:
    rows = world.hosts[server].databases[database].rows("res.users").values()
    return next({**row} for row in rows if row["login"] == "zoe")


@VERSIONS
def test_the_newest_link_alone_is_good_and_once(version: str) -> None:
    async def story() -> None:
        world, text = await ready(version)
        first, second = await ask(world, text), await ask(world, text)
        assert (await world.plan(text)).changeset.is_converged
        assert not await choose(world, text, first)
        assert await choose(world, text, second)
        with pytest.raises(HostError, match="Reset password"):
            await ask(world, text)

    run(story())


@VERSIONS
def test_a_link_ends_when_it_says(version: str) -> None:
    async def story() -> None:
        world, text = await ready(version)
        opened = await ask(world, text, lasts=timedelta(minutes=5))
        await asyncio.sleep(301)
        assert not await choose(world, text, opened)

    run(story())


@VERSIONS
def test_an_answer_that_is_lost_leaves_a_link_that_nobody_has_and_the_next_one_is_good(version: str) -> None:
    async def story() -> None:
        world, text = await ready(version)
        counted = Process()
        await ask(world.branch(), text, counted)
        for number in range(1, counted.sent + 1):
            other = world.branch()
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await ask(other, text, Process(kill_after=number))
            before = zoe(other)
            await ask(other, text)
            assert zoe(other) == before
            assert (await other.reconcile(text)).after.changeset.is_converged, number

    run(story())


def test_who_rotates_the_secret_of_the_text_has_the_first_password_still() -> None:
    async def story() -> None:
        world, _ = await ready()
        rotated = text_of(owner="{name: Zoé, login: zoe, initial_password: {derived: {generation: 2}}}")
        await ask(world, rotated)
        with pytest.raises(HostError, match=r"no user has the login 'max'.*correct owner.login"):
            await ask(world, text_of(owner="{name: Max, login: max}"))

    run(story())


def test_no_link_is_made_to_what_is_not_in_service() -> None:
    async def story() -> None:
        world, _ = await ready()
        for state in ("suspended", "absent"):
            changed = text_of(state=state)
            assert (await world.reconcile(changed)).ok
            with pytest.raises(HostError, match=r"not in service|it has no database"):
                await ask(world, changed)

    run(story())


def test_no_link_is_made_to_what_is_anothers_or_has_no_owner_in_the_text() -> None:
    async def story() -> None:
        world, _ = await ready()
        with pytest.raises(HostError, match="has no `owner`"):
            await ask(world, fleet(instance("acme")))
        world.hosts["one"].databases["acme"].set_parameter("odoo_fleet.code", "somebody-else")
        with pytest.raises(HostError, match="its mark says that it is instance/somebody-else"):
            await ask(world, text_of())

    run(story())


@VERSIONS
def test_a_link_opens_no_copy_of_the_instance(version: str) -> None:
    async def story() -> None:
        world, text = await ready(version)
        opened = await ask(world, text)
        copied = text_of(version, "kind: instance\ncode: staging\nclone_of: acme\nplan: starter\n")
        assert (await world.reconcile(copied)).ok
        tokens = [
            row.get("signup_token") for row in world.hosts["one"].databases["staging"].rows("res.partner").values()
        ]
        assert not any(tokens)
        assert zoe(world, "staging")["password"] == zoe(world)["password"]
        secrets = {world.hosts["one"].databases[name].parameter("database.secret") for name in ("acme", "staging")}
        assert len(secrets) == 2
        assert await choose(world, text, opened)
        assert zoe(world, "staging")["password"] != CHOSEN

    run(story())


@VERSIONS
def test_who_moves_meanwhile_has_the_same_link(version: str) -> None:
    async def story() -> None:
        both = {"one": version, "two": version}
        there, moved = (fleet(instance("acme", owner=OWNER, server=code), servers=both) for code in both)
        world = universe(both)
        assert (await world.reconcile(there)).ok
        opened = await ask(world, there)
        assert (await world.reconcile(moved)).ok
        assert await choose(world, moved, opened)

    run(story())
