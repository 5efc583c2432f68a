"""What a pause holds back, and what the gate says in the words of which it blocks: each failed while its line was wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Blocked, Changeset, Frozen, Left, LeftAlone, Withheld
from reconciler.core.model.inventory import Entry, Inventory
from reconciler.core.model.pauses import Pause
from reconciler.core.policies.claims import Doubt
from reconciler.core.safety import frozen_hosts, gate, withhold
from schemas.fleet import Safety
from tests.core.scenes import NOW, desired, instance, observed, offline, online

CONFIGURE = Action(verbs.CONFIGURE, "instance", "acme", "one", Reason.CHANGED, "acme", "acme")
CREATE = Action(verbs.CREATE, "template", "base", "one", Reason.DECLARED, "", "template_base")
CLONE = Action(verbs.CLONE, "instance", "beta", "one", Reason.DECLARED, "template_base", "beta", after=(CREATE.id,))
LATER = Action(verbs.CONFIGURE, "instance", "beta", "one", Reason.CHANGED, "beta", "beta", after=(CLONE.id,))
ELSEWHERE = Action(verbs.CONFIGURE, "instance", "cafe", "two", Reason.CHANGED, "cafe", "cafe")
BLOCKED = (Blocked("instance", "dodo", "one", "it is full"), Blocked("instance", "echo", "two", "it is full"))
ALL = Changeset(
    (CONFIGURE, CREATE, CLONE, LATER, ELSEWHERE), BLOCKED, (LeftAlone("one", "old", "orphan", Left.ORPHAN),), foreign=3
)

NO_REMOVAL = Safety(max_removals=0, max_removals_percent=100)


def paused(kind: str, code: str) -> dict[tuple[str, str], Pause]:
    return {(kind, code): Pause(kind, code, "an audit")}


def why(kind: str, code: str) -> str:
    return f"{kind}/{code} is paused (its text says paused: true): an audit"


def suspend(code: str, after: tuple[str, ...] = ()) -> Action:
    return Action(verbs.SUSPEND, "instance", code, "one", Reason.DECLARED, code, f"suspended.{code}", after=after)


def test_without_a_pause_everything_runs() -> None:
    assert withhold(ALL, {}, "demo") == ALL


def test_a_paused_document_is_held_back_and_nothing_else_is() -> None:
    assert withhold(ALL, paused("instance", "acme"), "demo") == Changeset(
        (CREATE, CLONE, LATER, ELSEWHERE),
        BLOCKED,
        ALL.left_alone,
        foreign=3,
        withheld=(Withheld(CONFIGURE, why("instance", "acme")),),
    )


def test_what_waits_for_something_paused_is_held_back_with_the_reason_however_far_down() -> None:
    found = withhold(ALL, paused("template", "base"), "demo")
    assert found.actions == (CONFIGURE, ELSEWHERE)
    because = f"it needs '{CREATE.id}': {why('template', 'base')}"
    assert found.withheld == (
        Withheld(CREATE, why("template", "base")),
        Withheld(CLONE, because),
        Withheld(LATER, f"it needs '{CLONE.id}': {because}"),
    )


@pytest.mark.parametrize("verb", [verbs.UPGRADE, verbs.REBUILD])
def test_a_template_that_is_not_made_new_holds_its_clones_not_back_but_its_instances_upgrades(verb: verbs.Verb) -> None:
    new = Action(verb, "template", "base", "one", Reason.NEWER_CODE, "template_base", "template_base")
    clone = replace(CLONE, after=(new.id,))
    upgrade = Action(verbs.UPGRADE, "instance", "acme", "one", Reason.NEWER_CODE, "acme", "acme", after=(new.id,))
    found = withhold(Changeset((new, clone, upgrade)), paused("template", "base"), "demo")
    assert found.actions == (replace(clone, after=()),)
    because = why("template", "base")
    assert found.withheld == (Withheld(new, because), Withheld(upgrade, f"it needs '{new.id}': {because}"))


def test_a_paused_server_holds_back_all_that_is_on_it_and_what_is_blocked_there_says_so() -> None:
    found = withhold(ALL, paused("server", "one"), "demo")
    assert found.actions == (ELSEWHERE,)
    assert [held.why for held in found.withheld] == [why("server", "one")] * 4
    there, other = BLOCKED
    said = Blocked(there.kind, there.code, there.server, there.why, paused=why("server", "one"))
    assert found.blocked == (said, other)


def test_a_paused_fleet_holds_back_everything_and_another_fleets_pause_nothing() -> None:
    found = withhold(ALL, paused("fleet", "demo"), "demo")
    assert (found.actions, [held.action for held in found.withheld]) == ((), list(ALL.actions))
    assert [blocked.paused for blocked in found.blocked] == [why("fleet", "demo")] * 2
    assert withhold(ALL, paused("fleet", "demo"), "other") == ALL


def test_no_pause_leaves_somebody_inside_for_longer_than_was_asked_for() -> None:
    over = Action(verbs.END_SUPPORT, "instance", "acme", "one", Reason.DECLARED, "acme", "acme")
    for kind, code in (("instance", "acme"), ("server", "one"), ("fleet", "demo")):
        assert withhold(Changeset((over,)), paused(kind, code), "demo").actions == (over,)


def test_each_host_is_judged_by_itself() -> None:
    """One that is offline, new or confirmed says nothing of those after it."""
    servers = ("a", "b", "c", "d")
    entries = {("instance", "acme", s): Entry("instance", "acme", s, "acme", "", NOW) for s in servers}
    listings = {"a": ("acme",), "b": ("acme",), "d": ("acme", "shop")}
    seen = observed(offline("a"), online("b", lists=("x",)), online("c", lists=("x",)), online("d", lists=("shop",)))
    found = frozen_hosts(desired(instance("acme")), seen, Inventory(entries, listings=listings), ("b",))
    confirm = "look at the host; if the list is right, run with --confirm-listing d"
    assert found == {"d": Doubt("it no longer lists acme", confirm)}


def test_what_no_document_declares_may_have_been_dropped_on_purpose() -> None:
    entries = {("instance", "acme", "one"): Entry("instance", "acme", "one", "acme", "", NOW)}
    inventory = Inventory(entries, listings={"one": ("suspended.acme", "shop")})
    found = frozen_hosts(desired(), observed(online("one", lists=("shop",))), inventory, ())
    dropped = "it was dropped on purpose (no document declares it, and none is built)"
    advice = f"look at the host; if {dropped}, run with --confirm-listing one"
    assert found == {"one": Doubt("it no longer lists acme", advice)}


def test_a_host_that_lists_nothing_at_all_is_frozen_until_that_is_confirmed() -> None:
    inventory = Inventory(listings={"one": ("acme", "shop")})
    confirm = "look at the host; if the list is right, run with --confirm-listing one"
    assert frozen_hosts(desired(), observed(online("one")), inventory, ()) == {
        "one": Doubt("it lists no database at all, 2 at the last pass", confirm)
    }


@pytest.mark.parametrize(("missing", "shown"), [(3, "a0, a1, a2"), (4, "a0, a1, a2 and 1 more")])
def test_three_missing_names_are_shown_whole(missing: int, shown: str) -> None:
    ours = tuple(f"a{n}" for n in range(missing))
    entries = {("instance", name, "one"): Entry("instance", name, "one", name, "", NOW) for name in ours}
    inventory = Inventory(entries, listings={"one": ours})
    found = frozen_hosts(desired(), observed(online("one", lists=("x",))), inventory, ())
    assert found["one"].why == f"it no longer lists {shown}; it lists x, which it did not"


def test_too_many_removals_are_blocked_with_what_to_do() -> None:
    (blocked,) = gate(Changeset((suspend("acme"),)), {}, NO_REMOVAL, 1).blocked
    why_not = "suspend: 1 database would go out of service, more than safety.max_removals (0)"
    assert blocked == Blocked("instance", "acme", "one", why_not, "if it is meant, run with --allow-removals")


def test_too_large_a_share_is_told_in_per_cent_of_what_is_in_service() -> None:
    changeset = Changeset(tuple(suspend(f"i{n}") for n in range(4)))
    told = {b.why for b in gate(changeset, {}, Safety(max_removals=10, max_removals_percent=12), 12).blocked}
    assert told == {
        "suspend: 4 of 12 databases (33 %) would go out of service, more than safety.max_removals_percent (12)"
    }


def test_a_removal_on_a_frozen_host_is_blocked_for_the_host_even_if_there_are_too_many() -> None:
    (blocked,) = gate(Changeset((suspend("acme"),)), {"one": Doubt("it lies", "")}, NO_REMOVAL, 1).blocked
    assert blocked.why == "suspend: changes on one are frozen: it lies"


def test_every_host_that_is_frozen_is_named_with_why_and_what_to_do_also_where_nothing_was_to_be_done() -> None:
    lies, away = Doubt("it lies", "look at it"), Doubt("it lists nothing", "look why")
    found = gate(Changeset((CONFIGURE,)), {"two": away, "one": lies}, NO_REMOVAL, 1)
    assert found.frozen == (Frozen("one", "it lies", "look at it"), Frozen("two", "it lists nothing", "look why"))


def test_what_needs_a_blocked_action_has_nothing_to_do_of_its_own_and_what_does_not_goes_on() -> None:
    first, other = suspend("acme"), Action(verbs.CONFIGURE, "instance", "beta", "one", Reason.CHANGED, "beta", "beta")
    second = Action(verbs.CONFIGURE, "instance", "acme", "one", Reason.CHANGED, "suspended.acme", after=(first.id,))
    earlier = (Blocked("instance", "zoo", "one", "it is full"),)
    found = gate(Changeset((first, second, other), earlier), {}, NO_REMOVAL, 1)
    assert found.actions == (other,)
    needs = f"configure: it needs '{first.id}', which is blocked"
    assert [(b.code, b.why, b.advice) for b in found.blocked] == [
        ("acme", needs, ""),
        (
            "acme",
            "suspend: 1 database would go out of service, more than safety.max_removals (0)",
            "if it is meant, run with --allow-removals",
        ),
        ("zoo", "it is full", ""),
    ]


def test_nothing_in_service_has_no_share_that_could_be_too_large() -> None:
    safety = Safety(max_removals=1, max_removals_percent=0)
    assert gate(Changeset((suspend("acme"),)), {}, safety, 0).actions == (suspend("acme"),)


def test_what_the_same_text_has_had_done_lately_counts_and_stops_only_what_is_still_to_be_done() -> None:
    safety, earlier = Safety(max_removals=1, max_removals_percent=100), (suspend("beta"),)
    (blocked,) = gate(Changeset((suspend("acme"),)), {}, safety, 5, begun=earlier).blocked
    assert blocked.why == "suspend: 2 databases would go out of service, more than safety.max_removals (1)"
    more = (*earlier, suspend("cafe"))
    assert gate(Changeset((CONFIGURE,)), {}, safety, 5, begun=more) == Changeset((CONFIGURE,))
