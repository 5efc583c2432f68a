"""The gate: hosts whose listing shrank are left alone, and too many removals or changes do not run at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Blocked, Changeset
from reconciler.core.model.inventory import Entry, Inventory
from reconciler.core.policies.claims import Doubt
from reconciler.core.safety import PERCENT_COUNTS_FROM, THRESHOLDS, frozen_hosts, gate
from reconciler.fleet.desired import Desired
from schemas.fleet import Safety
from tests.core.scenes import NOW, as_declared, desired, instance, observed, offline, online, spec
from tests.core.strategies import SERVERS, changesets

ANYTHING = Safety(max_removals=1000, max_removals_percent=100, max_changes_percent=100)
NOBODY = desired()


def removals(most: int, percent: int) -> Safety:
    return Safety(max_removals=most, max_removals_percent=percent)


def before(*listed: str, ours: tuple[str, ...] = ("acme",)) -> Inventory:
    """Remember what server `one` listed at the last pass, and which of its databases are ours."""
    entries = {("instance", name, "one"): Entry("instance", name, "one", name, "", NOW) for name in ours}
    return Inventory(entries, listings={"one": listed})


def frozen(inventory: Inventory, *now: str, text: Desired | None = None) -> Doubt:
    return frozen_hosts(text or NOBODY, observed(online("one", lists=now)), inventory, ()).get("one", Doubt("", ""))


def why_frozen(inventory: Inventory, *now: str, text: Desired | None = None) -> str:
    return frozen(inventory, *now, text=text).why.partition("; ")[0]


def suspend(code: str, server: str = "one", after: tuple[str, ...] = ()) -> Action:
    return Action(verbs.SUSPEND, "instance", code, server, Reason.DECLARED, code, f"suspended.{code}", after=after)


def test_a_database_that_is_opened_under_another_name_is_not_missing_but_under_a_build_or_as_trash_it_is() -> None:
    """A rename that was cut short and reverted in the text."""
    acme = spec(desired(instance("acme")), "instance/acme")

    def frozen(name: str) -> str:
        found = frozen_hosts(NOBODY, observed(online("one", as_declared(acme, name))), before("acme"), ())
        return found["one"].why if "one" in found else ""

    assert frozen("switching.shop") == ""
    assert frozen("building-261124110000aaaaa.shop") == "it no longer lists acme"


def test_a_database_of_ours_that_is_no_longer_listed_freezes_its_host() -> None:
    assert why_frozen(before("acme", "shop"), "shop") == "it no longer lists acme"
    assert why_frozen(before("acme", "shop"), "acme", "shop") == ""


def test_a_foreign_database_that_went_away_is_nobodys_business() -> None:
    assert why_frozen(before("acme", "shop"), "acme") == ""


def test_an_empty_list_freezes_a_host_that_listed_anything() -> None:
    assert why_frozen(before("shop", ours=())) == "it lists no database at all, 1 at the last pass"
    assert why_frozen(before(ours=())) == ""


def test_only_the_first_of_many_missing_names_are_shown() -> None:
    ours = ("a1", "b2", "c3", "d4", "e5")
    assert why_frozen(before(*ours, ours=ours), "x") == "it no longer lists a1, b2, c3 and 2 more"


def test_a_name_that_only_changed_its_mark_is_not_missing() -> None:
    assert why_frozen(before("acme"), "suspended.acme") == ""
    assert why_frozen(before("acme"), "switching.acme") == ""
    assert why_frozen(before("building-261124110000aaaaa.acme"), "x") == ""


def test_a_build_of_the_same_name_does_not_stand_for_the_database() -> None:
    assert why_frozen(before("acme"), "building-261124110000aaaaa.acme") == "it no longer lists acme"


def test_a_declared_rename_explains_a_missing_name_once_the_new_one_is_there() -> None:
    renamed = desired(instance("acme2", renamed_from="acme"))
    assert why_frozen(before("acme"), "acme2", text=renamed) == ""
    assert why_frozen(before("acme"), "shop", text=renamed) == "it no longer lists acme"


def test_a_rename_that_was_taken_back_explains_a_missing_name_once_the_former_one_is_there_again() -> None:
    taken_back = desired(instance("acme2", renamed_from="acme"))
    assert why_frozen(before("acme2", ours=("acme2",)), "acme", text=taken_back) == ""
    both = before("acme", "acme2", ours=("acme2",))
    assert why_frozen(both, "acme", text=taken_back) == "it no longer lists acme2", "it was there before as well"


def test_a_declared_name_that_was_listed_is_missed_though_nothing_is_remembered_of_it() -> None:
    """The pass that made it may have died before it could remember: the next must not build it again beside a lying list."""
    declared = desired(instance("acme", server="one"), instance("beta", server="two"), servers=("one", "two"))
    assert why_frozen(before("suspended.acme", "shop", ours=()), "shop", text=declared) == "it no longer lists acme"
    assert why_frozen(before("template_base", "shop", ours=()), "shop", text=declared).endswith("template_base")
    assert why_frozen(before("beta", "shop", ours=()), "shop", text=declared) == "", "declared to be on another server"
    assert why_frozen(before("trash-261124120000.acme", "shop", ours=()), "shop", text=declared) == ""


ENDED = "trash-261124120000.acme"
LEFT = "moved-261124120000.acme"


def why_of_trash(
    *before_: str, text: Desired | None = None, ended: str | None = None, lists: Sequence[str] = ()
) -> str:
    """Say why a host is frozen on which acme was, and that has trash of it now; `ended` is what is noted in that."""
    look = as_declared(spec(desired(instance("acme")), "instance/acme"), ENDED)
    assert look.mark is not None
    looks = () if ended is None else (replace(look, mark=replace(look.mark, ended=ended)),)
    seen = observed(online("one", *looks, lists=(*lists, ENDED, "shop")))
    found = frozen_hosts(text or NOBODY, seen, before(*before_, "shop"), ())
    return found["one"].why if "one" in found else ""


def test_trash_explains_a_missing_name_only_if_its_text_ended_it_or_it_is_noted_inside_and_it_is_new() -> None:
    wanted, absent = desired(instance("acme")), desired(instance("acme", state="absent"))
    assert why_of_trash("acme", text=absent) == ""
    assert why_of_trash("acme", text=wanted) == "it no longer lists acme"
    assert why_of_trash("acme", text=wanted, ended=ENDED) == ""
    assert why_of_trash("acme", text=wanted, ended="trash-261124110000.acme") == "it no longer lists acme"
    assert why_of_trash("acme", ENDED, text=absent) == "it no longer lists acme", "that trash was there before"
    assert why_of_trash("acme", ENDED, text=wanted, ended=ENDED) == "it no longer lists acme"
    other = desired(instance("acme"), instance("beta"))
    seen = observed(online("one", lists=("trash-261124120000.beta", "shop")))
    assert "one" in frozen_hosts(other, seen, before("acme", "shop"), ()), "of another name it explains nothing"


def test_what_was_only_on_its_way_and_is_trash_now_could_not_go_on_and_is_not_missed() -> None:
    wanted = desired(instance("acme"))
    assert why_of_trash("switching.acme", text=wanted) == ""
    assert why_of_trash("suspended.acme", text=wanted) == "it no longer lists acme"
    assert why_of_trash("switching.acme", ENDED, text=wanted) == "it no longer lists acme", (
        "that trash was there before"
    )
    seen = observed(online("one", lists=("shop",)))
    assert "one" in frozen_hosts(wanted, seen, before("switching.acme", "shop"), ())


def test_what_has_moved_since_explains_a_missing_name_and_what_had_moved_before_does_not() -> None:
    wanted = desired(instance("acme", server="two"), servers=("one", "two"))
    for listed, frozen_ in ((("acme", "shop"), False), (("acme", LEFT, "shop"), True)):
        seen = observed(online("one", lists=(LEFT, "shop")))
        assert ("one" in frozen_hosts(wanted, seen, before(*listed), ())) is frozen_


def test_what_a_host_lists_anew_and_nobody_claims_may_be_what_is_missing() -> None:
    acme = desired(instance("acme", server="one"), instance("beta", server="one"))
    seen = frozen(before("acme", "crm"), "crm", "suspended.shop", text=acme)
    assert seen.why == "it no longer lists acme; it lists shop, which it did not"
    gone = "only if it is gone for good, run with --confirm-listing one"
    assert seen.advice == f"if acme was renamed to shop, write `renamed_from: shop`; {gone}"
    several = frozen(before("acme", "beta"), "shop", "store", text=acme)
    assert several.why == "it no longer lists acme, beta; it lists shop, store, which it did not"
    assert several.advice == f"if one of them was renamed to one of these, write `renamed_from: …`; {gone}"
    template = frozen(before("template_base"), "crm")
    assert template.advice == "look at the host; if nothing was renamed, run with --confirm-listing one"
    for claimed in ("beta", "template_base", "building-261124110000aaaaa.shop", "trash-261124110000.shop"):
        assert frozen(before("acme", "crm"), "crm", claimed, text=acme).why == "it no longer lists acme"


def test_neither_an_offline_host_nor_a_new_one_nor_a_confirmed_one_is_frozen() -> None:
    assert frozen_hosts(NOBODY, observed(offline("one")), before("acme"), ()) == {}
    assert frozen_hosts(NOBODY, observed(online("one")), Inventory(), ()) == {}
    assert frozen_hosts(NOBODY, observed(online("one")), before("acme"), ("one",)) == {}


def test_nothing_runs_on_a_frozen_host_and_the_advice_names_it() -> None:
    gated = gate(Changeset((suspend("acme"), suspend("beta", "two"))), {"one": Doubt("it lies", "look")}, ANYTHING, 2)
    assert gated.actions == (suspend("beta", "two"),)
    assert gated.blocked == (Blocked("instance", "acme", "one", "suspend: changes on one are frozen: it lies", "look"),)


def test_one_removal_too_many_stops_all_of_them() -> None:
    changeset = Changeset((suspend("a1"), suspend("b2")))
    assert gate(changeset, {}, removals(2, 100), 2) == changeset
    gated = gate(changeset, {}, removals(1, 100), 2)
    assert gated.actions == ()
    assert {b.why for b in gated.blocked} == {
        "suspend: 2 databases would go out of service, more than safety.max_removals (1)"
    }


def test_the_share_counts_from_ten_databases_on() -> None:
    changeset = Changeset(tuple(suspend(f"i{n}") for n in range(4)))
    assert gate(changeset, {}, removals(10, 30), PERCENT_COUNTS_FROM - 1) == changeset
    assert "40 %" in gate(changeset, {}, removals(10, 30), PERCENT_COUNTS_FROM).blocked[0].why
    assert gate(changeset, {}, removals(10, 40), PERCENT_COUNTS_FROM) == changeset


def configure(code: str, reason: Reason = Reason.CHANGED) -> Action:
    return Action(verbs.CONFIGURE, "instance", code, "one", reason, code, code)


def test_an_edit_that_would_change_too_many_databases_changes_none_of_them_until_someone_says_so() -> None:
    edited = Changeset((*(configure(f"i{n}") for n in range(3)), suspend("acme")))
    few = Safety(max_changes=2)
    gated = gate(edited, {}, few, 4)
    assert gated.actions == (suspend("acme"),)
    assert {(b.why, b.advice) for b in gated.blocked} == {
        (
            "configure: 3 databases would be changed, more than safety.max_changes (2)",
            "if it is meant, run with --allow-changes",
        )
    }
    assert gate(edited, {}, few, 4, ["changes"]) == edited
    assert gate(edited, {}, few, 4, ["removals"]) == gated


def test_a_database_that_is_changed_by_two_actions_counts_once() -> None:
    renewed = Action(verbs.ROTATE, "instance", "acme", "one", Reason.ROTATED, "acme", "acme")
    changeset = Changeset((renewed, configure("acme")))
    assert gate(changeset, {}, Safety(max_changes=1), 1) == changeset


def test_what_is_made_finished_taken_over_or_marked_anew_is_no_change_that_somebody_edited() -> None:
    clone = Action(verbs.CLONE, "instance", "acme", "one", Reason.DECLARED, "basic", "acme")
    routine = (Reason.INTERRUPTED, Reason.OLD_MARK, Reason.ADOPTED)
    changeset = Changeset((clone, *(configure(f"i{n}", reason) for n, reason in enumerate(routine))))
    assert gate(changeset, {}, Safety(max_changes=0), 1) == changeset


def test_what_needs_a_blocked_action_is_blocked_with_it_and_says_so() -> None:
    first = suspend("acme")
    second = Action(verbs.CONFIGURE, "instance", "acme", "one", Reason.CHANGED, "suspended.acme", after=(first.id,))
    gated = gate(Changeset((first, second)), {}, removals(0, 100), 1)
    assert gated.actions == ()
    assert f"configure: it needs '{first.id}', which is blocked" in [b.why for b in gated.blocked]


@given(changesets(), st.integers(0, 5), st.integers(0, 100), st.integers(0, 30), st.sets(st.sampled_from(SERVERS)))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_the_gate_never_lets_more_through_than_allowed_and_loses_nothing(
    changeset: Changeset, most: int, percent: int, in_service: int, frozen: set[str]
) -> None:
    safety = Safety.model_validate(
        {f"max_{t.name}": most for t in THRESHOLDS} | {f"max_{t.name}_percent": percent for t in THRESHOLDS}
    )
    gated = gate(changeset, dict.fromkeys(frozen, Doubt("it lies", "")), safety, in_service)
    for threshold in THRESHOLDS:
        databases = {a.address for a in gated.actions if threshold.counts(a)}
        assert len(databases) <= most
        if in_service >= PERCENT_COUNTS_FROM:
            assert len(databases) <= in_service * percent / 100
    assert not any(a.server in frozen for a in gated.actions)
    kept = {a.id for a in gated.actions}
    assert all(need in kept for a in gated.actions for need in a.after)
    assert len(gated.actions) + len(gated.blocked) == len(changeset.actions)
    assert all(b.why for b in gated.blocked)
    assert [a for a in changeset.actions if a.id in kept] == list(gated.actions), "in the order that was planned"
