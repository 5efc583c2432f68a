"""A copy of an instance: its source's rows, files and people, neutralized, under a name, password and address of its own."""

from __future__ import annotations

import pytest

from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_text import render_plan
from tests.harness.universe import Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

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
    acme = world.hosts["one"].databases["acme"]
    acme.insert("res.users", {**acme.rows("res.users")[2], "login": "pilot", "password": "their own"})
    acme.insert(
        "ir.mail_server", {"name": "out", "active": True, "smtp_host": "mail", "smtp_user": "u", "smtp_pass": "p"}
    )
    acme.insert("ir.mail_server", {"name": "old", "active": False, "smtp_host": "mail", "smtp_pass": "p"})
    acme.insert("fetchmail.server", {"name": "in", "active": True, "state": "done", "server": "mail", "password": "p"})
    acme.insert("mail.mail", {"subject": "an invoice", "state": "outgoing", "email_to": "theirs@example.net"})
    model = "payment.provider" if version == "19.0" else "payment.acquirer"
    acme.insert(model, {"name": "card", "state": "enabled"})
    acme.insert(model, {"name": "tried", "state": "test"})
    return world


@both
def test_it_has_all_of_its_source_and_is_itself(version: str) -> None:
    async def story() -> None:
        world = await lived_in(version)
        host = world.hosts["one"]
        whole = text(copy_of("acme"), version=version)
        planned = await world.plan(whole)
        shown = render_plan(planned.changeset, read(whole), Paper())
        assert "+ copy instance/acme-staging  new, of acme as it is then" in shown
        assert "it mails nobody" in shown
        passed = await world.reconcile(whole)
        assert passed.ok, passed
        acme, copy = host.databases["acme"], host.databases["acme-staging"]
        assert copy.parameter("database.is_neutralized") == "true"
        assert len(copy.rows("res.users")) == len(acme.rows("res.users"))
        again = await world.reconcile(whole)
        assert not again.planned.changeset.actions

    run(story())
