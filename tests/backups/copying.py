"""Customers as their copies find them, how copies are made anew, and what must hold of one."""

from __future__ import annotations

import asyncio
import functools
from datetime import UTC, datetime

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.policies.replacements import Replacing
from reconciler.engine.reconcile import Passed
from reconciler.simulator.databases import SimulatedDatabase
from tests.harness.universe import Universe, fleet, instance, universe
from tests.harness.virtual_time import run

OUT = {"name": "out", "active": True, "smtp_host": "mail", "smtp_user": "u", "smtp_pass": "p"}
both = pytest.mark.parametrize("version", ["19.0", "14.0"])


def copy_of(source: str, code: str = "", **fields: object) -> str:
    lines = [f"{name}: {value}" for name, value in fields.items()]
    head = ["kind: instance", f"code: {code or source + '-staging'}", f"clone_of: {source}", "plan: starter"]
    return "\n".join([*head, *lines]) + "\n"


def text(*documents: str, version: str = "19.0") -> str:
    return fleet(instance("acme", company="Acme SA"), *documents, servers={"one": version})


async def lived_in(version: str = "19.0") -> Universe:
    """A customer with people, a way to send and to fetch mail, a mail that waits, a payment provider, and what is due now."""
    world = universe({"one": version})
    assert (await world.reconcile(text(version=version))).ok
    live_in(world.hosts["one"].databases["acme"], version)
    return world


def live_in(acme: SimulatedDatabase, version: str) -> None:
    """Leave in a database what people do."""
    acme.insert("res.users", {**acme.rows("res.users")[2], "login": "pilot", "password": "their own"})
    acme.insert(
        "ir.mail_server", {"name": "out", "active": True, "smtp_host": "mail", "smtp_user": "u", "smtp_pass": "p"}
    )
    acme.insert("ir.mail_server", {"name": "old", "active": False, "smtp_host": "mail", "smtp_pass": "p"})
    acme.insert("fetchmail.server", {"name": "in", "active": True, "state": "done", "server": "mail", "password": "p"})
    acme.insert("mail.mail", {"subject": "an invoice", "state": "outgoing", "email_to": "theirs@example.net"})
    for state in ("enabled", "test"):
        acme.insert(of_payments(version), {"name": state, "state": state})


def copied(version: str) -> str:
    return text(copy_of("acme"), version=version)


@functools.cache
def made_once(version: str) -> Universe:
    """The world that all of a version begin with."""
    return run(lived_in(version))


def begun(version: str) -> Universe:
    """A world of its own in which a customer works; one is made of each version."""
    return made_once(version).branch()


def active(database: SimulatedDatabase, model: str) -> set[int]:
    return {row["id"] for row in database.matching(model, active=True)}


def states(database: SimulatedDatabase, model: str) -> list[object]:
    return [row["state"] for row in database.rows(model).values()]


def of_payments(version: str) -> str:
    return "payment.provider" if version == "19.0" else "payment.acquirer"


def require_neutral(database: SimulatedDatabase, version: str) -> None:
    tidying = database.reference("base.autovacuum_job")
    assert database.parameter("database.is_neutralized") == "true"
    assert active(database, "ir.cron") <= {tidying}
    servers = [database.rows("ir.mail_server")[each] for each in active(database, "ir.mail_server")]
    assert [server["smtp_host"] for server in servers] == ["invalid"]
    for row in database.rows("ir.mail_server").values():
        assert (row["smtp_host"], row.get("smtp_user") or row.get("smtp_pass") or "") == ("invalid", "")
    for row in database.rows("fetchmail.server").values():
        assert (row["active"], row["state"], row["password"]) == (False, "draft", False)
    assert {*states(database, "mail.mail")} == {"cancel"}
    assert states(database, of_payments(version)) == ["disabled", "test"]
    assert database.parameter("odoo_fleet.quiesced_mail_servers") is None


def require_nothing_reached_the_outside(world: Universe, since: int = 0) -> None:
    """Nobody was reached from a copy, by whatever name; but for the tidying up of one that is published."""
    for each in world.hosts["one"].outbox[since:]:
        is_copy = each.name.endswith("acme-staging")
        assert not is_copy or (each.what == TIDIES and not each.name.startswith("building-")), each


TIDIES = "cron: Base: Auto-vacuum internal data"


REFRESHED = Limits(depth=Depth(refresh=True), replacing=Replacing("acme-staging", backup_first=False))


async def tried_in(version: str) -> tuple[Universe, str]:
    """A copy in which something was tried, and a source that went on."""
    world, whole = begun(version), copied(version)
    assert (await world.reconcile(whole)).ok
    host = world.hosts["one"]
    host.databases["acme-staging"].insert("res.partner", {"name": "tried"})
    host.databases["acme"].insert("res.partner", {"name": "new customer"})
    return world, whole


def has(database: SimulatedDatabase, name: str) -> bool:
    return any(database.matching("res.partner", name=name))


def forms(world: Universe) -> list[str]:
    return [name for name in world.hosts["one"].listed() if name.endswith("acme-staging")]


def weekly(version: str, **fields: object) -> str:
    """A copy that is made anew each Monday at four in the morning in Brussels."""
    return text(
        copy_of("acme", "acme-staging", refresh='"0 4 * * 1"', timezone="Europe/Brussels", **fields), version=version
    )


MONDAY = datetime(2026, 3, 9, 3, tzinfo=UTC)


def now_is(world: Universe, moment: datetime) -> None:
    world.clock.skew += moment - world.clock.now()


def made_anew(passed: Passed) -> bool:
    assert passed.ok, passed
    return any(o.action.verb == "replace" for o in passed.outcomes)


async def ends_well(world: Universe, whole: str, version: str) -> None:
    for _ in range(3):
        await asyncio.sleep(3 * 3600)
        await world.reconcile(whole)
    host = world.hosts["one"]
    left = [name for name in host.listed() if name.endswith("acme-staging") and not name.startswith("trash-")]
    assert left == ["acme-staging"]
    assert "acme" in host.listed()
    copy = host.databases["acme-staging"]
    require_neutral(copy, version)
    assert host.files("acme-staging") == host.files("acme")
    assert len(copy.rows("res.users")) == len(host.databases["acme"].rows("res.users"))
    require_nothing_reached_the_outside(world)
