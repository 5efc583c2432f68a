"""Where no account for support is ended: the failure says which database it is, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.actions import FieldChange
from reconciler.core.model.failures import LastingError
from reconciler.fleet.desired import Desired
from tests.core.scenes import desired, instance
from tests.engine.test_carrying_out import Stand, act

LOGIN = "odoo-fleet-support-20261124T120000Z-aaaaa"
END = replace(act(verbs.END_SUPPORT), changes=(FieldChange("support", f"9:{LOGIN}", "ended"),))
RENAMED = desired(instance("acme", renamed_from="old-acme"))


@pytest.mark.parametrize("code", ["acme", "old-acme"])
def test_it_is_ended_in_what_is_the_documents_by_its_code_or_its_former_one(code: str) -> None:
    stand = Stand(RENAMED)
    stand.host.hold(stand.spec("instance/acme"), code=code)
    stand.perform(END)
    assert stand.host.done("end_support") == [("end_support", "acme", f"9:{LOGIN}")]


@pytest.mark.parametrize("text", [desired(instance("acme")), RENAMED], ids=["", "while it is renamed"])
@pytest.mark.parametrize(
    ("mark", "why"),
    [
        ({"code": "shop"}, "its mark says that it is instance/shop of fleet 'demo'"),
        ({"fleet": "theirs"}, "its mark says that it is instance/acme of fleet 'theirs'"),
        ({"uuid": "the original's"}, "it bears no mark of its own, so that it may be anybody's"),
    ],
)
def test_nothing_is_ended_in_what_is_anothers_by_now(text: Desired, mark: dict[str, str], why: str) -> None:
    stand = Stand(text)
    stand.host.hold(stand.spec("instance/acme"), **mark)
    assert stand.fails(END) == (LastingError, f"nothing is ended in it: {why}", "", "acme")
    assert stand.host.done("end_support") == []


def test_what_takes_no_password_of_ours_is_told() -> None:
    stand = Stand()
    stand.host.hold(stand.spec("instance/acme")).password = "nobody's"
    why = "it refuses the declared password and all former ones"
    assert stand.fails(END) == (LastingError, why, "", "acme")
