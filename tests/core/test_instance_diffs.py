"""Instances in the diff: cloned where they are missing, moved between names, put right, or blocked with a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED, Inventory
from reconciler.core.model.observed import Access, DatabaseLook, ObservedHost
from reconciler.core.model.verbs import Verb
from tests.core.scenes import (
    NOW,
    as_declared,
    desired,
    instance,
    mark_for,
    observed,
    offline,
    online,
    remembering,
    spec,
)
from tests.harness.universe import fleet, read

Step = tuple[Verb, str, str, Reason]


def plan(document: str, *hosts: ObservedHost, inventory: Inventory = NOTHING_REMEMBERED) -> Changeset:
    """Plan a fleet of one instance on hosts whose template is ready."""
    codes = [h.server for h in hosts] or ["one"]
    fleet = desired(document, servers=codes)
    hosts = hosts or (online("one"),)
    ready = []
    for host in hosts:
        base = as_declared(spec(fleet, "template/base", host.server))
        looks = tuple(host.looks.values())
        listed = (*(d.text for d in host.databases), "template_base")
        ready.append(online(host.server, base, *looks, lists=listed) if host.online else host)
    return diff(fleet, observed(*ready), inventory, NOW)


def steps(changeset: Changeset) -> list[Step]:
    return [(a.verb, a.database, a.becomes, a.reason) for a in changeset.actions]


def why(changeset: Changeset) -> str:
    assert changeset.actions == ()
    (blocked,) = changeset.blocked
    return blocked.why


def look_of(document: str, name: str = "", server: str = "one") -> DatabaseLook:
    fleet = desired(document, servers=[server])
    (code,) = fleet.instances
    return as_declared(spec(fleet, f"instance/{code}", server), name)


ACME = instance("acme")
SUSPENDED = instance("acme", state="suspended")


def test_a_missing_instance_is_cloned_under_the_name_that_its_state_asks_for() -> None:
    assert steps(plan(ACME)) == [(verbs.CLONE, "template_base", "acme", Reason.DECLARED)]
    assert steps(plan(SUSPENDED)) == [(verbs.CLONE, "template_base", "suspended.acme", Reason.DECLARED)]


@pytest.mark.parametrize("document", [ACME, SUSPENDED])
def test_one_that_is_as_declared_needs_nothing(document: str) -> None:
    name = "acme" if document is ACME else "suspended.acme"
    assert plan(document, online("one", look_of(document, name))).is_converged


def test_out_of_service_and_back() -> None:
    suspend = plan(SUSPENDED, online("one", look_of(ACME)))
    assert steps(suspend) == [(verbs.SUSPEND, "acme", "suspended.acme", Reason.DECLARED)]
    resume = plan(ACME, online("one", look_of(ACME, "suspended.acme")))
    assert steps(resume) == [(verbs.RESUME, "suspended.acme", "acme", Reason.DECLARED)]


def test_one_that_was_left_between_two_names_goes_where_the_text_says() -> None:
    between = online("one", look_of(ACME, "switching.acme"))
    assert steps(plan(ACME, between)) == [(verbs.RESUME, "switching.acme", "acme", Reason.INTERRUPTED)]
    assert steps(plan(SUSPENDED, between)) == [(verbs.SUSPEND, "switching.acme", "suspended.acme", Reason.INTERRUPTED)]


def test_what_differs_is_put_right_where_the_database_is_to_rest() -> None:
    old = look_of(instance("acme", company="Old"))
    assert steps(plan(instance("acme", company="New", state="suspended"), online("one", old))) == [
        (verbs.SUSPEND, "acme", "suspended.acme", Reason.DECLARED),
        (verbs.CONFIGURE, "suspended.acme", "suspended.acme", Reason.CHANGED),
    ]
    away = replace(old, database="suspended.acme", active_crons=(), quiesced_crons=(1,))
    resume, configure = plan(instance("acme", company="New"), online("one", away)).actions
    assert (resume.verb, resume.database, resume.becomes) == (verbs.RESUME, "suspended.acme", "acme")
    assert (configure.verb, configure.database, configure.after) == (verbs.CONFIGURE, "acme", (resume.id,))


def test_a_rename_is_back_in_service_before_anything_that_can_fail_on_its_own() -> None:
    old = look_of(instance("old-acme"))
    renamed = plan(instance("acme", renamed_from="old-acme", company="old-acme"), online("one", old))
    assert steps(renamed) == [
        (verbs.RENAME, "old-acme", "acme", Reason.RENAMED),
        (verbs.CONFIGURE, "acme", "acme", Reason.CHANGED),
    ]
    rename, configure = renamed.actions
    assert [(c.field, c.observed, c.desired) for c in rename.changes] == [("database_name", "old-acme", "acme")]
    assert {"mark.name", "mark.code", "parameters.web.base.url"} <= {c.field for c in configure.changes}


def test_a_rename_without_a_look_is_refused() -> None:
    document = instance("acme", renamed_from="old-acme")
    changeset = plan(document, online("one", lists=("old-acme",)))
    assert (why(changeset), changeset.blocked[0].advice) == ("a rename needs a deep look", "run without --shallow")


def test_a_rotation_comes_before_other_changes() -> None:
    look = look_of(ACME)
    former = replace(look, access=Access.FORMER)
    document = instance("acme", admin_password="{derived: {generation: 2}}")
    assert [a.verb for a in plan(document, online("one", former)).actions] == [verbs.ROTATE, verbs.CONFIGURE]


GENERATION_2 = {"admin_password": "{derived: {generation: 2}}"}


@pytest.mark.parametrize(
    ("state", "name", "planned"),
    [
        ("active", "acme", [(verbs.ROTATE, "acme"), (verbs.CONFIGURE, "acme")]),
        (
            "active",
            "suspended.acme",
            [(verbs.ROTATE, "suspended.acme"), (verbs.RESUME, "acme"), (verbs.CONFIGURE, "acme")],
        ),
        ("active", "switching.acme", [(verbs.RESUME, "acme"), (verbs.ROTATE, "acme"), (verbs.CONFIGURE, "acme")]),
        (
            "suspended",
            "acme",
            [(verbs.SUSPEND, "suspended.acme"), (verbs.ROTATE, "suspended.acme"), (verbs.CONFIGURE, "suspended.acme")],
        ),
    ],
)
def test_a_new_password_comes_once_and_never_between_out_of_reach_and_back(
    state: str, name: str, planned: list[tuple[Verb, str]]
) -> None:
    former = replace(look_of(ACME, name), access=Access.FORMER)
    actions = plan(instance("acme", state=state, **GENERATION_2), online("one", former)).actions
    assert [(a.verb, a.becomes) for a in actions] == planned
    (rotate,) = [a for a in actions if a.verb is verbs.ROTATE]
    assert [(c.field, c.observed) for c in rotate.changes] == [("admin_password", "a former password")]
    assert [a.after for a in actions[1:]] == [(a.id,) for a in actions[:-1]]


def test_after_a_rotation_of_the_key_alone_only_the_mark_is_left_to_be_written() -> None:
    def configured(look: DatabaseLook) -> list[str]:
        _, configure = plan(ACME, online("one", replace(look, access=Access.FORMER))).actions
        return [c.field for c in configure.changes]

    assert configured(look_of(ACME)) == ["mark.digest"]
    assert configured(replace(look_of(ACME), modules={"base": "installed"})) == ["modules.mail", "modules.web"]


def test_a_move_brings_the_files_along_that_an_earlier_one_left_behind() -> None:
    look = look_of(ACME, "suspended.acme")
    moving = replace(look, mark=replace(mark_for(spec(desired(ACME), "instance/acme"), look.uuid), moving_from="acme"))
    assert [a.verb for a in plan(ACME, online("one", moving)).actions] == [verbs.RESUME]


def test_a_clone_that_is_to_be_neutralized_goes_to_the_first_odoo_that_can_do_that() -> None:
    text = read(fleet(instance("acme", neutralize="true"), servers={"one": "17.0"}))
    base = as_declared(spec(text, "template/base"))
    changeset = diff(text, observed(online("one", base, version="17.0")), NOTHING_REMEMBERED, NOW)
    assert [a.verb for a in changeset.actions] == [verbs.CLONE]


def test_two_forms_on_one_host_are_a_conflict() -> None:
    both = online("one", look_of(ACME), look_of(ACME, "suspended.acme"))
    assert why(plan(ACME, both)) == "several databases claim to be it: acme on one, suspended.acme on one"


def test_of_namesakes_on_two_hosts_the_proven_one_is_kept() -> None:
    foreign = replace(look_of(ACME, server="one"), mark=None)
    hosts = (online("one", foreign), online("two", look_of(ACME, server="two")))
    assert plan(ACME, *hosts).is_converged


def test_of_namesakes_on_two_hosts_the_one_that_bears_the_former_mark_is_kept_while_the_text_says_so() -> None:
    renamed = instance("acme", renamed_from="old")
    own = look_of(renamed, server="two")
    assert own.mark is not None
    former = replace(own, mark=replace(own.mark, code="old"))
    foreign = replace(look_of(renamed, server="one"), mark=None)
    changes = plan(renamed, online("one", foreign), online("two", former))
    assert changes.blocked == ()
    assert {(a.server, a.database) for a in changes.actions} == {("two", "acme")}


def ended(document: str, name: str, **mark: Any) -> DatabaseLook:
    look = look_of(document, name)
    assert look.mark is not None
    return replace(look, mark=replace(look.mark, ended=name, **mark))


def test_what_comes_back_from_the_trash_says_whether_its_text_ended_it_or_what_was_to_replace_it_never_came() -> None:
    name = names.trash("acme", NOW)
    for look, reason in ((ended(ACME, name), Reason.DECLARED), (ended(ACME, name, replaced=name), Reason.INTERRUPTED)):
        assert steps(plan(ACME, online("one", look))) == [
            (verbs.RETURN, name, "suspended.acme", reason),
            (verbs.RESUME, "suspended.acme", "acme", reason),
        ]


def test_what_comes_back_under_a_former_name_comes_back_as_declared_and_is_renamed_then() -> None:
    renamed, name = instance("acme", renamed_from="old", server="one"), names.trash("old", NOW)
    back, *others = steps(plan(renamed, online("one", ended(renamed, name, code="old"))))
    assert back == (verbs.RETURN, name, "suspended.old", Reason.DECLARED)
    assert [(verb, becomes, reason) for verb, _, becomes, reason in others[:2]] == [
        (verbs.RENAME, "suspended.acme", Reason.RENAMED),
        (verbs.RESUME, "acme", Reason.RENAMED),
    ]


def test_of_namesakes_on_two_hosts_that_nobody_looked_into_the_remembered_one_is_moved() -> None:
    hosts = (online("one", lists=("acme",)), online("two", lists=("acme",)))
    on_two = remembering(spec(desired(ACME, servers=["two"]), "instance/acme", "two"))
    (suspend,) = plan(SUSPENDED, *hosts, inventory=on_two).actions
    assert (suspend.verb, suspend.server) == (verbs.SUSPEND, "two")


def test_an_instance_that_names_no_server_stays_where_it_is() -> None:
    assert plan(ACME, online("one"), online("two", look_of(ACME, server="two"))).is_converged


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (DatabaseLook("acme", Access.REFUSED), "not taken for ours"),
        (DatabaseLook("acme", Access.FAILED, "too many clients"), "too many clients"),
        (replace(look_of(ACME), mark=None), "it bears no mark of this fleet"),
        (replace(look_of(ACME), uuid="another"), "it is a copy of instance/acme"),
    ],
)
def test_a_database_that_only_bears_the_name_is_not_touched(look: DatabaseLook, reason: str) -> None:
    for document in (ACME, SUSPENDED):
        assert reason in why(plan(document, online("one", look)))


def test_a_database_that_was_never_looked_at_nor_remembered_is_not_moved() -> None:
    """`plan --shallow` without a store: a foreign database that bears a declared name is left alone."""
    changeset = plan(SUSPENDED, online("one", lists=("acme",)))
    assert [a for a in changeset.actions if a.code == "acme"] == []
    assert "never looked at" in why(changeset)


def test_what_is_remembered_as_verified_is_moved_without_another_look() -> None:
    acme = spec(desired(ACME), "instance/acme")
    found = plan(SUSPENDED, online("one", lists=("acme",)), inventory=remembering(acme))
    assert steps(found) == [(verbs.SUSPEND, "acme", "suspended.acme", Reason.DECLARED)]


def test_nothing_is_made_to_be_ended_later() -> None:
    assert plan(instance("acme", state="absent"), online("one")).is_converged


def test_what_suspending_does_to_the_schedule_is_not_planned_twice() -> None:
    half_asleep = replace(look_of(ACME), quiesced_crons=(4,))
    assert [a.verb for a in plan(SUSPENDED, online("one", half_asleep)).actions] == [verbs.SUSPEND]
    assert [a.verb for a in plan(ACME, online("one", half_asleep)).actions] == [verbs.CONFIGURE]


def test_nothing_is_cloned_while_a_host_that_may_hold_it_cannot_be_seen() -> None:
    changeset = plan(ACME, online("one"), offline("two"))
    assert "it may be on two, which cannot be seen now" in [b.why for b in changeset.blocked if b.code == "acme"]
    listing = Inventory(server_states={"two": "active"}, listings={"two": ("shop",)})
    known_elsewhere = plan(ACME, online("one"), offline("two"), inventory=listing)
    assert [a.verb for a in known_elsewhere.actions] == [verbs.CLONE]


def test_nothing_is_cloned_beside_a_database_that_may_be_it_on_another_server() -> None:
    document = instance("acme", server="one")
    assert "a database suspended.acme is on two" in why(
        plan(document, online("one"), online("two", lists=("suspended.acme",)))
    )


def test_nothing_is_cloned_while_something_nobody_claims_is_between_two_names() -> None:
    assert "is on its way between two names" in why(plan(ACME, online("one", lists=("switching.ghost",))))


def test_it_goes_back_to_where_it_is_remembered_to_have_been() -> None:
    on_two = remembering(spec(desired(ACME, servers=["two"]), "instance/acme", "two"))
    (clone,) = plan(ACME, online("one"), online("two", lists=("shop", "crm")), inventory=on_two).actions
    assert clone.server == "two"


def test_capacity_counts_what_this_pass_is_about_to_make() -> None:
    documents = [instance(f"i{n}") for n in range(4)]
    fleet = desired(*documents, servers=("one", "two"))
    small = {c: s.model_copy(update={"max_instances": 3}) for c, s in fleet.servers.items()}
    fleet = fleet.having("server", small)
    hosts = [online(c, as_declared(spec(fleet, "template/base", c))) for c in small]
    changeset = diff(fleet, observed(*hosts), NOTHING_REMEMBERED, NOW)
    assert [(a.code, a.server) for a in sorted(changeset.actions, key=lambda a: a.code)] == [
        ("i0", "one"),
        ("i1", "two"),
        ("i2", "one"),
        ("i3", "two"),
    ]


def test_a_full_server_says_so() -> None:
    fleet = desired(instance("acme", server="one"))
    one = fleet.servers["one"].model_copy(update={"max_instances": 1})
    fleet = fleet.having("server", {"one": one})
    host = online("one", as_declared(spec(fleet, "template/base")), lists=("suspended.ghost",))
    changeset = diff(fleet, observed(host), NOTHING_REMEMBERED, NOW)
    assert why(changeset) == "server one is full: max_instances is 1"


def test_a_mark_of_a_move_that_was_cut_short_is_put_right() -> None:
    fleet = desired(ACME)
    acme = spec(fleet, "instance/acme")
    look = look_of(ACME)
    moving = replace(look, mark=replace(mark_for(acme, look.uuid), moving_from="switching.acme"))
    (configure,) = plan(ACME, online("one", moving)).actions
    assert (configure.reason, configure.changes[0].field) == (Reason.INTERRUPTED, "files")


def test_what_an_earlier_version_did_not_note_is_completed_and_is_no_drift() -> None:
    look = look_of(ACME)
    assert look.mark is not None
    old = replace(look, mark=replace(look.mark, in_service=None, owner=None))
    assert [a.reason for a in plan(ACME, online("one", old)).actions] == [Reason.OLD_MARK]
    other_format = replace(old, mark=replace(look.mark, in_service=None, owner=None, digest="of an earlier version"))
    assert [a.reason for a in plan(ACME, online("one", other_format)).actions] == [Reason.OLD_MARK]
    drifted = replace(old, login="root")
    assert [a.reason for a in plan(ACME, online("one", drifted)).actions] == [Reason.DRIFTED]
