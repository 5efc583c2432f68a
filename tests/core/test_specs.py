"""What a database should be, and the fingerprint by which two machines agree that it is."""

from __future__ import annotations

import pytest

from tests.core.scenes import desired, instance, spec


def digest(**fields: object) -> str:
    return spec(desired(instance("acme", **fields)), "instance/acme").digest()


@pytest.mark.parametrize(
    "fields",
    [
        {"admin_login": "root"},
        {"admin_password": "{derived: {generation: 2}}"},
        {"admin_password": "{env: OTHER}"},
        {"modules": "[contacts]"},
        {"lang": "fr_BE"},
        {"company": "Acme SA"},
        {"country_code": "BE"},
        {"timezone": "Europe/Brussels"},
        {"parameters": '{"a.b": "1"}'},
        {"subdomain": "other"},
        {"database_name": "other"},
        {"owner": "{name: Boss, login: boss, lang: fr_BE}"},
    ],
)
def test_the_digest_changes_with_what_is_kept_as_declared(fields: dict[str, object]) -> None:
    assert digest(**fields) != digest()


@pytest.mark.parametrize(
    "fields",
    [
        {"owner": "{name: Boss, login: boss}"},
        {"name": "acme", "partner": "Somebody"},
        {"labels": "{tier: gold}"},
        {"state": "suspended"},
        {"deletion_protection": "true"},
        {"modules": "[mail, web]"},
    ],
)
def test_the_digest_is_not_of_what_is_create_only_or_only_shown(fields: dict[str, object]) -> None:
    assert digest(**fields) == digest()


def test_modules_of_template_plan_and_instance_come_once_each() -> None:
    assert spec(desired(instance("acme", modules="[mail, contacts]")), "instance/acme").modules == (
        "base",
        "web",
        "mail",
        "contacts",
    )


def test_an_owner_with_a_language_of_their_own_makes_it_one_of_the_databases() -> None:
    owner = "{name: Boss, login: boss, lang: nl_BE}"
    found = spec(desired(instance("acme", lang="fr_BE", owner=owner)), "instance/acme")
    assert (found.lang, found.languages) == ("fr_BE", ("fr_BE", "nl_BE"))


def test_an_instance_is_reached_below_its_servers_domain_and_a_template_by_nobody() -> None:
    fleet = desired(instance("acme", subdomain="shop"))
    assert spec(fleet, "instance/acme").base_url == "https://shop.example.com"
    assert spec(fleet, "template/base").base_url == ""


def test_no_secret_is_in_a_spec() -> None:
    assert str(spec(desired(instance("acme")), "instance/acme").admin_password) == "{derived: {generation: 1}}"
