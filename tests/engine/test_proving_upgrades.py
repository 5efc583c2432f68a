"""An upgrade is believed once a fresh look and its login page prove it, and begins only on what its plan has shown."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest

from reconciler.core.model import module_operations, verbs
from reconciler.core.model.actions import Action, FieldChange
from reconciler.core.model.failures import ConnectionCut, ProofFailed, Refused
from reconciler.core.model.module_versions import Behind
from reconciler.fleet.desired import Desired
from reconciler.health.login_pages import PageAnswer
from tests.core.scenes import desired, instance
from tests.engine.memory_host import Kept
from tests.engine.test_carrying_out import Stand, act
from tests.harness.virtual_time import run

MAIL = Behind("mail", "19.0.1.0", "19.0.1.1")
SALE = Behind("sale", "19.0.1.0", "19.0.1.1")
WEB = Behind("web", "19.0.1.0", "19.0.1.1")
URL = "https://acme.example.com/web/login"
FORM = PageAnswer(status=HTTPStatus.OK, has_login_form=True)
BEHIND_A_PROXY = PageAnswer(status=HTTPStatus.SERVICE_UNAVAILABLE, has_login_form=True)
ANOTHER = PageAnswer(status=HTTPStatus.OK)
NONE = PageAnswer(problem="no answer")
UPGRADE = act(verbs.UPGRADE)
AGAIN = "once that is mended, `odoo-fleet apply --target instance/acme` tries again"


class Site:
    """The login pages of a server: what is asked for is answered in turn, the last answer for good."""

    def __init__(self, *answers: PageAnswer) -> None:
        self.answers, self.asked = list(answers), list[str]()

    async def fetch(self, url: str) -> PageAnswer:
        self.asked.append(url)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def stand(*answers: PageAnswer, text: Desired | None = None, address: str = "instance/acme", name: str = "") -> Stand:
    """A host with newer code than a database has, and a site where there are answers."""
    made = Stand(text or desired(instance("acme")))
    made.host.hold(made.spec(address), name).seen = {"behind": (MAIL,)}
    if answers:
        made.performer.world = replace(made.performer.world, pages={"one": Site(*answers)})
    return made


def asked(made: Stand) -> list[str]:
    site = made.performer.world.pages["one"]
    assert isinstance(site, Site)
    return site.asked


def kept(made: Stand) -> Kept:
    (found,) = made.host.databases.values()
    return found


def notes(made: Stand) -> list[tuple[bool, str, bool]]:
    """List what was noted: whether it is proven, why it failed, and whether all is as it was before."""
    return [(proven, note.why, note.undone) for _, _, note, proven in made.host.done("note_upgrade")]


@pytest.mark.parametrize(
    ("address", "name", "calls"),
    [
        ("instance/acme", "acme", ["note_upgrade", "upgrade", "note_upgrade"]),
        ("instance/acme", "suspended.acme", ["note_upgrade", "upgrade", "quiesce", "note_upgrade"]),
        ("template/base", "template_base", ["note_upgrade", "upgrade", "quiesce", "note_upgraded", "note_upgrade"]),
    ],
)
def test_what_is_not_in_service_is_made_quiet_again_before_it_is_noted_as_done(
    address: str, name: str, calls: list[str]
) -> None:
    made = stand(address=address, name=name)
    made.perform(act(verbs.UPGRADE, name, address=address))
    assert [call[0] for call in made.host.done("note_upgrade", "upgrade", "quiesce", "note_upgraded")] == calls
    assert notes(made) == [(False, "", False), (True, "", False)]
    assert made.told == [f"{address.partition('/')[2]}: upgrading modules"]


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ({"broken": "column x does not exist"}, "nobody can work in it after its upgrade: column x does not exist"),
        (
            {"modules": {"base": "to upgrade", "mail": "to install"}},
            "after its upgrade modules base, mail are half-way",
        ),
        ({"behind": (MAIL, WEB)}, "after its upgrade it is still behind: mail 19.0.1.0 → 19.0.1.1"),
    ],
)
def test_what_a_fresh_look_finds_amiss_is_noted_in_it_and_told(seen: dict[str, Any], why: str) -> None:
    made = stand()
    made.host.answers["upgrade"] = seen
    assert made.fails(UPGRADE) == (ProofFailed, why, AGAIN, "acme")
    assert notes(made) == [(False, "", False), (False, why, False)]
    assert made.performer.failed_upgrades == {"instance/acme"}


def test_what_came_to_be_behind_meanwhile_is_for_the_next_run() -> None:
    made = stand()
    made.host.answers["upgrade"] = {"behind": (SALE,)}
    made.perform(UPGRADE)
    assert notes(made)[-1] == (True, "", False)


@pytest.mark.parametrize(
    ("answers", "times", "ok"),
    [
        ([FORM], 2, True),
        ([FORM, NONE, FORM], 3, True),
        ([FORM, NONE], 3, False),
        ([FORM, ANOTHER], 3, False),
        ([FORM, BEHIND_A_PROXY], 3, False),
        ([NONE], 1, True),
        ([ANOTHER], 1, True),
        ([BEHIND_A_PROXY], 1, True),
    ],
)
def test_a_login_page_that_was_there_is_there_again_after_it(
    answers: list[PageAnswer], times: int, *, ok: bool
) -> None:
    made = stand(*answers)
    if ok:
        made.perform(UPGRADE)
    else:
        why = "its login page, which was there before its upgrade, does not answer any more"
        assert made.fails(UPGRADE) == (ProofFailed, why, AGAIN, "acme")
    assert asked(made) == [URL] * times


NO_DOMAIN = desired(instance("acme")).servers["one"].model_copy(update={"domain": None})


@pytest.mark.parametrize(
    ("text", "address", "name"),
    [
        (None, "instance/acme", "suspended.acme"),
        (desired(instance("base", database_name="acme")), "template/base", "template_base"),
        (desired(instance("acme")).having("server", {"one": NO_DOMAIN}), "instance/acme", "acme"),
    ],
    ids=["suspended", "a template beside an instance of its code", "no address"],
)
def test_nobody_asks_for_a_page_that_customers_do_not_have(text: Desired | None, address: str, name: str) -> None:
    made = stand(FORM, text=text, address=address, name=name)
    made.perform(act(verbs.UPGRADE, name, address=address))
    assert asked(made) == []


# What it begins on


def refused(made: Stand, action: Action = UPGRADE) -> tuple[Any, ...]:
    failure = made.fails(action)
    assert made.host.done("note_upgrade", "upgrade") == []
    assert made.performer.failed_upgrades == set(), "nothing was tried, so that others go on"
    return failure


def test_another_documents_database_is_not_upgraded() -> None:
    made = stand()
    before = kept(made).mark
    assert before is not None
    kept(made).mark = replace(before, fleet="theirs")
    assert refused(made) == (Refused, "it belongs to fleet 'theirs'", "", "acme")
    kept(made).mark = replace(before, uuid="the original's")
    advice = "if it is to be instance/acme, set its parameter odoo_fleet.uuid to its database.uuid"
    assert refused(made) == (Refused, "it is a copy of instance/acme, not the original", advice, "acme")


def test_while_it_is_renamed_its_former_code_in_it_is_its_own() -> None:
    made = stand(text=desired(instance("acme", renamed_from="old-acme")))
    mark = kept(made).mark
    assert mark is not None
    kept(made).mark = replace(mark, code="old-acme")
    made.perform(UPGRADE)
    assert notes(made)[-1] == (True, "", False)


def test_while_somebody_is_at_work_in_it_it_is_left_alone() -> None:
    made = stand()
    kept(made).seen["modules"] = {"base": "to upgrade"}
    why = "somebody is at work in it: modules base are 'to upgrade'; it is looked at again later"
    assert refused(made) == (Refused, why, module_operations.ADVICE, "acme")


@pytest.mark.parametrize("exactly", [False, True])
@pytest.mark.parametrize("behind", [(MAIL,), (MAIL, SALE), (SALE,), ()])
def test_what_a_saved_plan_does_not_show_is_not_upgraded_by_it(behind: tuple[Behind, ...], *, exactly: bool) -> None:
    shown = (FieldChange("modules.mail", MAIL.has, MAIL.code), FieldChange("backup", "none", "one"))
    made = stand()
    made.performer.exactly = exactly
    kept(made).seen["behind"] = behind
    action = replace(UPGRADE, changes=shown[:1])
    if exactly and behind != (MAIL,):
        why = "by now other modules are behind than was saved"
        assert refused(made, action) == (Refused, why, "save a new plan", "acme")
    else:
        run(made.tell(action))
        assert notes(made)[-1] == (True, "", False)


def test_an_upgrade_whose_host_was_out_of_reach_is_tried_again_by_itself() -> None:
    made = stand()
    made.host.answers["upgrade"] = [ConnectionCut("closed", server="one", database="acme")]
    made.perform(UPGRADE)
    assert len(made.host.done("upgrade")) == 2
    assert notes(made)[-1] == (True, "", False)
