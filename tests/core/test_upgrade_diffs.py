"""Upgrades in the diff: whose turn it is, what waits for its template, and what is said of one that newer code has broken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.core import verbs
from reconciler.core.changesets import Changeset
from reconciler.core.deciding import Limits, decide
from reconciler.core.inventory import NOTHING_REMEMBERED
from reconciler.core.module_versions import Behind, UpgradeNote
from tests.core.one_instance import refusal
from tests.core.scenes import NOW, as_declared, desired, instance, observed, online, spec

MAIL = Behind("mail", "19.0.1.0", "19.0.1.1")
BACK = "or bring back the code that it was made for"


def plan(upgrade: str, template: dict[str, Any] | None = None, **seen: Any) -> Changeset:
    """Plan for one instance and its template on a host with newer code; `template` and `seen` say how these stand."""
    text = desired(instance("acme"), upgrade=upgrade)
    base, acme = as_declared(spec(text, "template/base")), as_declared(spec(text, "instance/acme"))
    looks = replace(base, **template or {}), replace(acme, **seen)
    return decide(text, observed(online("one", *looks)), NOTHING_REMEMBERED, NOW, Limits()).changeset


def failed() -> UpgradeNote:
    return UpgradeNote(NOW, "", {"mail": MAIL.code}, why="its script is broken", undone=True)


def upgraded(changes: Changeset) -> list[str]:
    return [a.address for a in changes.actions if a.verb is verbs.UPGRADE]


def withheld(changes: Changeset) -> dict[str, str]:
    return {held.action.address: held.why for held in changes.withheld}


def test_the_template_comes_first_and_its_instances_in_the_same_run() -> None:
    changes = plan("follow", {"behind": (MAIL,)}, behind=(MAIL,))
    assert upgraded(changes) == ["template/base", "instance/acme"]
    assert changes.actions[0].id in changes.actions[1].after


def test_an_instance_waits_for_a_template_whose_upgrade_failed_and_is_told_of_what() -> None:
    changes = plan("follow", {"behind": (MAIL,), "upgrading": failed()}, behind=(MAIL,))
    assert upgraded(changes) == []
    told = withheld(changes)
    assert told["instance/acme"] == "template/base comes first, whose upgrade failed: its script is broken"
    assert "`odoo-fleet apply --target template/base` tries again" in told["template/base"]


def test_an_instance_waits_for_a_template_that_waits_itself_and_nothing_more_is_said() -> None:
    text = desired(instance("acme"), upgrade="follow")
    base = replace(as_declared(spec(text, "template/base")), behind=(MAIL,))
    acme = replace(as_declared(spec(text, "instance/acme")), behind=(MAIL,))
    frozen = replace(base, modules={"base": "to upgrade"})
    changes = decide(text, observed(online("one", frozen, acme)), NOTHING_REMEMBERED, NOW, Limits()).changeset
    assert withheld(changes)["instance/acme"] == "template/base comes first"


def test_who_is_broken_and_holds_is_told_with_what_is_behind_if_that_is_known() -> None:
    broken = "acme: newer code of its host has broken it, nobody can work in it: column x does not exist"
    advice = f"write `upgrade: follow` and it is upgraded, {BACK}"
    assert refusal(plan("hold", broken="column x does not exist")) == ("one", broken, advice)
    both = plan("hold", broken="column x does not exist", behind=(MAIL,))
    assert refusal(both) == ("one", f"{broken} (mail 19.0.1.0 → 19.0.1.1)", advice)


def test_a_template_that_is_broken_and_whose_upgrade_failed_says_what_to_mend() -> None:
    changes = plan("follow", {"broken": "column x does not exist", "behind": (MAIL,), "upgrading": failed()})
    (found,) = [b for b in changes.blocked if b.kind == "template"]
    assert found.why.startswith("template_base: newer code of its host has broken it, nobody can work in it: column x")
    assert found.advice == f"mend what its upgrade failed of, {BACK}"
