"""What a database should be, and the fingerprint by which two machines agree that it is."""

from __future__ import annotations

import pytest

from reconciler.fleet.desired import Desired
from tests.core.scenes import changed, desired, instance, spec
from tests.harness.universe import fleet, read


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
        {"deletion_protection": "true"},
    ],
)
def test_the_digest_changes_with_what_is_kept_as_declared(fields: dict[str, object]) -> None:
    assert digest(**fields) != digest()


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Acme of Ghent", "partner": "Somebody"},
        {"labels": "{tier: gold}"},
        {"state": "suspended"},
        {"modules": "[mail, web]"},
    ],
)
def test_the_digest_is_not_of_what_is_create_only_or_only_shown(fields: dict[str, object]) -> None:
    assert digest(**fields) == digest()


def test_databases_in_service_keep_the_digest_that_is_in_their_marks() -> None:
    """Another one for the same text has every database of every fleet looked at and its mark written."""
    fleet_ = desired(instance("acme"), instance("beta", company="Beta SA", timezone="Europe/Brussels"))
    assert [spec(fleet_, address).digest() for address in ("instance/acme", "instance/beta", "template/base")] == [
        "589ac2891b714f2603f7ae9e48f2ed9e",
        "a0de75b868dafc7d192cb42c5a5f5efe",
        "2644d5b080bdc9de9342a4f1510169d6",
    ]


def test_of_an_owner_the_login_alone_is_in_the_digest() -> None:
    """So that a text which names another is noticed at once: a database may be another customer's of the same code."""
    boss = digest(owner="{name: Boss, login: boss}")
    assert boss == digest(owner="{name: Chief, login: boss, lang: fr_BE}")
    assert boss not in (digest(), digest(owner="{name: Boss, login: chief}"))


def test_modules_of_template_plan_and_instance_come_once_each() -> None:
    assert spec(desired(instance("acme", modules="[mail, contacts]")), "instance/acme").modules == (
        "base",
        "web",
        "mail",
        "contacts",
    )


TEMPLATE_SAYS = "lang: fr_BE\ncountry_code: BE\nmodules: [base, web, mail]"


def told_by_a_template(*documents: str, says: str = TEMPLATE_SAYS) -> Desired:
    return read(changed(fleet(*documents), "modules: [base, web, mail]", says))


def test_what_is_left_out_is_not_kept() -> None:
    found = spec(told_by_a_template(instance("acme", name="Acme")), "instance/acme")
    assert (found.settings, found.languages) == ({}, ())


def test_what_is_left_out_is_given_once_by_the_instances_name_and_by_its_template() -> None:
    born = spec(told_by_a_template(instance("acme", name="Acme")), "instance/acme").at_birth()
    assert born.settings == {"company": "Acme", "country_code": "BE", "lang": "fr_BE"}
    assert born.languages == ("fr_BE",)


def test_what_is_declared_is_the_same_at_birth_and_afterwards() -> None:
    declared = instance("acme", company="Acme SA", country_code="LU", lang="de_DE")
    found = spec(told_by_a_template(declared), "instance/acme")
    assert found.settings == {"company": "Acme SA", "country_code": "LU", "lang": "de_DE"}
    assert found.languages == ("de_DE",)
    born = found.at_birth()
    assert (born.settings, born.languages) == (found.settings, found.languages)


def test_a_default_of_the_fleet_is_declared() -> None:
    defaults = "{instance: {company: Everyone SA, country_code: BE, lang: nl_BE}}"
    found = spec(desired(instance("acme"), defaults=defaults), "instance/acme")
    assert found.settings == {"company": "Everyone SA", "country_code": "BE", "lang": "nl_BE"}


def test_another_language_or_country_of_a_template_changes_the_template_and_none_of_its_instances() -> None:
    before = told_by_a_template(instance("acme"))
    after = told_by_a_template(instance("acme"), says=changed(changed(TEMPLATE_SAYS, "fr_BE", "de_DE"), "BE", "DE"))
    assert spec(before, "instance/acme").digest() == spec(after, "instance/acme").digest()
    assert spec(before, "template/base").digest() != spec(after, "template/base").digest()


def test_a_parameter_of_a_template_is_declared_for_its_instances_which_may_say_otherwise() -> None:
    says = 'parameters: {a: "1", b: "2"}\nmodules: [base, web, mail]'
    found = spec(told_by_a_template(instance("acme", parameters='{b: "3"}'), says=says), "instance/acme")
    assert found.parameters == {"a": "1", "b": "3"}


def test_a_template_keeps_its_language_and_country() -> None:
    found = spec(told_by_a_template(instance("acme")), "template/base")
    assert (found.settings, found.languages) == ({"country_code": "BE", "lang": "fr_BE"}, ("fr_BE",))
    assert found.at_birth() == found


def test_the_language_of_an_owner_is_active_when_the_account_is_made_and_is_not_kept() -> None:
    owner = "{name: Boss, login: boss, lang: nl_BE}"
    found = spec(desired(instance("acme", lang="fr_BE", owner=owner)), "instance/acme")
    assert found.languages == ("fr_BE",)
    assert (found.at_birth().settings["lang"], found.at_birth().languages) == ("fr_BE", ("fr_BE", "nl_BE"))


def test_an_instance_is_reached_below_its_servers_domain_and_a_template_by_nobody() -> None:
    fleet = desired(instance("acme", subdomain="shop"))
    assert spec(fleet, "instance/acme").base_url == "https://shop.example.com"
    assert spec(fleet, "template/base").base_url == ""


def test_no_secret_is_in_a_spec() -> None:
    assert str(spec(desired(instance("acme")), "instance/acme").admin_password) == "{derived: {generation: 1}}"


def test_the_base_url_is_where_customers_reach_the_instance() -> None:
    text = fleet(instance("acme"))
    assert spec(read(text), "instance/acme").base_url == "https://acme.example.com"
    intranet = changed(text, "domain: example.com", "domain: example.com\npublic_scheme: http\npublic_port: 8069")
    assert spec(read(intranet), "instance/acme").base_url == "http://acme.example.com:8069"
    assert spec(read(intranet), "instance/acme").digest() != spec(read(text), "instance/acme").digest()
