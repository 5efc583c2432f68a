"""Whose accounts are tried on what no document declares, or none any more: the likeliest first, and nobody's who is declared."""

from __future__ import annotations

from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.inventory import Entry, Inventory
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies import openers
from reconciler.fleet.desired import Desired
from schemas.references import DerivedSecret
from tests.core.scenes import FRESH, NOW, desired, instance, spec
from tests.harness.universe import fleet, read

TARGETS = {"backup_targets": "{main: {url: file:///srv/a}}"}
NOTHING = Inventory()
KEYLESS = (
    fleet().replace("secret_key: {env: KEY}\n", "").replace("code: base\n", "code: base\nadmin_password: {env: T}\n")
)
TRASH, LEFT = names.trash("acme", NOW), names.moved("acme", NOW)


def who(specs: tuple[DatabaseSpec, ...]) -> list[str]:
    assert {s.server for s in specs} <= {"one"}
    return [s.address for s in specs]


def builders(text: Desired, database: str = FRESH) -> list[str]:
    return who(openers.builders_of(text, "one", database))


def owners(text: Desired, database: str = TRASH, memory: Inventory = NOTHING) -> list[str]:
    return who(openers.owners_of_trash(text, memory, "one", database))


def test_a_build_is_opened_as_its_document_and_as_what_it_is_cloned_from() -> None:
    assert builders(desired(instance("acme"), instance("beta"))) == ["instance/acme", "template/base"]
    assert builders(desired(instance("acme", server="one"))) == ["instance/acme", "template/base"]
    of_template = names.building("template_base", NOW, "aaaaa")
    assert builders(desired(instance("acme")), of_template) == ["template/base"]


def test_a_build_of_one_that_is_copied_or_restored_is_opened_as_its_source_too_declared_or_not() -> None:
    copy = desired("kind: instance\ncode: acme\nclone_of: beta\nplan: starter\n", instance("beta"))
    assert builders(copy) == ["instance/acme", "instance/beta", "template/base"]
    restored = instance("acme", restore_from="{of: beta}")
    assert builders(desired(restored, instance("beta"), **TARGETS)) == [
        "instance/acme",
        "instance/beta",
        "template/base",
    ]
    assert builders(desired(restored, **TARGETS)) == ["instance/acme", "instance/beta", "template/base"]
    assert builders(desired(instance("acme", restore_from="{}"), **TARGETS)) == ["instance/acme", "template/base"]


def test_a_build_of_nobody_is_opened_as_whoever_would_have_it() -> None:
    gone = ["instance/acme", "template/acme"]
    assert builders(desired(instance("beta"))) == [*gone, "template/base"]
    elsewhere = desired(instance("acme", server="two"), servers=("one", "two"))
    assert builders(elsewhere) == ["instance/acme", "template/acme", "template/base"], "it was to move here"


def test_a_build_of_one_that_was_to_move_here_is_opened_as_its_text_says_and_as_its_source_though_that_is_gone() -> (
    None
):
    text = desired(
        instance("acme", server="two", admin_login="boss", restore_from="{of: beta}"), servers=("one", "two"), **TARGETS
    )
    found = openers.builders_of(text, "one", FRESH)
    assert [(s.address, s.admin_login) for s in found[:2]] == [("instance/acme", "boss"), ("instance/beta", "admin")]


def test_a_build_is_not_opened_as_who_has_that_name_on_another_server() -> None:
    heir = instance("heir", server="two", database_name="acme", subdomain="heir")
    text = desired(instance("acme", server="one"), heir, servers=("one", "two"))
    assert builders(text) == ["instance/acme", "template/base"]


def test_trash_is_opened_as_its_document_here_then_as_remembered_then_as_guessed() -> None:
    gone = ["instance/acme", "template/acme"]
    assert owners(desired(instance("acme"))) == ["instance/acme", "template/acme"]
    assert owners(desired(instance("acme", server="one"), servers=("one", "two"))) == ["instance/acme", "template/acme"]
    elsewhere = desired(instance("acme", server="two"), servers=("one", "two"))
    assert owners(elsewhere) == ["template/acme"], "a trashed database is of the server that its document names"
    assert owners(elsewhere, LEFT) == ["instance/acme", "template/acme"], "what a move left behind is not"
    assert owners(desired(instance("beta"))) == gone
    entries = [Entry("instance", c, "one", target, "", NOW) for c, target in (("shop", "acme"), ("x", "y"))]
    memory = Inventory({(e.kind, e.code, e.server): e for e in entries})
    assert owners(desired(instance("beta")), memory=memory) == ["instance/shop", *gone]


def test_trash_of_a_template_is_opened_as_that_on_its_servers_alone() -> None:
    of_template = names.trash("template_base", NOW)
    assert owners(desired(), of_template) == ["template/base", "instance/template_base", "template/template_base"]
    text = read(fleet(servers={"one": "19.0", "two": "19.0"}).replace("servers: [one, two]", "servers: [two]"))
    assert owners(text, of_template) == ["instance/template_base", "template/template_base"]


def test_what_is_gone_had_a_derived_password_and_without_a_key_there_is_none() -> None:
    (account,) = openers.as_gone(desired(), "one", "acme", [("instance", "acme")])
    assert (account.admin_login, account.admin_password, account.target) == ("admin", DerivedSecret(), "acme")
    assert list(openers.as_gone(read(KEYLESS), "one", "acme", [("instance", "acme")])) == []


def of(code: str, kind: str = "instance", text: Desired | None = None) -> DatabaseSpec | None:
    action = Action(verbs.DROP, kind, code, "one", Reason.KEPT_LONG_ENOUGH, names.trash("shop", NOW))
    return openers.spec_of(text or desired(instance("acme")), action)


def test_an_action_is_for_what_its_document_says_or_for_what_a_removed_one_would_have_had() -> None:
    assert of("acme") == spec(desired(instance("acme")), "instance/acme")
    assert of("base", "template") == spec(desired(instance("acme")), "template/base")
    for kind in ("instance", "template"):
        gone = of("gone", kind)
        assert gone is not None
        assert (gone.address, gone.target, gone.admin_password) == (f"{kind}/gone", "shop", DerivedSecret())
    assert of("one", "server") is None


def test_what_a_fleet_without_a_key_had_once_is_for_nothing_that_is_known() -> None:
    assert of("gone", text=read(KEYLESS)) is None
