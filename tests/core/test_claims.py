"""Whose a database is: proven by its mark and uuid, never by its name alone; and where a document's database is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core import claims
from reconciler.core.observed import Access, DatabaseLook
from tests.core.scenes import as_declared, desired, instance, observed, offline, online, remembering, spec

FLEET = desired(instance("acme"), servers=("one", "two"))
ACME = spec(FLEET, "instance/acme")
LOOK = as_declared(ACME)
assert LOOK.mark is not None
MARK = LOOK.mark


def why_not(look: DatabaseLook, *, former: str | None = None, remembered: bool = False) -> str:
    doubt = claims.doubt(look, ACME, former, remembered=remembered)
    return doubt.why if doubt else ""


def test_a_database_with_our_mark_and_its_own_uuid_is_ours() -> None:
    assert why_not(LOOK) == ""
    assert why_not(replace(LOOK, access=Access.FORMER)) == ""


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (DatabaseLook("acme", Access.FAILED, "PostgreSQL is down"), "PostgreSQL is down"),
        (replace(LOOK, mark=None), "it bears no mark of this fleet"),
        (replace(LOOK, mark=replace(MARK, fleet="")), "it bears no mark of this fleet"),
        (replace(LOOK, uuid="another"), "it is a copy of instance/acme, not the original"),
        (replace(LOOK, mark=replace(MARK, fleet="theirs")), "it belongs to fleet 'theirs'"),
        (replace(LOOK, mark=replace(MARK, code="beta")), "it belongs to instance/beta"),
        (replace(LOOK, mark=replace(MARK, kind="template")), "it belongs to template/acme"),
    ],
)
def test_anything_else_is_doubted(look: DatabaseLook, why: str) -> None:
    assert why_not(look) == why
    assert why_not(look, remembered=True) == why, "memory proves nothing against what was seen"


def test_a_copy_that_is_to_be_ours_can_be_declared_so() -> None:
    doubt = claims.doubt(replace(LOOK, uuid="another"), ACME, None, remembered=False)
    assert doubt is not None
    assert "set its parameter odoo_fleet.uuid to its database.uuid" in doubt.advice


def test_the_former_code_is_ours_while_a_rename_is_declared() -> None:
    old = replace(LOOK, mark=replace(MARK, code="old-acme"))
    assert why_not(old) == "it belongs to instance/old-acme"
    assert why_not(old, former="old-acme") == ""


def test_a_refused_password_is_drift_of_what_we_know_and_foreign_otherwise() -> None:
    refused = DatabaseLook("acme", Access.REFUSED)
    assert "not taken for ours" in why_not(refused)
    assert why_not(refused, remembered=True) == "its account 'admin' no longer answers to the declared password"
    doubt = claims.doubt(refused, ACME, None, remembered=True)
    assert doubt is not None
    assert "the tool never resets it by force" in doubt.advice


def test_a_database_is_found_in_service_or_on_its_way_but_not_as_build_or_trash() -> None:
    names = ("acme", "building-261124110000aaaaa.acme", "trash-261124110000.acme", "moved-261124110000.acme", "Acme")
    seen = observed(online("one", lists=names), online("two", lists=("suspended.acme", "switching.acme")))
    found = claims.find(seen, ("one", "two"), "acme", None)
    assert {(f.server, f.name.text) for f in found} == {
        ("one", "acme"),
        ("two", "suspended.acme"),
        ("two", "switching.acme"),
    }


def test_the_former_name_is_found_too_and_said_to_be_the_former() -> None:
    seen = observed(online("one", lists=("old-acme",)))
    found = claims.find(seen, ("one",), "acme", "old-acme")
    assert [(f.name.text, f.renamed) for f in found] == [("old-acme", True)]


def test_nothing_is_found_on_a_host_that_does_not_answer_or_was_not_asked() -> None:
    assert claims.find(observed(offline("one")), ("one", "two"), "acme", None) == ()


def test_of_several_hosts_the_remembered_one_is_meant() -> None:
    seen = observed(online("one", lists=("acme",)), online("two", lists=("acme",)))
    found = claims.find(seen, ("one", "two"), "acme", None)
    on_two = remembering(spec(FLEET, "instance/acme", "two"))
    assert [f.server for f in claims.narrow(found, on_two, "instance", "acme")] == ["two"]
    assert claims.narrow(found, remembering(), "instance", "acme") == found
    gone = remembering(spec(FLEET, "instance/acme", "two"))
    assert claims.narrow(found[:1], gone, "instance", "acme") == found[:1], "memory of what is gone counts for nothing"
