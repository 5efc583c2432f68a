"""Documents that rather went missing than were removed: what `prune` would end of them is blocked, however small the fleet."""

from __future__ import annotations

import pytest

from reconciler.core.deciding import Limits, decide
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import PRUNES, Inventory
from reconciler.core.safety import gate
from schemas.fleet import Safety
from tests.core.one_instance import look_of, ready, remembered
from tests.core.scenes import NOW, desired, instance, observed, online

LEFT_NONE = "no document is left of any instance that is in service, and `prune` ends none of them"
ADVICE = "look whether the text is all there; if they were removed on purpose, run with --allow-removals"


def end(code: str, reason: Reason = Reason.REMOVED, name: str = "") -> Action:
    return Action(verbs.END, "instance", code, "one", reason, name or code)


def some(number: int) -> tuple[Action, ...]:
    return tuple(end(f"i{n}") for n in range(number))


def gated(*actions: Action, of: int, percent: int, most: int = 100) -> Changeset:
    return gate(Changeset(actions), {}, Safety(max_removals=most, max_removals_percent=percent), of)


def why(changes: Changeset) -> list[tuple[str, str, str]]:
    return [(b.code, b.why.removeprefix("end: "), b.advice) for b in changes.blocked]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_none_is_ended_where_no_document_is_left(number: int) -> None:
    changes = gated(*some(number), of=number, percent=99)
    assert why(changes) == [(f"i{n}", LEFT_NONE, ADVICE) for n in range(number)]
    assert [(s.threshold, s.why, s.actions) for s in changes.stopped] == [("removals", LEFT_NONE, some(number))]


@pytest.mark.parametrize(
    ("number", "of", "percent"), [(1, 2, 30), (2, 4, 50), (2, 9, 30), (5, 9, 99), (1, 1, 100), (2, 2, 100), (3, 3, 100)]
)
def test_the_only_one_a_share_that_is_allowed_and_where_every_share_is_are_ended(
    number: int, of: int, percent: int
) -> None:
    assert gated(*some(number), of=of, percent=percent).actions == some(number)


@pytest.mark.parametrize(("number", "of", "percent"), [(2, 4, 49), (2, 3, 30), (3, 9, 30), (2, 9, 0)])
def test_of_two_and_more_a_larger_share_is_not(number: int, of: int, percent: int) -> None:
    told = (
        f"the documents of {number} of {of} databases in service are gone, more than"
        f" safety.max_removals_percent ({percent})"
    )
    assert why(gated(*some(number), of=of, percent=percent)) == [(f"i{n}", told, ADVICE) for n in range(number)]


def test_what_a_document_ends_is_no_removed_document() -> None:
    said = tuple(end(f"i{n}", Reason.DECLARED) for n in range(3))
    assert gated(*said, of=3, percent=30).actions == said


def test_where_both_are_too_many_none_of_either_is_ended_and_each_is_told_its_own() -> None:
    changes = gated(end("acme", Reason.DECLARED), *some(2), of=3, percent=30, most=1)
    assert changes.actions == ()
    many = "3 databases would go out of service, more than safety.max_removals (1)"
    lost = "the documents of 2 of 3 databases in service are gone, more than safety.max_removals_percent (30)"
    allow = "if it is meant, run with --allow-removals"
    assert why(changes) == [("acme", many, allow), ("i0", lost, ADVICE), ("i1", lost, ADVICE)]
    (stopped,) = changes.stopped
    assert (stopped.why, len(stopped.actions)) == (many, 3)


def test_a_suspended_one_is_not_the_last_in_service_as_long_as_another_is() -> None:
    acme = instance("acme", server="one")
    text = desired(acme, prune="true")
    gone = look_of(instance("beta", server="one", state="suspended"), "suspended.beta")
    memory = Inventory(
        remembered(("acme", "one", "acme"), ("beta", "one", "beta")).entries, {"one": "active", PRUNES: "yes"}
    )
    seen = observed(ready(text, online("one", look_of(acme), gone)))
    changes = decide(text, seen, memory, NOW, Limits()).changeset
    assert [(a.id, a.database) for a in changes.actions] == [("end instance/beta on one", "suspended.beta")]
    alone = decide(desired(prune="true"), seen, memory, NOW, Limits()).changeset
    assert {w for _, w, _ in why(alone)} == {LEFT_NONE}
