"""Spec against look, field by field: every difference is named, and nothing that does not differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.diffs import fields
from reconciler.core.model import module_operations
from reconciler.core.model.actions import FieldChange
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import Access, DatabaseLook
from tests.core.scenes import as_declared, desired, instance, mark_for, seen_as, spec

FLEET = desired(
    instance(
        "acme",
        lang="fr_BE",
        company="Acme SA",
        country_code="BE",
        timezone="Europe/Brussels",
        modules="[contacts]",
        parameters='{"fleet.note": "hello"}',
        owner="{name: Boss, login: boss@acme.example, lang: nl_BE}",
    ),
    instance("calm", neutralize="true"),
    instance("plain"),
)
ACME = spec(FLEET, "instance/acme")
LOOK = as_declared(ACME)


def differing(look: DatabaseLook, state: NameState = NameState.PUBLISHED) -> dict[str, tuple[str, str]]:
    return {c.field: (c.observed, c.desired) for c in fields.differences(ACME, look, state)}


def test_a_database_that_is_as_declared_does_not_differ() -> None:
    assert differing(LOOK) == {}
    suspended = as_declared(ACME, "suspended.acme")
    assert fields.differences(ACME, suspended, NameState.SUSPENDED) == ()
    template = spec(FLEET, "template/base")
    assert fields.differences(template, as_declared(template), NameState.PUBLISHED) == ()


@pytest.mark.parametrize(
    ("change", "field", "shown"),
    [
        ({"login": "root"}, "admin_login", ("root", "admin")),
        ({"lang": "en_US"}, "lang", ("en_US", "fr_BE")),
        ({"company": "Acme NV"}, "company", ("Acme NV", "Acme SA")),
        ({"country_code": ""}, "country_code", ("", "BE")),
        ({"timezone": ""}, "timezone", ("", "Europe/Brussels")),
        ({"languages": frozenset({"nl_BE"})}, "languages.fr_BE", ("not active", "active")),
        ({"parameters": {**LOOK.parameters, "fleet.note": "bye"}}, "parameters.fleet.note", ("bye", "hello")),
        (
            {"parameters": {**LOOK.parameters, "web.base.url": "http://localhost:8069"}},
            "parameters.web.base.url",
            ("http://localhost:8069", "https://acme.example.com"),
        ),
        (
            {"modules": {**LOOK.modules, "contacts": "uninstallable"}},
            "modules.contacts",
            ("uninstallable", "installed"),
        ),
        (
            {"modules": {**LOOK.modules, "crm": "to upgrade"}},
            "modules.crm",
            ("to upgrade", "no operation left half-way"),
        ),
    ],
)
def test_each_field_that_differs_is_named_alone(change: dict[str, object], field: str, shown: tuple[str, str]) -> None:
    assert differing(seen_as(LOOK, **change)) == {field: shown}


def test_what_is_missing_is_said_to_be_missing() -> None:
    found = differing(replace(LOOK, parameters={}, modules={}))
    assert found["parameters.fleet.note"] == ("not set", "hello")
    assert found["parameters.web.base.url.freeze"] == ("not set", "True")
    assert found["modules.contacts"] == ("not installed", "installed")


def test_what_nobody_declared_is_the_customers_own() -> None:
    theirs = replace(
        LOOK,
        modules={**LOOK.modules, "crm": "installed"},
        parameters={**LOOK.parameters, "their.own": "1"},
        languages=LOOK.languages | {"de_DE"},
    )
    assert differing(theirs) == {}


THEIRS = {
    "company": "First Trading",
    "country_code": "FR",
    "lang": "fr_FR",
    "timezone": "UTC",
    "languages": frozenset({"fr_FR"}),
}


def test_what_is_left_out_is_the_customers_to_change() -> None:
    plain = spec(FLEET, "instance/plain")
    look = seen_as(as_declared(plain), **THEIRS)
    assert fields.differences(plain, look, NameState.PUBLISHED) == ()


def test_a_database_that_was_just_built_has_what_is_given_only_then() -> None:
    plain = spec(FLEET, "instance/plain")
    assert fields.differences_at_birth(plain, as_declared(plain), NameState.PUBLISHED) == ()
    look = seen_as(as_declared(plain), mark=None, parameters={}, **THEIRS)
    found = fields.differences_at_birth(plain, look, NameState.PUBLISHED)
    assert [c.field for c in found] == [
        "company",
        "lang",
        "languages.en_US",
        "parameters.web.base.url",
        "parameters.web.base.url.freeze",
    ]
    owned = replace(LOOK, languages=frozenset({"fr_BE"}))
    assert [c.field for c in fields.differences_at_birth(ACME, owned, NameState.PUBLISHED)] == ["languages.nl_BE"]


def test_a_difference_at_birth_that_is_kept_as_well_is_told_once() -> None:
    found = fields.differences_at_birth(ACME, seen_as(LOOK, company="Acme NV"), NameState.PUBLISHED)
    assert found == (FieldChange("company", "Acme NV", "Acme SA"),)


@pytest.mark.parametrize(
    ("name", "active", "held", "expected"),
    [
        ("acme", (1, 2), None, None),
        ("acme", (1,), (2,), ("1 scheduled action held back", "awake")),
        ("acme", (), (), ("0 scheduled actions held back", "awake")),
        ("acme", (), None, None),
        ("suspended.acme", (), (1, 2), None),
        ("suspended.acme", (1,), (2,), ("1 scheduled action active", "quiet")),
        ("switching.acme", (1,), None, ("1 scheduled action active", "quiet")),
    ],
)
def test_scheduled_actions_are_awake_in_service_and_quiet_out_of_it(
    name: str, active: tuple[int, ...], held: tuple[int, ...] | None, expected: tuple[str, str] | None
) -> None:
    state = NameState(name.partition(".")[0]) if "." in name else NameState.PUBLISHED
    look = replace(as_declared(ACME, name), active_crons=active, quiesced_crons=held)
    assert differing(look, state).get("schedule") == expected


def test_a_template_is_quiet_and_a_neutralized_instance_is_not_woken() -> None:
    template, calm = spec(FLEET, "template/base"), spec(FLEET, "instance/calm")
    loud = replace(as_declared(template), active_crons=(7,))
    found = fields.differences(template, loud, NameState.PUBLISHED)
    assert found == (FieldChange("schedule", "1 scheduled action active", "quiet"),)
    held = replace(as_declared(calm), quiesced_crons=(1,))
    assert fields.differences(calm, held, NameState.PUBLISHED) == ()


def test_the_mark_must_say_what_was_applied_and_to_what() -> None:
    mark = mark_for(ACME, LOOK.uuid)
    cleared = differing(replace(LOOK, mark=replace(mark, digest="")))
    assert cleared == {"mark.digest": ("cleared before a change that did not end", ACME.digest())}
    assert "mark.name" in differing(replace(LOOK, mark=replace(mark, name="old")))
    assert "mark.code" in differing(replace(LOOK, mark=replace(mark, code="old")))
    moving = differing(replace(LOOK, mark=replace(mark, moving_from="switching.acme")))
    assert moving == {"files": ("a move from switching.acme was cut short", "complete")}


def test_a_former_password_is_a_rotation_and_no_field() -> None:
    former = replace(LOOK, access=Access.FORMER)
    assert differing(former) == {}
    change = fields.rotation(ACME, former)
    assert change == FieldChange("admin_password", "a former password", "the declared one ({derived: {generation: 1}})")
    assert fields.rotation(ACME, LOOK) is None


def test_modules_left_half_way_are_all_three_kinds() -> None:
    states = {"a": "to install", "b": "to upgrade", "c": "to remove", "d": "installed", "e": "uninstalled"}
    assert module_operations.pending(states) == ("a", "b", "c")
