"""Moves in the diff: what is planned and why, and each thing that is in the way, with what to do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.deciding import Limits, decide
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED, Inventory
from reconciler.core.model.observed import DatabaseLook, ObservedHost
from reconciler.core.policies import backups
from reconciler.fleet.desired import Desired
from tests.core.one_instance import refusal
from tests.core.scenes import NOW, as_declared, desired, instance, observed, offline, online, spec

ON_TWO = instance("acme", server="two")
CODE = dict.fromkeys(("base", "mail", "web"), ("19.0.1.0", "19.0.1.0"))
SERVERS = ("one", "two")


def text_of(*documents: str, **fleet: str) -> Desired:
    return desired(*(documents or (ON_TWO,)), servers=SERVERS, **fleet)


def of_acme(text: Desired, name: str = "acme", mark: dict[str, Any] | None = None, **seen: Any) -> DatabaseLook:
    """Make the look of acme where it was: on the other server than its text says."""
    look = as_declared(spec(text, "instance/acme", "one"), name)
    assert look.mark is not None
    return replace(look, mark=replace(look.mark, **mark or {}), **{"versions": CODE, **seen})


def template(text: Desired, server: str, **seen: Any) -> DatabaseLook:
    return replace(as_declared(spec(text, "template/base", server)), **{"versions": CODE, **seen})


def plan(
    text: Desired,
    *looks: DatabaseLook,
    two: ObservedHost | None = None,
    memory: Inventory = NOTHING_REMEMBERED,
    **there: Any,
) -> Changeset:
    one = online("one", template(text, "one"), *(looks or [of_acme(text)]))
    two = two or online("two", template(text, "two", **there))
    return decide(text, observed(one, two), memory, NOW, Limits()).changeset


def moved(changes: Changeset) -> Action:
    (action,) = [a for a in changes.actions if a.code == "acme"]
    assert (action.verb, action.server, action.origin) == (verbs.MOVE, "two", "one")
    return action


def why_not(changes: Changeset) -> tuple[str, str]:
    server, why, advice = refusal(changes)
    assert server == "two"
    assert why.startswith("it is not moved from one: ")
    return why.removeprefix("it is not moved from one: "), advice


def test_what_is_elsewhere_than_its_text_says_moves_there() -> None:
    action = moved(plan(text_of()))
    assert (action.database, action.becomes, action.reason, action.changes) == ("acme", "acme", Reason.DECLARED, ())
    suspended = text_of(instance("acme", server="two", state="suspended"))
    action = moved(plan(suspended, of_acme(suspended, "suspended.acme")))
    assert (action.becomes, action.reason) == ("suspended.acme", Reason.DECLARED)


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("acme", {"leaving": "building-261124110000aaaaa.acme"}),
        ("suspended.acme", {}),
        ("switching.acme", {}),
        (names.moved("acme", NOW), {}),
    ],
)
def test_one_that_was_begun_is_gone_on_with_as_interrupted(name: str, mark: dict[str, Any]) -> None:
    text = text_of()
    action = moved(plan(text, of_acme(text, name, mark)))
    assert (action.database, action.becomes, action.reason) == (name, "acme", Reason.INTERRUPTED)


def test_nothing_moves_to_or_from_what_cannot_be_asked_or_is_held_or_full() -> None:
    text = text_of()
    assert [a for a in plan(text, two=offline("two")).actions if a.verb is verbs.MOVE] == []
    other = replace(online("two", template(text, "two")), version="18.0")
    assert refusal(plan(text, two=other))[:2] == ("two", "server two runs Odoo 18.0, declared is 19.0")
    full = text_of(ON_TWO, instance("beta", server="two"))
    held = full.having("server", {c: s.model_copy(update={"max_instances": 1}) for c, s in full.servers.items()})
    beta = as_declared(spec(held, "instance/beta", "two"))
    assert (
        why_not(plan(held, two=online("two", template(held, "two"), beta)))[0]
        == "server two is full: max_instances is 1"
    )


def test_those_that_move_in_one_pass_are_counted_where_they_go() -> None:
    movers = ["acme", "beta", "cafe"]
    for places in range(4):
        text = text_of(*(instance(code, server="two") for code in movers))
        text = text.having(
            "server", {c: s.model_copy(update={"max_instances": places}) for c, s in text.servers.items()}
        )
        there = [replace(as_declared(spec(text, f"instance/{code}", "one")), versions=CODE) for code in movers]
        assert [a.code for a in plan(text, *there).actions if a.verb is verbs.MOVE] == movers[:places]


def test_both_servers_are_tested_and_what_lost_its_way_is_put_aside_before_it_moves() -> None:
    text = text_of()
    lost = replace(as_declared(spec(text, "instance/acme", "two"), "switching.acme"), versions=CODE)
    assert lost.mark is not None
    lost = replace(lost, mark=replace(lost.mark, in_service=False))
    hosts = online("one", of_acme(text)), online("two", template(text, "two"), lost)
    changes = decide(text, observed(*hosts), NOTHING_REMEMBERED, NOW, Limits()).changeset
    (move,) = [a for a in changes.actions if a.verb is verbs.MOVE]
    first = [a.id for a in changes.actions if a.verb in (verbs.ACTIVATE, verbs.DISCARD)]
    assert sorted(move.after) == sorted(first)
    assert len(first) == 2


def test_a_plan_shows_in_which_target_what_moves_is_kept() -> None:
    two = "{main: {url: 'file:///main'}, second: {url: 'file:///second'}}"
    text = text_of(instance("acme", server="two", backup="{target: second}"), backup_targets=two)
    assert moved(plan(text)).changes == (FieldChange(backups.FIELD, "none", "one in second, of what is moved"),)


def test_nothing_moves_from_a_host_whose_list_is_not_believed() -> None:
    memory = Inventory(listings={"one": ("acme", "lost", "template_base")})
    text = text_of(ON_TWO, instance("lost", server="one"))
    why, _ = why_not(plan(text, memory=memory))
    assert why == "changes on one are frozen: it no longer lists lost"


def test_what_somebody_works_in_or_can_have_no_backup_does_not_move() -> None:
    text = text_of()
    why, _ = why_not(plan(text, of_acme(text, modules={"base": "to upgrade"})))
    assert why.startswith("somebody is at work in it")
    kept = text_of(instance("acme", server="two", backup="{}"))
    assert "no one target" in why_not(plan(kept))[0]


def test_where_its_name_is_to_be_anothers_it_does_not_leave_it_behind() -> None:
    heir = instance("heir", server="one", database_name="acme", subdomain="heir")
    text = text_of(ON_TWO, heir)
    assert why_not(plan(text)) == ("one is to have another instance's acme", "choose another name for one")
    gone = text_of(ON_TWO, instance("heir", server="one", database_name="acme", subdomain="heir", state="absent"))
    moved(plan(gone))


def test_another_instance_of_its_name_on_a_third_server_is_not_in_the_way() -> None:
    heir = instance("heir", server="three", database_name="acme", subdomain="heir")
    moved(plan(desired(ON_TWO, heir, servers=(*SERVERS, "three"))))


def test_what_bears_its_former_mark_moves_while_the_text_says_so() -> None:
    text = text_of(instance("acme", server="two", renamed_from="old"))
    moved(plan(text, of_acme(text, mark={"code": "old"})))
    assert [a for a in plan(text_of(), of_acme(text_of(), mark={"code": "old"})).actions if a.verb is verbs.MOVE] == []


def test_modules_that_the_target_lacks_are_named_the_first_few_of_many() -> None:
    text = text_of()
    more = {f"m{n}": ("1.0", "1.0") for n in range(8)}
    for missing, told in ((1, "m0"), (5, "m0, m1, m2, m3, m4"), (8, "m0, m1, m2, m3, m4 and 3 more")):
        own = {**CODE, **dict(list(more.items())[:missing])}
        why, advice = why_not(plan(text, of_acme(text, modules=dict.fromkeys(own, "installed"), versions=own)))
        assert why == f"two does not have the modules {told}"
        assert advice.startswith("deploy their code there")


def test_modules_of_other_versions_are_named_with_both_and_a_version_that_nobody_knows_is_told_so() -> None:
    text = text_of()
    why, advice = why_not(plan(text, versions={**CODE, "mail": ("19.0.1.0", "19.0.2.0"), "web": ("", "")}))
    assert why == "two has other versions of modules: mail 19.0.1.0 → 19.0.2.0, web 19.0.1.0 → ?"
    assert advice == "deploy the same code on both, and upgrade what is behind"
    unknown = of_acme(text, modules={"base": "installed", "mail": "installed"}, versions={"base": CODE["base"]})
    assert why_not(plan(text, unknown))[0] == "two has other versions of modules: mail ? → 19.0.1.0"


def test_where_nobody_looked_which_modules_the_target_has_nothing_moves() -> None:
    text = text_of()
    assert why_not(plan(text, versions=None)) == (
        "what modules two has, its template template_base tells, which was not looked into",
        "run without --shallow, once the template is there",
    )


def test_a_plan_shows_that_customers_find_it_at_another_address_there() -> None:
    text = text_of()
    away = text.having(
        "server", {**text.servers, "two": text.servers["two"].model_copy(update={"domain": "two.example"})}
    )
    (change,) = moved(plan(away)).changes
    assert (change.field, change.desired) == ("parameters.web.base.url", "https://acme.two.example")
    assert change.observed == "https://acme.example.com"
