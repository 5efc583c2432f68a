"""What the gate says of documents that went missing and of what loses data, and what it lets through."""

from __future__ import annotations

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Blocked, Changeset
from reconciler.core.safety import gate
from schemas.fleet import Safety

LOST = "look whether the text is all there; if they were removed on purpose, run with --allow-removals"
MEANT = "if it is meant, run with --allow-removals"


def removed(*codes: str) -> Changeset:
    return Changeset(tuple(Action(verbs.END, "instance", c, "one", Reason.REMOVED, c) for c in codes))


def said(changes: Changeset) -> set[tuple[str, str]]:
    assert changes.actions == ()
    return {(b.why, b.advice) for b in changes.blocked}


def test_one_document_that_was_removed_beside_others_ends_its_instance() -> None:
    for safety in (Safety(), Safety(max_removals_percent=0)):
        assert gate(removed("acme"), {}, safety, 2) == removed("acme")


def test_more_documents_that_are_gone_than_may_be_are_told_with_how_many_there_were() -> None:
    found = gate(removed("acme", "beta"), {}, Safety(max_removals_percent=49), 4)
    told = "end: the documents of 2 of 4 databases in service are gone, more than safety.max_removals_percent (49)"
    assert said(found) == {(told, LOST)}
    assert gate(removed("acme", "beta"), {}, Safety(max_removals_percent=50), 4) == removed("acme", "beta")


def test_uninstalls_count_as_removals_and_that_modules_would_be_lost_is_told_beside_the_rest() -> None:
    goes = Action(verbs.UNINSTALL, "instance", "acme", "one", Reason.DECLARED, "acme", "acme")
    stops = Action(verbs.SUSPEND, "instance", "beta", "one", Reason.DECLARED, "beta", "suspended.beta")
    told = "2 databases would go out of service or lose modules, more than safety.max_removals (1)"
    assert gate(Changeset((goes, stops)), {}, Safety(max_removals=1), 9).blocked == (
        Blocked("instance", "acme", "one", f"uninstall: {told}", MEANT),
        Blocked("instance", "beta", "one", f"suspend: {told}", MEANT),
    )
