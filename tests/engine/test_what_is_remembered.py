"""What an action leaves in the store and in the mark: what a database is made of, and whether it has still to be looked at."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.model import verbs
from reconciler.core.policies.template_versions import row_of, version
from tests.core.scenes import desired, instance
from tests.engine.memory_host import Kept
from tests.engine.test_carrying_out import BASE, CLONE_ACME, ENTRY, Stand, act


def test_which_version_of_a_template_a_database_is_or_came_from_is_remembered() -> None:
    stand = Stand(desired(instance("acme")))
    stand.perform(act(verbs.CREATE, "", "template_base", "template/base"), CLONE_ACME)
    assert stand.memory.states[row_of(("template", "base", "one"))] == version(BASE)
    assert stand.memory.states[row_of(ENTRY)] == version(BASE)


@pytest.mark.parametrize(("absent", "is_as_declared"), [("[]", True), ("[sale]", False)])
def test_one_that_is_to_lack_modules_is_looked_at_once_more(absent: str, *, is_as_declared: bool) -> None:
    """Its template may have brought them."""
    stand = Stand(desired(instance("acme", modules_absent=absent)))
    stand.host.hold(stand.spec("template/base"))
    stand.perform(CLONE_ACME)
    assert stand.memory.entries[ENTRY].digest == (stand.spec("instance/acme").digest() if is_as_declared else "")


def rotated(address: str, database: str, **mark: Any) -> tuple[Stand, Kept]:
    """Replace the former password of a database whose mark says what the keywords say."""
    stand = Stand(desired(instance("acme")), "the former one")
    kept = stand.host.hold(stand.spec(address), database, **mark)
    kept.password = "the former one"
    stand.perform(act(verbs.ROTATE, database, address=address))
    assert kept.password == f"admin_password of {address}"
    return stand, kept


def test_a_template_of_an_earlier_text_stays_cloneable_while_its_password_is_replaced() -> None:
    """Nothing that its text says is written into it: customers are cloned from it until its new version is there."""
    stand, kept = rotated("template/base", "template_base", made_of="an earlier version")
    assert stand.host.done("clear_digest") == []
    assert kept.mark is not None
    assert kept.mark.digest == BASE.digest()


@pytest.mark.parametrize(
    ("address", "database", "mark"),
    [
        ("template/base", "template_base", {"made_of": version(BASE)}),
        ("template/base", "template_base", {"made_of": "an earlier version", "in_service": True}),
        ("instance/acme", "acme", {"made_of": "an earlier version", "in_service": False}),
    ],
)
def test_of_any_other_it_is_noted_that_a_change_is_under_way(address: str, database: str, mark: dict[str, Any]) -> None:
    _, kept = rotated(address, database, **mark)
    assert kept.mark is not None
    assert kept.mark.digest == ""
