"""Servers in the diff: activated once, kept out of the way when they cannot be trusted, swept of what was abandoned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Blocked, Changeset, Left, LeftAlone
from reconciler.core.model.inventory import NOTHING_REMEMBERED, Inventory
from reconciler.core.model.observed import Access, DatabaseLook, Mark, ObservedHost
from reconciler.core.model.selection import Selection
from reconciler.core.model.verbs import Verb
from reconciler.fleet.desired import Desired
from tests.core.scenes import (
    EXPIRED,
    FRESH,
    NOW,
    as_declared,
    changed,
    desired,
    instance,
    observed,
    offline,
    online,
    remembering,
    spec,
    unfinished,
)
from tests.harness.universe import fleet, read

FLEET = desired()
READY = as_declared(spec(FLEET, "template/base"))


def plan(host: ObservedHost, inventory: Inventory = NOTHING_REMEMBERED, text: Desired = FLEET) -> Changeset:
    return diff(text, observed(host), inventory, NOW)


def opened(mark: Mark | None) -> DatabaseLook:
    return DatabaseLook(EXPIRED, Access.CURRENT, uuid="its own", mark=mark)


def in_state(state: str, *documents: str) -> Desired:
    return read(changed(fleet(*documents), "state: active\ndomain", f"state: {state}\ndomain"))


def server_actions(changeset: Changeset) -> list[tuple[Verb, Reason]]:
    return [(a.verb, a.reason) for a in changeset.actions if a.kind == "server"]


def test_a_server_that_serves_nothing_of_ours_is_activated_before_anything_is_made_there() -> None:
    changeset = plan(online("one", lists=("shop",)))
    activate, create = changeset.actions
    assert (activate.id, activate.reason) == ("activate server/one", Reason.DECLARED)
    assert (create.verb, create.after) == (verbs.CREATE, (activate.id,))
    assert changeset.foreign == 1


def test_a_server_that_is_known_to_be_active_or_lists_a_database_of_the_fleet_is_not_activated_again() -> None:
    assert server_actions(plan(online("one"), Inventory(server_states={"one": "active"}))) == []
    assert server_actions(plan(online("one", lists=("template_base",)))) == []
    assert server_actions(plan(online("one", lists=("suspended.gone",)), remembering())) != []


def test_one_that_comes_back_from_maintenance_is_checked_again() -> None:
    found = plan(online("one"), Inventory(server_states={"one": "maintenance"}))
    assert server_actions(found) == [(verbs.ACTIVATE, Reason.CHANGED)]


def test_maintenance_is_noted_once() -> None:
    text = in_state("maintenance")
    assert server_actions(plan(online("one"), Inventory(server_states={"one": "active"}), text)) == [
        (verbs.MAINTAIN, Reason.CHANGED)
    ]
    assert server_actions(plan(online("one"), Inventory(server_states={"one": "maintenance"}), text)) == []
    assert server_actions(plan(online("one"), NOTHING_REMEMBERED, text)) == []


def test_nothing_new_is_made_on_a_server_in_maintenance_but_what_is_there_is_kept() -> None:
    text = in_state("maintenance", instance("acme", server="one", company="New"), instance("beta", server="one"))
    drifted = as_declared(spec(desired(instance("acme", company="Old")), "instance/acme"))
    changeset = plan(online("one", READY, drifted), text=text)
    assert [(a.verb, a.code) for a in changeset.actions] == [(verbs.CONFIGURE, "acme")]
    assert [(b.code, b.why) for b in changeset.blocked] == [
        ("beta", "server one is in maintenance: nothing new is made there")
    ]


def test_a_server_is_not_disabled_while_it_hosts_what_is_declared() -> None:
    one = 'http://one.invalid\nodoo_version: "19.0"\nmaster_password: {env: MASTER}\nstate: '
    documents = (instance("beta"), instance("acme"), instance("gone", state="absent"))
    text = read(changed(fleet(*documents, servers={"one": "19.0", "two": "19.0"}), f"{one}active", f"{one}disabled"))

    def found(*lists: str, was: str = "active") -> Changeset:
        seen = observed(online("one", lists=lists), online("two"))
        return diff(text, seen, Inventory(server_states={"one": was, "two": "active"}), NOW)

    hosting = found("suspended.acme", "beta", "shop", "gone")
    assert [b for b in hosting.blocked if b.kind == "server"] == [
        Blocked(
            "server",
            "one",
            "one",
            "it cannot be disabled while it hosts acme, beta",
            "make these instances absent first, or set the state to maintenance",
        )
    ]
    assert server_actions(hosting) == []
    assert server_actions(found("shop", "gone")) == [(verbs.DISABLE, Reason.CHANGED)]
    assert server_actions(found("shop", was="disabled")) == []


def test_a_server_that_cannot_be_seen_is_not_taken_for_empty_when_it_is_to_be_disabled() -> None:
    text = in_state("disabled", instance("acme"))
    assert server_actions(plan(offline("one"), Inventory(server_states={"one": "active"}), text)) == []


@pytest.mark.parametrize(
    ("host", "why", "advice"),
    [
        (offline("one"), "server one is offline: connection refused", ""),
        (
            online("one", version="18.0"),
            "server one runs Odoo 18.0, declared is 19.0",
            "correct odoo_version, or look why the host runs another version",
        ),
    ],
)
def test_a_host_that_cannot_be_trusted_is_left_alone_and_all_that_needs_it_says_why(
    host: ObservedHost, why: str, advice: str
) -> None:
    text = desired(instance("acme", server="one"))
    for known in (NOTHING_REMEMBERED, Inventory(server_states={"one": "active"})):
        changeset = plan(host, known, text)
        assert changeset.actions == ()
        assert changeset.blocked == (
            Blocked("instance", "acme", "one", why, advice),
            Blocked("server", "one", "one", why, advice),
            Blocked("template", "base", "one", why, advice),
        )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("state: draft", "server one is draft"),
        ("state: disabled", "server one is disabled"),
        ("state: active\nactive: false", "server one is inactive"),
        ("state: active", "server one was not asked"),
    ],
)
def test_what_needs_a_server_that_is_out_of_use_or_was_not_asked_says_so_and_the_server_says_nothing(
    line: str, why: str
) -> None:
    text = read(changed(fleet(), "state: active", line))
    changeset = diff(text, observed(), Inventory(server_states={"one": "disabled"}), NOW)
    assert changeset.actions == ()
    assert changeset.blocked == (Blocked("template", "base", "one", why),)


@pytest.mark.parametrize("line", ["state: draft", "state: active\nactive: false"])
def test_a_server_out_of_use_is_not_acted_on_even_if_it_was_asked(line: str) -> None:
    text = read(changed(fleet(), "state: active", line))
    changeset = plan(online("one", unfinished(EXPIRED)), text=text)
    assert changeset.actions == ()
    assert [b.kind for b in changeset.blocked] == ["template"], "nothing is to be done for the server itself"


def test_an_abandoned_build_is_swept_and_a_young_one_left_alone() -> None:
    changeset = plan(online("one", READY, unfinished(EXPIRED), lists=(FRESH,)))
    assert changeset.actions == (Action(verbs.SWEEP, "server", "one", "one", Reason.ABANDONED_BUILD, EXPIRED),)
    assert [(x.database, x.what) for x in changeset.left_alone] == [
        (FRESH, "being built, or abandoned: swept after its limit")
    ]


def test_the_build_limit_is_the_fleets() -> None:
    text = desired(retention="{building_hours: 4}")
    assert plan(online("one", READY, unfinished(EXPIRED)), text=text).is_empty


MARK = Mark("demo", "instance", "acme", "acme", "its own")


@pytest.mark.parametrize(
    ("look", "kept"),
    [
        (None, "an unfinished build past its limit: looked into before it is swept"),
        (DatabaseLook(EXPIRED, Access.REFUSED), "whether it was ever in service cannot be told"),
        (DatabaseLook(EXPIRED, Access.FAILED, "no answer"), "whether it was ever in service cannot be told: no answer"),
        (opened(MARK), "it may have been in service as instance/acme, which cannot be told"),
        (opened(replace(MARK, in_service=True)), "it was in service as instance/acme: it is somebody's data"),
        (opened(replace(MARK, in_service=False)), ""),
        (opened(replace(MARK, in_service=True, uuid="its template's")), ""),
        (opened(replace(MARK, kind="template")), ""),
        (opened(None), ""),
        (DatabaseLook(EXPIRED, Access.HALF_MADE), ""),
    ],
)
def test_an_expired_build_is_swept_only_if_a_look_inside_tells_that_it_was_never_in_service(
    look: DatabaseLook | None, kept: str
) -> None:
    changeset = plan(online("one", READY, *filter(None, [look]), lists=(EXPIRED,)))
    assert [a.verb for a in changeset.actions] == ([] if kept else [verbs.SWEEP])
    told = kept if look is None else f"under a building name, and kept: {kept}"
    assert changeset.left_alone == ((LeftAlone("one", EXPIRED, told, Left.BUILD),) if kept else ())
    assert changeset.foreign == 0


@pytest.mark.parametrize(
    ("state", "version", "because"),
    [
        ("draft", "19.0", "server one is draft"),
        ("disabled", "19.0", "server one is disabled"),
        ("active\nactive: false", "19.0", "server one is inactive"),
        ("active", "18.0", "server one runs Odoo 18.0, declared is 19.0"),
    ],
)
def test_an_expired_build_on_a_server_that_is_left_alone_is_not_swept_and_the_plan_says_so(
    state: str, version: str, because: str
) -> None:
    text, told = in_state(state), f"an unfinished build past its limit: not swept while {because}"
    for host in (online("one", unfinished(EXPIRED), version=version), online("one", lists=(EXPIRED,), version=version)):
        changeset = plan(host, text=text)
        assert changeset.actions == ()
        assert changeset.left_alone == (LeftAlone("one", EXPIRED, told, Left.BUILD),)
    kept = plan(online("one", opened(replace(MARK, in_service=True)), version=version), text=text)
    assert [each.what for each in kept.left_alone] == [
        "under a building name, and kept: it was in service as instance/acme: it is somebody's data"
    ]


def test_what_is_not_ours_is_counted_and_what_once_was_is_shown() -> None:
    listed = ("shop", "Bad Name!", "suspended.gone", "trash-261101120000.acme", "moved-261101120000.x", "left")
    left = spec(desired(instance("left")), "instance/left")
    changeset = plan(online("one", READY, lists=listed), remembering(left))
    assert changeset.is_empty
    assert changeset.foreign == 2
    assert {x.database: (x.kind, x.what) for x in changeset.left_alone} == {
        "left": (Left.ORPHAN, "orphan: once published by this fleet, no longer declared"),
        "moved-261101120000.x": (
            Left.KEPT,
            "left behind by a move: dropped for good after 2026-12-01 12:00 UTC, if it is this fleet's",
        ),
        "suspended.gone": (Left.ORPHAN, "orphan: suspended, and no document declares it"),
        "trash-261101120000.acme": (
            Left.KEPT,
            "trash: dropped for good after 2026-12-01 12:00 UTC, if it is this fleet's",
        ),
    }


def test_what_a_document_declares_absent_or_calls_its_former_name_is_nobody_elses() -> None:
    """Neither an orphan nor foreign: what becomes of it the documents say."""
    text = desired(instance("acme", state="absent"), instance("beta", renamed_from="old-beta"), servers=("one", "two"))
    lists = ("suspended.acme", "old-beta", "switching.gone", "aside-261124110000aaaaa.left", "wiki")
    changeset = diff(text, observed(online("one", READY, lists=lists), online("two")), NOTHING_REMEMBERED, NOW)
    assert {x.database: x.what for x in changeset.left_alone} == {
        "aside-261124110000aaaaa.left": "orphan: aside, and no document declares it",
        "switching.gone": "orphan: switching, and no document declares it",
    }
    assert changeset.foreign == 1


def test_what_is_remembered_of_one_server_says_nothing_of_another() -> None:
    text = desired(servers=("one", "two"))
    left = spec(desired(instance("left")), "instance/left")
    two = as_declared(spec(text, "template/base", "two"))
    changeset = diff(text, observed(online("one", READY), online("two", two, lists=("left",))), remembering(left), NOW)
    assert (changeset.left_alone, changeset.foreign) == ((), 1)


def test_a_limited_run_sweeps_nothing() -> None:
    seen = observed(online("one", READY, unfinished(EXPIRED)))
    assert diff(FLEET, seen, NOTHING_REMEMBERED, NOW, Selection(frozenset({"server/one"}))).is_empty
