"""Which databases count as removed and which do not, and what is told of those that come near a limit or their end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.core.deciding import Limits, decide
from reconciler.core.model import verbs
from reconciler.core.model.changesets import Changeset, Left
from reconciler.core.model.inventory import PRUNES, Inventory, Usage
from reconciler.core.model.observed import DatabaseLook
from reconciler.fleet.desired import Desired
from tests.core.one_instance import look_of, ready, remembered
from tests.core.scenes import NOW, changed, desired, instance, observed, online
from tests.harness.universe import fleet, read

ACME = instance("acme", server="one")
OTHER = instance("other", server="one")


def after(text: Desired, look: DatabaseLook, *, pruned: str = "yes") -> Changeset:
    """Plan where acme is remembered under the name that its look has, and removals are allowed."""
    memory = Inventory(remembered(("acme", "one", look.database)).entries, {"one": "active", PRUNES: pruned})
    seen = observed(ready(text, online("one", look, look_of(OTHER))))
    return decide(text, seen, memory, NOW, Limits(allowed=["removals"])).changeset


def ended(changes: Changeset) -> list[str]:
    return [each.database for each in changes.actions if each.verb is verbs.END]


@pytest.mark.parametrize(
    ("prune", "pruned", "ends"), [("true", "yes", ["acme"]), ("true", "no", []), ("true", "", []), ("false", "yes", [])]
)
def test_what_was_removed_is_ended_only_if_the_text_says_so_and_said_so_before(
    prune: str, pruned: str, ends: list[str]
) -> None:
    assert ended(after(desired(OTHER, prune=prune), look_of(ACME), pruned=pruned)) == ends


def test_what_is_protected_stays_when_its_document_is_removed() -> None:
    look = look_of(instance("acme", server="one", deletion_protection="true"))
    changes = after(desired(OTHER, prune="true"), look)
    assert ended(changes) == []
    assert [each.what for each in changes.left_alone if each.database == "acme"] == [
        "its document was removed, and it is kept: it is protected against deletion: only its document can take that back"
    ]


def test_what_a_document_still_names_was_not_removed_though_it_declares_another_database() -> None:
    """By its code, or by what it was renamed from."""
    by_code = desired(OTHER, instance("acme", server="one", database_name="acme-prod"), prune="true")
    assert ended(after(by_code, look_of(ACME))) == []
    by_former = desired(OTHER, instance("beta", server="one", renamed_from="acme"), prune="true")
    assert ended(after(by_former, look_of(instance("acme", server="one", database_name="shop")))) == []


# What is told


def told(document: str, kind: Left, users: int = 0) -> list[tuple[str, str, str]]:
    """Say what is told where both servers have an acme, with the plan's ten users."""
    text = read(
        changed(fleet(document, servers={"one": "19.0", "two": "19.0"}), "kind: plan\n", "kind: plan\nmax_users: 10\n")
    )
    seen = observed(*(ready(text, online(code, lists=["acme"])) for code in ("one", "two")))
    memory = Inventory(server_states={"one": "active", "two": "active"}, usage={"acme": Usage(users, 0, NOW)})
    changes = decide(text, seen, memory, NOW, Limits()).changeset
    return [(each.server, each.database, each.what) for each in changes.left_alone if each.kind is kind]


def test_what_comes_near_a_limit_is_told_of_the_database_where_its_text_has_it_and_of_no_namesake() -> None:
    near = "instance/acme uses 90 % or more of the 10 users of plan/starter"
    assert told(ACME, Left.LIMIT, users=9) == [("one", "acme", near)]
    assert told(instance("acme"), Left.LIMIT, users=9) == [("one", "acme", near), ("two", "acme", near)]
    assert told(ACME, Left.LIMIT, users=7) == []


def test_what_expires_soon_is_told_of_the_database_where_its_text_has_it_and_of_no_namesake() -> None:
    soon = instance("acme", server="one", expires=f'"{NOW + timedelta(days=2):%Y-%m-%d}"')
    ((server, database, what),) = told(soon, Left.ENDING)
    assert (server, database) == ("one", "acme")
    assert "instance/acme expires on " in what
