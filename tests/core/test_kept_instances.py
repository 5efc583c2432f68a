"""What is there already: what waits, what is told of it, and what is neither held back by what is full nor by a wrong clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.core.deciding import Limits, decide
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.model.module_versions import UpgradeNote
from reconciler.core.model.observed import NEUTRALIZED, DatabaseLook
from reconciler.fleet.desired import Desired
from tests.core.one_instance import ready, refusal
from tests.core.scenes import CRONS, NOW, as_declared, desired, instance, observed, online, seen_as, spec
from tests.core.test_copies import COPY

OVER = instance("acme", server="one", subscription='{start: "2026-01-01", end: "2026-01-31"}')
TRASH = names.trash("acme", NOW - timedelta(days=1))
MADE_FOR_ANOTHER = {"owner": "boss@there.example", "digest": "of another text"}


def decided(text: Desired, *looks: DatabaseLook, lists: tuple[str, ...] = (), late: bool = False) -> Changeset:
    """Plan for what was looked into on the server `one`, whose clock may be a year ahead."""
    there = ready(text, online("one", *looks, lists=lists))
    there = replace(there, clock=NOW + timedelta(days=365)) if late else there
    return decide(text, observed(there), NOTHING_REMEMBERED, NOW, Limits()).changeset


def look_at(text: Desired, code: str = "acme", name: str = "", mark: dict[str, Any] | None = None) -> DatabaseLook:
    look = as_declared(spec(text, f"instance/{code}"), name)
    assert look.mark is not None
    return replace(look, mark=replace(look.mark, **mark or {}))


def steps(changes: Changeset, code: str = "acme") -> list[str]:
    assert not [b for b in changes.blocked if b.code == code]
    return [a.verb for a in changes.actions if a.code == code]


# Where a server is full


def with_places(text: Desired, places: int) -> Desired:
    return text.having("server", {"one": text.servers["one"].model_copy(update={"max_instances": places})})


def test_what_is_wanted_back_from_the_trash_takes_a_place_and_waits_where_there_is_none() -> None:
    text = desired(instance("acme", server="one"))
    ended = seen_as(look_at(text, mark={"ended": TRASH}), active_crons=(), quiesced_crons=CRONS)
    ended = replace(ended, database=TRASH)
    full = decided(with_places(text, 1), ended, lists=("suspended.ghost",))
    assert refusal(full) == ("one", "server one is full: max_instances is 1", "")
    assert steps(decided(with_places(text, 2), ended, lists=("suspended.ghost",)))[0] == verbs.RETURN


@pytest.mark.parametrize("state", ["active", "suspended"])
def test_what_has_its_place_on_a_full_server_is_kept_as_its_text_says(state: str) -> None:
    text = with_places(desired(instance("acme", server="one", company="Acme", state=state)), 1)
    name = "acme" if state == "active" else "suspended.acme"
    assert steps(decided(text, seen_as(look_at(text, name=name), company="Other"))) == [verbs.CONFIGURE]


# Whose time is over


def over(**lines: str) -> Desired:
    text = desired(OVER + "".join(f"{name}: {value}\n" for name, value in lines.items()))
    return text.having("plan", {"starter": text.plans["starter"].model_copy(update={"on_expiry": "suspend"})})


def test_what_is_over_goes_out_of_service_but_not_by_a_clock_that_is_not_believed() -> None:
    text = over()
    (action,) = decided(text, look_at(text)).actions
    assert (action.verb, action.reason) == (verbs.SUSPEND, Reason.EXPIRED)
    server, why, advice = refusal(decided(text, look_at(text), late=True))
    assert server == "one"
    assert why.endswith("one of the clocks is wrong")
    assert advice == "set it; nothing is ended or dropped by it"


def test_what_is_over_and_out_of_service_is_kept_as_its_text_says_whatever_the_clocks_say() -> None:
    text = over(company="Acme")
    there = seen_as(look_at(text, name="suspended.acme"), company="Other")
    assert steps(decided(text, there, late=True)) == [verbs.CONFIGURE]


# Whose modules come first


@pytest.mark.parametrize(
    "seen",
    [
        {"broken": "column x does not exist"},
        {"modules": {"base": "to upgrade"}, "upgrading": UpgradeNote(NOW, "", {"base": "19.0.1.1"})},
    ],
)
def test_nothing_else_is_done_to_one_that_newer_code_broke_or_whose_upgrade_was_cut_short(seen: dict[str, Any]) -> None:
    text = desired(instance("acme", company="Acme"), upgrade="follow")
    there = seen_as(look_at(text), company="Other", **seen)
    assert steps(decided(text, there)) == [verbs.UPGRADE]


def test_what_somebody_else_upgrades_is_left_alone_though_an_upgrade_of_other_modules_is_noted() -> None:
    text = desired(instance("acme", company="Acme"))
    note = UpgradeNote(NOW, "", {"mail": "19.0.1.1"})
    there = seen_as(look_at(text), company="Other", modules={"base": "to upgrade"}, upgrading=note)
    assert refusal(decided(text, there))[1].startswith("acme: somebody is at work in it")


# What may be another's


def test_a_copy_that_was_made_for_another_owner_is_told_how_it_may_stay() -> None:
    text = desired(instance("acme"), COPY)
    found = decided(text, look_at(text), look_at(text, "staging", mark=MADE_FOR_ANOTHER))
    assert refusal(found, "staging") == (
        "one",
        "staging was made for owner boss@there.example: its text named one then",
        (
            "if it is to stay, write a `template`, `neutralize: true` and `adopt: {}` in the place of `clone_of`, which may"
            " come back once that is applied; if not, choose another `database_name`"
        ),
    )


def test_what_is_not_neutralized_though_its_text_says_so_is_told_apart_by_how_it_was_to_be_made() -> None:
    why = " is not neutralized, which is done only while a database is built: it goes on mailing and taking payments"

    def awake(document: str, code: str) -> tuple[str, str, str]:
        text = desired(document, *([] if code == "acme" else [instance("acme")]))
        there = look_at(text, code)
        there = replace(there, parameters={k: v for k, v in there.parameters.items() if k != NEUTRALIZED})
        return refusal(decided(text, there, *([] if code == "acme" else [look_at(text)])), code)

    assert awake(COPY, "staging") == (
        "one",
        f"staging{why}",
        "somebody put it in earnest: end it, and bring it back under another `database_name`; or write `neutralize: false`",
    )
    assert awake(instance("acme", neutralize="true"), "acme") == (
        "one",
        f"acme{why}",
        "take `neutralize` out again; for a neutralized copy declare a new instance with `clone_of`",
    )


@pytest.mark.parametrize("adopt", ["{}", None])
def test_what_another_fleet_has_marked_is_told_how_that_gives_it_up_where_it_is_to_be_taken_over(
    adopt: str | None,
) -> None:
    text = desired(instance("acme", server="one", **({"adopt": adopt} if adopt else {})))
    server, why, advice = refusal(decided(text, look_at(text, mark={"fleet": "theirs"})))
    assert (server, why) == ("one", "acme: it belongs to fleet 'theirs'")
    given_up = (
        "only if that fleet has given it up (its document removed there, then `odoo-fleet forget`), remove"
        " the system parameters odoo_fleet.* in it (Odoo: Settings, Technical)"
    )
    assert advice == (given_up if adopt else "")
