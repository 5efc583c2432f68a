"""Decisions of the planners that no other test would have missed: each of these failed while its line was wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import names
from reconciler.core.model.changesets import Blocked, Changeset, Left, LeftAlone
from reconciler.core.model.inventory import NOTHING_REMEMBERED, ORPHANED, Inventory
from reconciler.core.model.observed import Access, DatabaseLook
from reconciler.core.model.selection import Selection
from reconciler.core.model.verbs import RENAME, SWEEP
from reconciler.core.policies.claims import Doubt
from tests.core.one_instance import remembered as remembering
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
    spec,
    unfinished,
)
from tests.harness.universe import fleet, read


def blocked_servers(changeset: Changeset) -> list[Blocked]:
    return [b for b in changeset.blocked if b.kind == "server"]


@pytest.mark.parametrize("remembered", ["active", "maintenance"])
def test_a_server_in_use_that_is_to_be_disabled_and_cannot_be_seen_is_blocked_until_it_answers(remembered: str) -> None:
    text = read(changed(fleet(), "state: active\ndomain", "state: disabled\ndomain"))
    found = diff(text, observed(offline("one")), Inventory(server_states={"one": remembered}), NOW)
    why = "whether it still hosts instances cannot be seen: connection refused"
    assert blocked_servers(found) == [Blocked("server", "one", "one", why, "disable it while it answers")]


@pytest.mark.parametrize("states", [{}, {"one": "disabled"}])
def test_a_server_that_was_never_in_use_or_is_disabled_already_may_be_away(states: dict[str, str]) -> None:
    text = read(changed(fleet(), "state: active\ndomain", "state: disabled\ndomain"))
    found = diff(text, observed(offline("one")), Inventory(server_states=states), NOW)
    assert blocked_servers(found) == []


@pytest.mark.parametrize(("state", "name"), [("active", "acme"), ("suspended", "suspended.acme")])
def test_a_database_in_the_state_that_its_text_wants_is_fine_without_a_look_or_a_memory(state: str, name: str) -> None:
    text = desired(instance("acme", state=state))
    host = online("one", as_declared(spec(text, "template/base")), lists=(name,))
    assert diff(text, observed(host), NOTHING_REMEMBERED, NOW).is_converged


@pytest.mark.parametrize(("state", "name"), [("active", "suspended.acme"), ("suspended", "acme")])
def test_a_database_in_another_state_is_not_moved_without_a_look_or_a_memory(state: str, name: str) -> None:
    text = desired(instance("acme", state=state))
    host = online("one", as_declared(spec(text, "template/base")), lists=(name,))
    found = diff(text, observed(host), NOTHING_REMEMBERED, NOW)
    assert found.actions == ()
    assert [(b.code, b.why) for b in found.blocked] == [("acme", "it was never looked at")]


RENAMED = desired(instance("shop", server="one", renamed_from="c0"))
SHOP = as_declared(spec(RENAMED, "instance/shop"))
FORMER = as_declared(spec(desired(instance("c0", server="one")), "instance/c0"))


def beside(former: DatabaseLook, *own: DatabaseLook, lists: tuple[str, ...] = ()) -> Changeset:
    """Plan for a customer who was renamed, with a database under a form of the former name beside his own."""
    base = as_declared(spec(RENAMED, "template/base"))
    return diff(RENAMED, observed(online("one", base, former, *own, lists=lists)), NOTHING_REMEMBERED, NOW)


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (replace(FORMER, mark=None), "it bears no mark of this fleet"),
        (replace(FORMER, uuid="another"), "it is a copy of instance/c0, not the original"),
        (
            DatabaseLook("c0", Access.REFUSED),
            "it does not answer to the fleet's password for 'admin', so it is not taken for ours",
        ),
    ],
)
def test_somebody_elses_database_under_the_former_name_is_left_alone(look: DatabaseLook, why: str) -> None:
    found = beside(look, SHOP)
    assert [a for a in found.actions if a.kind == "instance"] == []
    assert found.blocked == ()
    what = f"it bears the former name of instance/shop and is not its database ({why}): `renamed_from` may go"
    assert found.left_alone == (LeftAlone("one", "c0", what, Left.STRANGER),)


BOTH = ("template/base", "instance/acme")


def test_one_on_two_hosts_of_which_the_first_is_not_believed_is_told_that() -> None:
    """One host under two names lists each database twice: nobody is to rename one of them."""
    text = desired(instance("acme"), servers=("one", "two"))
    looks = {code: [as_declared(spec(text, each, code)) for each in BOTH] for code in ("one", "two")}
    hosts, frozen = [online(code, *seen) for code, seen in looks.items()], {"one": Doubt("it is two", "look at both")}
    found = diff(text, observed(*hosts), NOTHING_REMEMBERED, NOW, frozen=frozen)
    (blocked,) = [b for b in found.blocked if b.kind == "instance"]
    assert blocked == Blocked("instance", "acme", "one", "changes on one are frozen: it is two", "look at both")


def test_an_abandoned_build_is_swept_and_where_its_server_is_held_that_says_why_it_stays() -> None:
    text, memory = desired(), Inventory(server_states={"one": "active"})
    host = online("one", as_declared(spec(text, "template/base")), unfinished(EXPIRED), lists=[FRESH])
    swept, held = (diff(text, observed(each), memory, NOW) for each in (host, replace(host, version="18.0")))
    assert [(a.verb, a.database) for a in swept.actions] == [(SWEEP, EXPIRED)]
    assert (held.actions, [b.why for b in blocked_servers(held)]) == (
        (),
        ["server one runs Odoo 18.0, declared is 19.0"],
    )
    told = [[(each.database, each.kind) for each in found.left_alone] for found in (swept, held)]
    assert told == [[(FRESH, Left.BUILD)], [(EXPIRED, Left.BUILD), (FRESH, Left.BUILD)]]


FOREIGN = replace(FORMER, mark=None)


@pytest.mark.parametrize(
    ("former", "own", "lists"),
    [
        pytest.param(FORMER, (SHOP,), (), id="it bears its mark under the former code"),
        pytest.param(DatabaseLook("c0", Access.FAILED, "500"), (SHOP,), (), id="it cannot be told whose it is"),
        pytest.param(replace(FOREIGN, database="suspended.c0"), (SHOP,), (), id="it is suspended, which we alone do"),
        pytest.param(FOREIGN, (), ("shop",), id="its own was not looked at"),
        pytest.param(FOREIGN, (DatabaseLook("shop", Access.FAILED, "500"),), (), id="its own is not proven"),
        pytest.param(FOREIGN, (SHOP,), ("switching.c0",), id="one beside it was not looked at"),
    ],
)
def test_what_may_be_the_customers_under_the_former_name_is_a_conflict(
    former: DatabaseLook, own: tuple[DatabaseLook, ...], lists: tuple[str, ...]
) -> None:
    found = beside(former, *own, lists=lists)
    (blocked,) = [b for b in found.blocked if b.kind == "instance"]
    assert blocked.why.startswith("several databases claim to be it: ")
    assert [a for a in found.actions if a.kind == "instance"] == []


def test_a_database_under_the_former_name_that_was_not_looked_at_is_a_conflict() -> None:
    found = beside(as_declared(spec(RENAMED, "template/base")), SHOP, lists=("c0",))
    assert [b.why for b in found.blocked] == ["several databases claim to be it: shop on one, c0 on one"]


OLD, NEW = "{name: Old, login: old@acme.test}", "{name: New, login: new@acme.test}"


def owned(owner: str, **fields: object) -> str:
    return instance("shop", server="one", owner=owner, **fields)


def test_what_the_text_renames_is_the_same_customer_whoever_owns_it_now() -> None:
    """Also where its mark has the new names already: somebody renamed it back by hand."""
    text = desired(owned(NEW, renamed_from="c0"))
    made = as_declared(spec(desired(owned(OLD)), "instance/shop"))
    under_the_former_name = replace(made, database="c0")
    host = online("one", as_declared(spec(text, "template/base")), under_the_former_name)
    found = diff(text, observed(host), NOTHING_REMEMBERED, NOW)
    assert found.blocked == ()
    first = next(a for a in found.actions if a.kind == "instance")
    assert (first.verb, first.database, first.becomes) == (RENAME, "c0", "shop")


def test_long_after_a_rename_another_owner_is_another_customer() -> None:
    text = desired(owned(NEW, renamed_from="c0"))
    made = as_declared(spec(desired(owned(OLD)), "instance/shop"))
    host = online("one", as_declared(spec(text, "template/base")), made)
    found = diff(text, observed(host), NOTHING_REMEMBERED, NOW)
    assert [b.why for b in found.blocked] == [
        "shop was made for owner old@acme.test: its text named another owner then"
    ]
    assert [a for a in found.actions if a.kind == "instance"] == []


def test_what_is_not_neutralized_is_blocked_as_the_instance_that_it_is() -> None:
    text = desired(instance("acme", server="one", neutralize="true"))
    made = as_declared(spec(desired(instance("acme", server="one")), "instance/acme"))
    host = online("one", as_declared(spec(text, "template/base")), made)
    (blocked,) = diff(text, observed(host), NOTHING_REMEMBERED, NOW).blocked
    assert (blocked.kind, blocked.code, blocked.server) == ("instance", "acme", "one")
    assert blocked.why.startswith("acme is not neutralized")


def test_a_run_for_several_documents_tells_of_what_is_left_alone_of_each() -> None:
    text = desired(instance("acme"), instance("beta"), instance("cafe"))
    trash = {code: names.trash(code, NOW) for code in ("acme", "beta", "cafe", "template_base")}
    host = online("one", as_declared(spec(text, "template/base")), lists=trash.values())

    def told(*addresses: str) -> list[str]:
        found = diff(text, observed(host), NOTHING_REMEMBERED, NOW, Selection(frozenset(addresses)))
        return sorted(each.database for each in found.left_alone)

    assert told("instance/acme", "instance/beta") == [trash["acme"], trash["beta"]]
    assert told("instance/beta", "template/base") == [trash["beta"], trash["template_base"]]


MOVING = desired(
    instance("acme", server="two"), instance("beta", server="two", database_name="shop"), servers=["one", "two"]
)


@pytest.mark.parametrize(
    ("database", "digest", "what"),
    [
        ("acme", "", (Left.KEPT, "what instance/acme is until it is moved to two")),
        ("acme", ORPHANED, (Left.ORPHAN, "orphan: once published by this fleet, no longer declared")),
        ("beta", "", (Left.ORPHAN, "orphan: once published by this fleet, no longer declared")),
    ],
    ids=["of a document that has it elsewhere", "of an earlier document", "of one that names another database"],
)
def test_what_is_remembered_to_be_an_instances_is_told_by_what_its_text_says_of_it_now(
    database: str, digest: str, what: tuple[Left, str]
) -> None:
    memory = remembering(("aaa", "one", "aaa"), (database, "one", database), digest=digest)
    found = diff(MOVING, observed(online("one", lists=[database])), memory, NOW)
    assert [(each.kind, each.what) for each in found.left_alone if each.database == database] == [what]
