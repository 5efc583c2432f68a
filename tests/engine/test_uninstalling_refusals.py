"""What stops an uninstall, what one is believed by, and what is noted of it: on a host in memory that is spoilt in one way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.model import module_operations, verbs
from reconciler.core.model.actions import FieldChange
from reconciler.core.model.failures import ConnectionCut, ProofFailed, Refused, UnknownOutcome
from reconciler.fleet.desired import Desired
from tests.core.scenes import desired, instance
from tests.engine.memory_host import Kept
from tests.engine.test_carrying_out import ENTRY, Stand, act

TEXT = desired(instance("acme", modules_absent="[crm]"))
SHOWN = (
    FieldChange("modules.crm", "installed", "uninstalled"),
    FieldChange("modules.crm_sms", "installed", "uninstalled with crm, which it depends on"),
)
UNINSTALL = replace(act(verbs.UNINSTALL), changes=SHOWN)


def stand(text: Desired = TEXT, name: str = "acme", **mark: Any) -> tuple[Stand, Kept]:
    """A host with a database in which a module is that its text wants absent, and another one that depends on it."""
    made = Stand(text)
    kept = made.host.hold(made.spec("instance/acme"), name, **mark)
    kept.seen = {"modules": dict.fromkeys([*kept.spec.modules, "crm", "crm_sms"], "installed")}
    return made, kept


def test_what_goes_is_noted_with_it_and_what_was_verified_before_is_not_relied_on() -> None:
    made, kept = stand()
    made.memory.verified(*ENTRY, "acme", "of an earlier text", None)
    made.perform(UNINSTALL)
    ((_, name, named, note),) = made.host.done("uninstall")
    assert (name, named, note.uuid, note.to) == ("acme", "crm", kept.uuid, {"crm": "", "crm_sms": ""})
    assert made.told == ["acme: uninstalling modules"]
    assert made.memory.entries[ENTRY].digest == ""


@pytest.mark.parametrize(("name", "is_quiet"), [("acme", False), ("suspended.acme", True)])
def test_what_is_out_of_service_is_quiet_again_after_it(name: str, *, is_quiet: bool) -> None:
    made, kept = stand(name=name)
    made.perform(replace(UNINSTALL, database=name, becomes=name))
    assert kept.quiet is is_quiet


# What it does not begin on


def refused(made: Stand) -> tuple[Any, ...]:
    made.memory.verified(*ENTRY, "acme", "of an earlier text", None)
    failure = made.fails(UNINSTALL)
    assert made.host.done("uninstall", "quiesce") == []
    assert made.memory.entries[ENTRY].digest == "of an earlier text"
    return failure


def test_another_documents_database_loses_nothing() -> None:
    made, _ = stand(uuid="the original's")
    advice = "if it is to be instance/acme, set its parameter odoo_fleet.uuid to its database.uuid"
    assert refused(made) == (Refused, "it is a copy of instance/acme, not the original", advice, "acme")


def test_while_somebody_is_at_work_in_it_nothing_goes() -> None:
    made, kept = stand()
    kept.seen["modules"] = {"base": "to upgrade", "crm": "installed"}
    why = "somebody is at work in it: modules base are 'to upgrade'; it is looked at again later"
    assert refused(made) == (Refused, why, module_operations.ADVICE, "acme")


def test_while_it_is_renamed_its_former_code_in_it_is_its_own() -> None:
    made, _ = stand(desired(instance("acme", renamed_from="old-acme", modules_absent="[crm]")), code="old-acme")
    made.perform(UNINSTALL)
    assert len(made.host.done("uninstall")) == 1


# What it is believed by


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ({"base": "installed", "crm": "installed", "crm_sms": "to remove"}, "modules crm, crm_sms are there again"),
        ({"base": "to upgrade", "mail": "to install"}, "modules base, mail are half-way"),
    ],
)
def test_what_a_fresh_look_finds_there_again_or_half_way_is_told_with_its_database(
    after: dict[str, str], why: str
) -> None:
    made, _ = stand()
    made.host.answers["uninstall"] = {"modules": after}
    assert made.fails(UNINSTALL) == (ProofFailed, why, "", "acme")
    assert ENTRY not in made.memory.entries


def test_one_that_was_not_begun_is_tried_again_and_one_whose_answer_is_lost_is_not_sent_twice() -> None:
    at = {"server": "one", "database": "acme"}
    made, _ = stand()
    made.host.answers["uninstall"] = [ConnectionCut("closed", **at)]
    made.perform(UNINSTALL)
    assert len(made.host.done("uninstall")) == 2

    made, _ = stand()
    made.host.answers["uninstall"] = [UnknownOutcome("no answer", **at)]
    assert made.fails(UNINSTALL) == (UnknownOutcome, "no answer", "", "acme")
    assert len(made.host.done("uninstall")) == 1
