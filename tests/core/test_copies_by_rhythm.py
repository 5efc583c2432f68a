"""Copies that are due, as the diff plans them: what is shown, what comes first, and that one that waits holds no other up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reconciler.core.deciding import Limits, decide
from reconciler.core.diffs import copies
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.model.observed import Access, DatabaseLook
from reconciler.core.needs import secrets_needed
from reconciler.core.policies.replacements import Replacing
from tests.core.scenes import NOW, as_declared, desired, instance, observed, online, spec

TARGETS = {"backup_targets": "{main: {url: file:///srv/odoo-backups}}"}
WEEKLY = 'refresh: "0 4 * * 1"'


def copy(code: str, *lines: str) -> str:
    return "\n".join([f"kind: instance\ncode: {code}\nclone_of: acme\nplan: starter", WEEKLY, *lines]) + "\n"


def plan(*documents: str, tried: bool = False, asked: Replacing | None = None, **seen: object) -> Changeset:
    """Plan for copies that were made a month ago, whose looks are otherwise as declared; `seen` changes that of `one`."""
    text = desired(instance("acme"), *documents, **TARGETS)
    looks: list[DatabaseLook] = [as_declared(spec(text, "template/base")), as_declared(spec(text, "instance/acme"))]
    for code, document in text.instances.items():
        if document.clone_of:
            look = replace(as_declared(spec(text, f"instance/{code}"), code), quiesced_crons=None)
            look = replace(look, restored_from=copies.noted("instance/acme", NOW - timedelta(days=30)))
            if tried:
                look = replace(look, restored_from=copies.tried(look, NOW - timedelta(hours=1)))
            looks.append(replace(look, **seen) if code == "one" else look)  # type: ignore[arg-type]
    limits = Limits(replacing=asked)
    return decide(text, observed(online("one", *looks)), NOTHING_REMEMBERED, NOW, limits).changeset


def replaced(actions: tuple[Action, ...]) -> list[Action]:
    return [a for a in actions if a.verb is verbs.REPLACE]


def test_one_that_is_due_is_made_anew_without_a_backup_of_what_it_was() -> None:
    (action,) = replaced(plan(copy("one", "backup: {}")).actions)
    assert (action.address, action.reason) == ("instance/one", Reason.SCHEDULED)
    assert [c.field for c in action.changes] == ["contents"]
    assert action.changes[0].observed.startswith("as of now, made ")


def test_each_that_waits_is_told_and_none_forgets_another() -> None:
    changes = plan(copy("one"), copy("two"), tried=True)
    assert replaced(changes.actions) == []
    assert {held.action.address for held in changes.withheld} == {"instance/one", "instance/two"}
    assert all("has not come to its end" in held.why for held in changes.withheld)
    assert all(held.action.after == () for held in changes.withheld)


def test_what_is_edited_in_it_comes_first_and_a_note_of_an_earlier_version_does_not() -> None:
    edited = plan(copy("one"), access=Access.FORMER)
    assert replaced(edited.actions) == []
    assert next(a.verb for a in edited.actions if a.code == "one") is verbs.ROTATE
    assert [held.why for held in edited.withheld] == ["the other changes of it come first; a later run makes it anew"]
    suspended = plan(copy("one", "state: suspended"))
    assert replaced(suspended.actions) == []
    assert [a.verb for a in suspended.actions if a.code == "one"] == [verbs.SUSPEND]
    text = desired(instance("acme"), copy("one"), **TARGETS)
    mark = as_declared(spec(text, "instance/one"), "one").mark
    assert mark is not None
    noted = plan(copy("one"), mark=replace(mark, owner=None))
    assert [a.address for a in replaced(noted.actions)] == ["instance/one"]


def test_one_that_a_command_makes_anew_is_not_told_to_wait_for_its_rhythm() -> None:
    changes = plan(copy("one"), copy("two"), asked=Replacing("one", backup_first=False))
    assert {a.code: a.reason for a in replaced(changes.actions)} == {"one": Reason.DECLARED, "two": Reason.SCHEDULED}
    assert changes.withheld == ()


def test_a_template_that_a_command_builds_anew_holds_no_copy_of_the_same_code_back() -> None:
    changes = plan(copy("base"), asked=Replacing("base", kind="template"))
    assert [a.reason for a in replaced(changes.actions)] == [Reason.SCHEDULED]


def test_it_takes_the_password_of_its_source_as_a_new_copy_does() -> None:
    text = desired(instance("acme"), copy("one"), **TARGETS)
    needs = secrets_needed(plan(copy("one")), text)
    assert {need.code for need in needs if need.kind == "instance"} == {"acme", "one"}


def test_one_that_still_sleeps_is_woken_and_of_its_rhythm_nothing_is_said_yet() -> None:
    changes = plan(copy("one"), database="suspended.one")
    assert [a.verb for a in changes.actions if a.code == "one"] == [verbs.RESUME]
    assert changes.withheld == ()
