"""Users, languages, parameters and companies as a client of `execute_kw` finds them."""

import pytest

from tests.contract.hosts import ContractHost
from tests.contract.wire import Account, Refusal

_NO_MAIL = {"context": {"no_reset_password": True}}


def _activate(account: Account, host: ContractHost, lang: str) -> None:
    """Activate a language as the wizard of its version does."""
    (record,) = account.call("res.lang", "search", [["code", "=", lang]], context={"active_test": False})
    values = {"lang": lang} if host.version == "14" else {"lang_ids": [[6, 0, [record]]]}
    wizard = account.call("base.language.install", "create", {**values, "overwrite": False})
    account.call("base.language.install", "lang_install", [wizard])


def test_parameters_are_made_found_written_and_removed(host: ContractHost) -> None:
    here = host.clone()
    here.set_parameter("our.key", "one")
    assert here.parameter("our.key") == "one"
    here.set_parameter("our.key", "two")
    assert here.parameter("our.key") == "two"
    here.call("ir.config_parameter", "unlink", here.call("ir.config_parameter", "search", [["key", "=", "our.key"]]))
    assert here.parameter("our.key") is None


def test_several_parameters_are_made_in_one_call(host: ContractHost) -> None:
    here = host.clone()
    made = here.call("ir.config_parameter", "create", [{"key": f"our.{n}", "value": str(n)} for n in range(3)])
    assert len(made) == 3
    assert [here.parameter(f"our.{n}") for n in range(3)] == ["0", "1", "2"]


def test_old_accessors_of_parameters_still_answer(host: ContractHost) -> None:
    here = host.clone()
    here.call("ir.config_parameter", "set_param", "our.key", "one")
    assert here.call("ir.config_parameter", "get_param", "our.key") == "one"
    assert here.call("ir.config_parameter", "get_param", "our.missing") is False


def test_user_made_with_a_password_logs_in_with_it(host: ContractHost) -> None:
    here = host.clone()
    values = {"name": "Ada", "login": "ada", "password": "hers"}
    uid = here.call("res.users", "create", values, **_NO_MAIL)
    assert host.wire.login(here.database, "ada", "hers") == uid
    assert here.read_one("res.users", uid, "login", "name", "active") == {
        "id": uid,
        "login": "ada",
        "name": "Ada",
        "active": True,
    }


def test_archived_user_is_hidden_and_kept_out(host: ContractHost) -> None:
    here = host.clone()
    uid = here.call("res.users", "create", {"name": "Ada", "login": "ada", "password": "hers"}, **_NO_MAIL)
    here.call("res.users", "write", [uid], {"active": False})
    assert host.wire.login(here.database, "ada", "hers") is False
    assert here.call("res.users", "search", [["login", "=", "ada"]]) == []
    assert here.call("res.users", "search", [["login", "=", "ada"], ["active", "=", False]]) == [uid]


def test_groups_of_a_user_are_found_by_external_id_in_the_field_of_the_version(host: ContractHost) -> None:
    here = host.clone()
    domain = [["module", "=", "base"], ["name", "=", "group_system"]]
    (reference,) = here.call("ir.model.data", "search_read", domain, ["res_id", "model"])
    assert reference["model"] == "res.groups"
    field = "groups_id" if host.version == "14" else "group_ids"
    uid = here.call("res.users", "create", {"name": "Ada", "login": "ada", "password": "hers"}, **_NO_MAIL)
    here.call("res.users", "write", [uid], {field: [[4, reference["res_id"]]]})
    assert reference["res_id"] in here.read_one("res.users", uid, field)[field]
    assert here.call("res.users", "has_group", *([[uid]] if host.version == "19" else []), "base.group_system") is True


def test_administrator_is_found_by_external_id(host: ContractHost) -> None:
    domain = [["module", "=", "base"], ["name", "=", "user_admin"]]
    (reference,) = host.base.call("ir.model.data", "search_read", domain, ["res_id"])
    assert reference["res_id"] == 2


def test_only_the_language_of_the_create_is_active(host: ContractHost) -> None:
    assert [row["code"] for row in host.base.call("res.lang", "search_read", [], ["code"])] == ["en_US"]


def test_language_is_activated_by_the_wizard(host: ContractHost) -> None:
    here = host.clone()
    _activate(here, host, "fr_BE")
    assert {row["code"] for row in here.call("res.lang", "search_read", [], ["code"])} == {"en_US", "fr_BE"}
    here.call("res.users", "write", [2], {"lang": "fr_BE"})
    assert here.read_one("res.users", 2, "lang")["lang"] == "fr_BE"


def test_language_that_is_not_active_is_taken_for_a_user_by_19_and_refused_by_14(host: ContractHost) -> None:
    here = host.clone()
    if host.version == "19":
        assert here.call("res.users", "write", [2], {"lang": "nl_BE"}) is True
    else:
        with pytest.raises(Refusal, match="nl_BE"):
            here.call("res.users", "write", [2], {"lang": "nl_BE"})


def test_country_of_the_company_does_not_change_its_currency(host: ContractHost) -> None:
    here = host.clone()
    before = here.read_one("res.company", 1, "currency_id")["currency_id"]
    (japan,) = here.call("res.country", "search", [["code", "=", "JP"]])
    here.call("res.company", "write", [1], {"country_id": japan, "name": "Acme"})
    after = here.read_one("res.company", 1, "currency_id", "country_id", "name")
    assert after["country_id"] == [japan, "Japan"]
    assert after["currency_id"] == before
    assert after["name"] == "Acme"


def test_timezone_of_a_user_is_written_and_an_unknown_one_refused(host: ContractHost) -> None:
    here = host.clone()
    here.call("res.users", "write", [2], {"tz": "Europe/Brussels"})
    assert here.read_one("res.users", 2, "tz")["tz"] == "Europe/Brussels"
    with pytest.raises(Refusal):
        here.call("res.users", "write", [2], {"tz": "Mars/Olympus"})


def test_domains_combine_and_results_are_ordered_limited_and_counted(host: ContractHost) -> None:
    here = host.clone()
    for name in ("alpha", "beta", "gamma"):
        here.call("res.partner", "create", {"name": f"contract {name}"})
    ours = ["name", "like", "contract "]
    either = ["|", ["name", "=", "contract alpha"], ["name", "=", "contract gamma"]]
    assert here.call("res.partner", "search_count", [ours]) == 3
    rows = here.call("res.partner", "search_read", [ours, *either], ["name"], order="name desc")
    assert [row["name"] for row in rows] == ["contract gamma", "contract alpha"]
    rows = here.call("res.partner", "search_read", [ours], ["name"], order="name", limit=1, offset=1)
    assert [row["name"] for row in rows] == ["contract beta"]
    assert here.call("res.partner", "search_count", [ours, ["name", "not in", ["contract beta"]]]) == 2


def test_fields_of_a_model_can_be_asked(host: ContractHost) -> None:
    fields = host.base.call("res.users", "fields_get", ["login", "lang"], ["type"])
    assert fields["login"]["type"] == "char"
    assert fields["lang"]["type"] == "selection"
