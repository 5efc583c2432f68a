"""`adopt`: a database that nobody has marked is taken over if what the text says opens it, and nothing is built in its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.deciding import Limits, decide
from reconciler.core.model import verbs
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.model.observed import Access, DatabaseLook
from reconciler.core.needs import secrets_needed
from tests.core.one_instance import look_of, plan, refusal, remembered
from tests.core.scenes import CRONS, NOW, as_declared, desired, instance, observed, online, seen_as, spec
from tests.harness.universe import TEMPLATE, fleet, read

OPENS = "{admin_password: {env: THEIRS}}"
ACME = instance("acme", server="one", adopt=OPENS, company="Acme")
BY_HAND = "set that system parameter in it to a new UUID"


def theirs(document: str = ACME, **seen: Any) -> DatabaseLook:
    """Make the look of a database as the text says, but for the mark, that opens to what `adopt` says."""
    return seen_as(look_of(document), **{"mark": None, "access": Access.GIVEN, **seen})


def shown(changes: Changeset) -> list[tuple[str, str, list[str]]]:
    return [(a.verb, a.database, [c.field for c in a.changes]) for a in changes.actions]


def test_it_is_taken_over_with_its_password_and_what_is_declared() -> None:
    assert shown(plan(ACME, online("one", theirs()))) == [("adopt", "acme", ["admin_password"])]
    looks = theirs(company="Other", parameters={})
    fields = ["admin_password", "company", "parameters.web.base.url", "parameters.web.base.url.freeze"]
    assert shown(plan(ACME, online("one", looks))) == [("adopt", "acme", fields)]
    (action,) = plan(ACME, online("one", looks)).actions
    assert (action.reason, action.becomes) == (Reason.DECLARED, "acme")
    assert action.changes[0].observed == "what `adopt` says"


def test_one_that_has_the_declared_password_already_is_taken_over_as_well() -> None:
    for adopt in ("{}", OPENS):
        document = instance("acme", server="one", adopt=adopt)
        assert shown(plan(document, online("one", theirs(document, access=Access.CURRENT)))) == [("adopt", "acme", [])]


def test_what_takes_its_own_time_follows() -> None:
    lacking = theirs(modules={"base": "installed", "web": "installed"})
    assert shown(plan(ACME, online("one", lacking))) == [
        ("adopt", "acme", ["admin_password"]),
        ("configure", "acme", ["modules.mail"]),
    ]
    suspended = instance("acme", server="one", adopt=OPENS, state="suspended")
    changes = plan(suspended, online("one", theirs(suspended)))
    assert [(a.verb, a.becomes) for a in changes.actions] == [(verbs.ADOPT, "acme"), (verbs.SUSPEND, "suspended.acme")]
    assert changes.actions[1].after == (changes.actions[0].id,)


@pytest.mark.parametrize(
    "seen",
    [
        {"login": "boss"},
        {"languages": frozenset()},
        {"active_crons": CRONS, "quiesced_crons": None},
        {"company": "Other", "parameters": {}},
    ],
)
def test_what_is_done_as_it_is_taken_over_is_not_planned_once_more(seen: dict[str, Any]) -> None:
    document = instance("acme", server="one", adopt=OPENS, company="Acme", lang="fr_BE", state="suspended")
    look = replace(theirs(document, **{"active_crons": (), "quiesced_crons": CRONS, **seen}), database="suspended.acme")
    ((verb, database, fields),) = shown(plan(document, online("one", look)))
    assert (verb, database) == ("adopt", "suspended.acme")
    assert "admin_password" in fields
    assert len(fields) > 1


def test_what_is_taken_over_in_service_stays_awake() -> None:
    awake = theirs(active_crons=CRONS, quiesced_crons=None)
    assert shown(plan(ACME, online("one", awake))) == [("adopt", "acme", ["admin_password"])]


def test_an_owner_is_told_and_not_made() -> None:
    document = instance("acme", server="one", adopt=OPENS, owner="{name: M, login: m@acme.example}")
    (action,) = plan(document, online("one", theirs(document))).actions
    told = {c.field: (c.observed, c.desired) for c in action.changes}
    assert told["owner"] == ("not noted", "m@acme.example (no account is made, and nobody's login changes)")


def test_once_it_is_done_the_line_changes_nothing() -> None:
    for document in (ACME, instance("acme", server="one", company="Acme")):
        assert plan(document, online("one", look_of(document))).is_converged


def test_ours_that_has_the_former_password_again_is_rotated() -> None:
    back = replace(look_of(ACME), access=Access.GIVEN)
    assert [a.verb for a in plan(ACME, online("one", back)).actions] == [verbs.ROTATE, verbs.CONFIGURE]


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (DatabaseLook("acme", Access.REFUSED), "it opens neither to what `adopt` says nor to the declared password"),
        (DatabaseLook("acme", Access.HALF_MADE), "its initialisation never ended"),
        (DatabaseLook("acme", Access.FAILED, "the secret is not set"), "the secret is not set"),
        (theirs(second_factor=True), "its account 'admin' logs in with a second factor"),
        (theirs(is_admin=False), "what `adopt` says opens another account than its admin's"),
        (theirs(uuid=""), "it has no database.uuid"),
        (theirs(modules={"base": "to upgrade"}), "somebody is at work in it"),
        (seen_as(look_of(ACME), mark=replace(look_of(ACME).mark, fleet="x")), "it belongs to fleet 'x'"),  # type: ignore[type-var]
        (seen_as(look_of(ACME), mark=replace(look_of(ACME).mark, code="b")), "it belongs to instance/b"),  # type: ignore[type-var]
        (seen_as(look_of(ACME), uuid="another"), "it is a copy of instance/acme, not the original"),
    ],
)
def test_what_does_not_open_or_is_anothers_is_told_and_left_alone(look: DatabaseLook, why: str) -> None:
    changes = plan(ACME, online("one", look))
    server, said, _ = refusal(changes)
    assert (server, said.startswith(f"acme: {why}")) == ("one", True), said


def test_a_shut_door_says_all_that_it_may_be() -> None:
    _, _, advice = refusal(plan(ACME, online("one", DatabaseLook("acme", Access.REFUSED))))
    for cause in ("password may be another", "another login", "second factor", "deactivated"):
        assert cause in advice


@pytest.mark.parametrize("adopt", ["{}", OPENS])
def test_nothing_is_built_while_the_line_stands(adopt: str) -> None:
    base = as_declared(spec(desired(), "template/base"))
    for server in ({"server": "one"}, {}):
        document = instance("acme", adopt=adopt, **server)
        _, why, advice = refusal(plan(document, online("one", base)))
        assert why == "`adopt` takes over a database acme, and there is none: nothing is built while the line stands"
        assert advice == "correct the name or the server; to have a new and empty one built, remove `adopt`"
        assert [a.verb for a in plan(document.replace(f"adopt: {adopt}\n", ""), online("one", base)).actions] == [
            verbs.CLONE
        ]


def test_of_two_hosts_that_hold_one_none_is_taken() -> None:
    text = desired(instance("acme", adopt=OPENS), servers=("one", "two"))
    look = seen_as(as_declared(spec(text, "instance/acme")), mark=None, access=Access.GIVEN)
    two = [online(code, replace(look, uuid=f"uuid on {code}"), lists=("template_base",)) for code in ("one", "two")]
    changes = decide(text, observed(*two), NOTHING_REMEMBERED, NOW, Limits()).changeset
    assert [a for a in changes.actions if a.verb is verbs.ADOPT] == []
    assert "several databases claim to be it" in changes.blocked[0].why


def test_what_is_under_a_former_name_or_between_two_is_not_taken_over() -> None:
    renamed = instance("acme", server="one", adopt=OPENS, renamed_from="old")
    _, why, advice = refusal(plan(renamed, online("one", replace(theirs(renamed), database="old"))))
    assert why == "old: `adopt` takes over no database under a former name"
    assert "`database_name: old`" in advice
    _, why, _ = refusal(plan(ACME, online("one", replace(theirs(), database="switching.acme"))))
    assert why == "switching.acme: it is between two names, and nothing tells whose it is"


def test_a_pause_beside_it_shows_what_would_be_done_and_does_nothing() -> None:
    text = desired(instance("acme", server="one", adopt=OPENS, company="Acme", paused="true"))
    base = as_declared(spec(text, "template/base"))
    seen = observed(online("one", theirs(company="Other"), base))
    changes = decide(text, seen, remembered(("acme", "one", "acme")), NOW, Limits()).changeset
    assert changes.actions == ()
    (held,) = changes.withheld
    assert [c.field for c in held.action.changes] == ["admin_password", "company"]


def adopted_template(**fields: str) -> str:
    lines = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return fleet(instance("acme", server="one")).replace(
        TEMPLATE.format(servers="one"), TEMPLATE.format(servers="one") + lines
    )


def test_a_template_is_taken_over_and_made_quiet_before_it_is_cloned() -> None:
    text = read(adopted_template(adopt=OPENS))
    base = seen_as(
        as_declared(spec(text, "template/base")),
        mark=None,
        access=Access.GIVEN,
        active_crons=(1, 2),
        quiesced_crons=None,
    )
    changes = decide(text, observed(online("one", base)), NOTHING_REMEMBERED, NOW, Limits()).changeset
    assert [(a.verb, a.address) for a in changes.actions] == [
        (verbs.ADOPT, "template/base"),
        (verbs.CLONE, "instance/acme"),
    ]
    assert [c.field for c in changes.actions[0].changes] == ["admin_password", "schedule"]
    assert changes.actions[0].id in changes.actions[1].after
    needs = {(need.kind, need.field) for need in secrets_needed(changes, text)}
    assert needs >= {("template", "adopt.admin_password"), ("template", "admin_password")}


def test_a_template_that_is_not_there_is_not_created_and_nothing_is_cloned_from_it() -> None:
    text = read(adopted_template(adopt="{}"))
    changes = decide(text, observed(online("one")), NOTHING_REMEMBERED, NOW, Limits()).changeset
    assert [a for a in changes.actions if a.kind != "server"] == []
    assert {b.address for b in changes.blocked} == {"instance/acme", "template/base"}


def test_a_template_that_does_not_open_keeps_its_instances_from_being_cloned() -> None:
    text = read(adopted_template(adopt=OPENS))
    shut = DatabaseLook("template_base", Access.REFUSED)
    changes = decide(text, observed(online("one", shut)), NOTHING_REMEMBERED, NOW, Limits()).changeset
    assert [a for a in changes.actions if a.kind != "server"] == []
    assert {b.address for b in changes.blocked} == {"instance/acme", "template/base"}
