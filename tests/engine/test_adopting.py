"""Taking over as it is carried out: what is written, proven and remembered, and what is refused at the moment of acting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model import module_operations, verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.failures import (
    HostUnreachable,
    PasswordRefused,
    ProofFailed,
    Refused,
    Rejected,
    UnknownOutcome,
)
from reconciler.loading.secrets import SecretResolver
from tests.core.scenes import as_declared, desired, instance, mark_for, seen_as, spec
from tests.engine.memory_host import WORKS, Kept
from tests.engine.test_carrying_out import ENTRY, Stand
from tests.harness.universe import ENVIRON, TEMPLATE, fleet, read, universe
from tests.harness.virtual_time import run

TEXT = desired(instance("acme", adopt="{admin_password: {env: THEIRS}}"))
ACME = spec(TEXT, "instance/acme")
ADOPT = Action(verbs.ADOPT, "instance", "acme", "one", Reason.DECLARED, "acme", "acme")
GIVEN = "adopt.admin_password of instance/acme"
"""What `Passwords` of the tests gives for the field."""


def held(stand: Stand, **seen: Any) -> Kept:
    kept = stand.host.hold(ACME)
    kept.mark, kept.password, kept.seen = None, GIVEN, dict(seen)
    return kept


def test_mark_and_password_are_written_at_once_proven_and_remembered() -> None:
    stand = Stand(TEXT)
    kept = held(stand)
    stand.perform(ADOPT)
    assert kept.mark == mark_for(ACME, kept.uuid)
    assert kept.password == "admin_password of instance/acme"
    assert stand.host.done("adopt") == [("adopt", "acme", False, True)]
    assert [call[0] for call in stand.host.asked if call[0] not in ("open", "look")] == ["adopt", "accepts"]
    assert stand.memory.entries[ENTRY].digest == ACME.digest()


def test_what_is_left_to_be_done_keeps_it_from_counting_as_verified() -> None:
    stand = Stand(TEXT)
    kept = held(stand, modules={"base": "installed"})
    stand.perform(ADOPT)
    assert kept.mark == replace(mark_for(ACME, kept.uuid), digest="")
    assert ENTRY not in stand.memory.entries


def test_one_that_has_the_declared_password_keeps_it() -> None:
    stand = Stand(TEXT)
    kept = held(stand)
    kept.password = "admin_password of instance/acme"
    stand.perform(ADOPT)
    assert kept.mark == mark_for(ACME, kept.uuid)
    assert kept.password == "admin_password of instance/acme"
    assert stand.host.done("adopt") == [("adopt", "acme", False, False)], "nothing is written that is so already"


@pytest.mark.parametrize("failure", [UnknownOutcome("no answer"), HostUnreachable("away")])
def test_when_its_answer_is_lost_it_is_looked_for_and_not_done_twice(failure: Exception) -> None:
    stand = Stand(TEXT)
    kept = held(stand)
    stand.host.answers["adopt"] = [failure, WORKS]
    stand.perform(ADOPT)
    assert kept.mark == mark_for(ACME, kept.uuid)
    assert len(stand.host.done("adopt")) == (1 if isinstance(failure, UnknownOutcome) else 2)


@pytest.mark.parametrize(
    ("seen", "why", "what_to_do"),
    [
        ({"second_factor": True}, "its account 'admin' logs in with a second factor", "switch two-factor login off"),
        ({"is_admin": False}, "what `adopt` says opens another account", "give the login and the password"),
        ({"modules": {"base": "to upgrade"}}, "somebody is at work in it", module_operations.ADVICE),
    ],
)
def test_what_has_changed_since_the_plan_is_refused_and_nothing_is_written(
    seen: dict[str, Any], why: str, what_to_do: str
) -> None:
    stand = Stand(TEXT)
    kept = held(stand, **seen)
    kind, said, advice, database = stand.fails(ADOPT)
    assert (kind, database) == (Refused, "acme")
    assert said.startswith(why)
    assert advice.startswith(what_to_do)
    assert (kept.mark, kept.password) == (None, GIVEN)
    assert stand.host.done("adopt") == []


def test_what_another_fleet_has_marked_since_the_plan_is_left_to_it() -> None:
    stand = Stand(TEXT)
    kept = held(stand)
    kept.mark = replace(mark_for(ACME, kept.uuid), fleet="another")
    assert stand.fails(ADOPT)[:2] == (Refused, "it belongs to fleet 'another'")
    assert stand.host.done("adopt") == []


def test_a_door_that_was_shut_since_the_plan_is_told() -> None:
    stand = Stand(TEXT)
    held(stand).password = "another"
    kind, why, advice, _ = stand.fails(ADOPT)
    assert kind is PasswordRefused
    assert why.startswith("it opens neither to what `adopt` says")
    assert "nothing was changed" in advice


def test_what_odoo_refuses_is_told_and_a_password_that_is_not_taken_is_no_success() -> None:
    stand = Stand(TEXT)
    kept = held(stand)
    stand.host.answers["adopt"] = Rejected("Odoo knows no language 'xx'", server="one", database="acme")
    assert stand.fails(ADOPT)[:2] == (Rejected, "Odoo knows no language 'xx'")
    assert kept.mark is None
    stand.host.answers = {"accepts": False}
    assert stand.fails(ADOPT)[:2] == (ProofFailed, "the declared password is not taken")
    assert ENTRY not in stand.memory.entries


def test_what_a_look_after_it_shows_to_be_anothers_is_not_remembered_and_told_with_what_to_do() -> None:
    stand = Stand(TEXT)
    held(stand)
    theirs = replace(mark_for(ACME, "uuid of acme"), fleet="another")
    stand.host.answers["look"] = [WORKS, seen_as(as_declared(ACME), uuid="uuid of acme", mark=theirs)]
    kind, why, advice, database = stand.fails(ADOPT)
    assert (kind, why, database) == (ProofFailed, "it belongs to fleet 'another'", "acme")
    assert advice.startswith("only if that fleet has given it up")
    assert ENTRY not in stand.memory.entries


def test_a_template_is_quiet_from_then_on_and_noted_as_no_build_for_good() -> None:
    one = TEMPLATE.format(servers="one")
    text = read(fleet().replace(one, one + "adopt: {}\n"))
    base = spec(text, "template/base")
    stand = Stand(text)
    kept = stand.host.hold(base)
    kept.mark, kept.quiet = None, False
    stand.perform(Action(verbs.ADOPT, "template", "base", "one", Reason.DECLARED, base.target, base.target))
    assert kept.mark is not None
    assert (kept.quiet, kept.mark.in_service, kept.mark.digest) == (True, True, base.digest())
    kept.mark = replace(kept.mark, digest="of an earlier text")
    stand.perform(Action(verbs.CONFIGURE, "template", "base", "one", Reason.CHANGED, base.target, base.target))
    assert kept.mark.in_service is True, "what is turned to trash, or dropped, was never in service"


def test_a_look_before_it_is_done_makes_nobody_remember_it_as_ours() -> None:
    """Or else a plan would keep the next apply from taking it over."""
    world = universe()
    text = fleet(instance("acme", server="one", adopt="{}"))

    async def story() -> None:
        assert (await world.reconcile(fleet())).ok
        database = world.hosts["one"].add_database("acme", admin_password=own(text), watched=False)
        for row in list(database.rows("ir.module.module").values()):
            if row["name"] in ("web", "mail"):
                database.update("ir.module.module", row["id"], {"state": "installed"})
        for key, value in (("web.base.url", "https://acme.example.com"), ("web.base.url.freeze", "True")):
            database.set_parameter(key, value)
        for _ in range(2):
            planned = await world.plan(text)
            assert [(a.verb, a.changes) for a in planned.changeset.actions] == [(verbs.ADOPT, ())]
        assert world.memory is not None
        assert ("instance", "acme", "one") not in world.memory.entries
        assert (await world.reconcile(text)).ok
        assert (await world.plan(text)).changeset.is_converged

    run(story())


def own(text: str) -> str:
    """The password that the text declares."""
    desired = read(text)
    resolver = SecretResolver(desired, ENVIRON, Path())
    reference = desired.instances["acme"].admin_password
    return resolver.resolve(reference, "instance", "acme", "admin_password").reveal()
