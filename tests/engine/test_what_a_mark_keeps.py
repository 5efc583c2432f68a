"""What stays in the mark of a database through a configuration, what goes, and whose mark stops it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.failures import ProofFailed, Refused
from tests.core.scenes import desired, instance
from tests.engine.memory_host import WORKS, Kept, MemoryDatabase
from tests.engine.test_carrying_out import CHANGES, ENTRY, Stand, act
from tests.harness.virtual_time import run

PROTECTED = desired(instance("acme", deletion_protection="true"))
FREE = desired(instance("acme"))
CONFIGURE = act(verbs.CONFIGURE)


def of_an_earlier_text(stand: Stand, name: str = "", address: str = "instance/acme", **mark: Any) -> Kept:
    return stand.host.hold(stand.spec(address), name, **{"digest": "of an earlier text", **mark})


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        (FREE, True, False),
        (FREE, False, None),
        (FREE, None, None),
        (PROTECTED, True, True),
        (PROTECTED, False, True),
        (PROTECTED, None, True),
    ],
)
def test_protection_goes_from_a_database_when_its_text_lifts_it_and_only_then(
    text: Any, *, before: bool | None, after: bool | None
) -> None:
    """That it was lifted is noted: a mark that says nothing leaves an older note of protection as it is."""
    stand = Stand(text)
    kept = of_an_earlier_text(stand, protected=before)
    stand.perform(CONFIGURE)
    assert kept.mark is not None
    assert kept.mark.protected is after


@pytest.mark.parametrize(("address", "name"), [("template/base", "template_base"), ("instance/acme", "acme")])
@pytest.mark.parametrize("made_of", ["", "a version"])
def test_which_version_of_a_template_it_is_stays_whatever_its_text_says_by_now(
    address: str, name: str, made_of: str
) -> None:
    stand = Stand()
    kept = of_an_earlier_text(stand, name, address, made_of=made_of)
    stand.perform(act(verbs.CONFIGURE, name, address=address))
    assert kept.mark is not None
    assert (kept.mark.made_of, kept.mark.digest) == (made_of, stand.spec(address).digest())


# Whose it is by now


@pytest.mark.parametrize(
    ("text", "mark", "why", "advice"),
    [
        (FREE, {"fleet": "theirs"}, "it belongs to fleet 'theirs'", ""),
        (
            FREE,
            {"uuid": "the original's"},
            "it is a copy of instance/acme, not the original",
            "if it is to be instance/acme, set its parameter odoo_fleet.uuid to its database.uuid",
        ),
        (
            desired(instance("acme", renamed_from="old-acme")),
            {"code": "shop"},
            "it belongs to instance/shop",
            "if it is instance/acme, once renamed, write `renamed_from: shop`; only if it is not, choose another `database_name`",
        ),
    ],
)
def test_what_is_anothers_by_now_is_not_written_into(text: Any, mark: dict[str, str], why: str, advice: str) -> None:
    stand = Stand(text)
    kept = of_an_earlier_text(stand, **mark)
    kept.seen, before = {"company": "Theirs"}, kept.mark
    assert stand.fails(CONFIGURE) == (Refused, why, advice, "acme")
    assert stand.host.done("clear_digest", "write_mark", *CHANGES) == []
    assert kept.mark == before
    assert ENTRY not in stand.memory.entries


def test_one_without_a_mark_is_nobodys_to_configure() -> None:
    stand = Stand()
    stand.host.hold(stand.spec("instance/acme")).mark = None
    kind, why, advice, database = stand.fails(CONFIGURE)
    assert (kind, why, database) == (Refused, "it bears no mark of this fleet", "acme")
    assert "it was not made by this fleet" in advice
    assert stand.host.done("clear_digest", "write_mark", *CHANGES) == []


def test_the_code_that_it_had_before_it_was_renamed_is_its_own_until_the_mark_says_otherwise() -> None:
    stand = Stand(desired(instance("acme", renamed_from="old-acme")))
    kept = of_an_earlier_text(stand, code="old-acme")
    stand.perform(CONFIGURE)
    assert kept.mark is not None
    assert kept.mark.code == "acme"


# What does not stay


@pytest.mark.parametrize(("times", "is_done"), [(1, True), (2, True), (3, False)])
def test_scheduled_actions_that_do_not_stay_awake_are_woken_once_more_and_then_told(
    times: int, *, is_done: bool
) -> None:
    stand = Stand()
    stand.host.hold(stand.spec("instance/acme")).quiet = True
    held_back = run(MemoryDatabase(stand.host, "acme").look())
    stand.host.answers["look"] = [WORKS, *[held_back] * times]
    if is_done:
        stand.perform(CONFIGURE)
        assert ENTRY in stand.memory.entries
    else:
        why = "after it was configured, schedule is '1 scheduled action held back', not 'awake'"
        assert stand.fails(CONFIGURE) == (ProofFailed, why, "", "acme")
    assert len(stand.host.done("wake")) == min(times + 1, 3)
