"""A template and an instance of one code, and a text that lost an instance's document: an action means the one that it names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.failures import HostUnreachable, LastingError, Refused, Rejected
from tests.core.scenes import desired, instance, spec
from tests.engine.test_carrying_out import CLONE_ACME, ENTRY, Stand, act

SHOP = "kind: template\ncode: shop\ntemplate_db: shop\nserver: one\nmodules: [base]\n"
TEXT = desired(SHOP, instance("shop", server="two", renamed_from="old-shop"), servers=("one", "two"))
TEMPLATE = "template/shop"


def stand() -> Stand:
    """Hosts one, for the template shop, and two, on which the instance shop is in service."""
    made = Stand(TEXT, hosts=("one", "two"))
    made.hosts["two"].hold(spec(TEXT, "instance/shop", "two"))
    return made


def test_a_template_is_not_opened_by_the_password_of_an_instances_former_name() -> None:
    made = stand()
    made.host.hold(spec(TEXT, TEMPLATE)).password = "admin_password of template/old-shop"
    failure = made.fails(act(verbs.ROTATE, "shop", address=TEMPLATE))
    assert failure[:2] == (LastingError, "it refuses the declared password and all former ones")


def test_a_template_is_created_beside_an_instance_of_its_name_on_another_host() -> None:
    made = stand()
    made.perform(act(verbs.CREATE, "", "shop", TEMPLATE))
    assert set(made.host.databases) == {"shop"}


def test_a_template_is_not_upgraded_as_the_one_of_an_instances_former_name() -> None:
    made = stand()
    kept = made.host.hold(spec(TEXT, TEMPLATE), code="old-shop")
    before = kept.mark
    failure = made.fails(act(verbs.UPGRADE, "shop", address=TEMPLATE))
    assert failure[:2] == (Refused, "it belongs to template/old-shop")
    assert kept.mark == before


def test_the_database_of_a_removed_document_becomes_trash_with_the_account_that_it_had() -> None:
    made = Stand(desired(instance("beta")))
    acme = made.host.hold(spec(desired(instance("acme")), "instance/acme"))
    made.memory.verified(*ENTRY, "acme", "of the text that was applied last", None)
    made.perform(act(verbs.END, "acme"))
    (trash,) = made.host.databases
    assert trash.startswith("trash-")
    assert (acme.quiet, acme.mark is not None and acme.mark.ended) == (True, trash)
    assert made.memory.entries[ENTRY].digest == "of the text that was applied last"


def test_one_whose_document_stays_is_not_remembered_as_verified_while_it_ends() -> None:
    made = Stand()
    made.host.hold(made.spec("instance/acme"))
    made.memory.verified(*ENTRY, "acme", "of an earlier text", None)
    made.host.answers["quiesce"] = Rejected("not now")
    with pytest.raises(Rejected):
        made.perform(act(verbs.END, "acme"))
    assert made.memory.entries[ENTRY].digest == "", "whatever became of it is looked for by the next run"
    del made.host.answers["quiesce"]
    made.perform(act(verbs.END, "switching.acme"))
    assert made.memory.entries[ENTRY].digest == made.spec("instance/acme").digest()


@pytest.mark.parametrize("origin", ["", "two"])
def test_where_it_comes_from_another_server_that_has_to_say_that_it_is_not_there_any_more(origin: str) -> None:
    """Of any other host that does not answer what it listed last is believed."""
    made = Stand(desired(instance("acme", server="one"), servers=("one", "two")), hosts=("one", "two"))
    made.host.hold(made.spec("template/base"))
    made.hosts["two"].answers["listed"] = HostUnreachable("down", server="two")
    clone = replace(CLONE_ACME, origin=origin)
    if origin:
        with pytest.raises(HostUnreachable, match="down"):
            made.perform(clone)
        assert "acme" not in made.host.databases
    else:
        made.perform(clone)
        assert "acme" in made.host.databases
