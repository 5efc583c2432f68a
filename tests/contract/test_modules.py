"""Installing modules: asked for one, several come, and scheduled actions with them."""

import pytest

from tests.contract.hosts import ContractHost
from tests.contract.installing import install, quiesce_patiently, uninstall
from tests.contract.wire import Account, Refusal

_UNFINISHED = ["to install", "to upgrade", "to remove"]


def _ids(account: Account, *names: str) -> list[int]:
    ids: list[int] = account.call("ir.module.module", "search", [["name", "in", names]])
    return ids


def _states(account: Account, *names: str) -> dict[str, str]:
    rows = account.call("ir.module.module", "search_read", [["name", "in", names]], ["name", "state"])
    return {row["name"]: row["state"] for row in rows}


def test_created_database_has_base_and_web_and_nothing_unfinished(host: ContractHost) -> None:
    assert _states(host.base, "base", "web", "mail") == {"base": "installed", "web": "installed", "mail": "uninstalled"}
    assert host.base.call("ir.module.module", "search_count", [["state", "in", _UNFINISHED]]) == 0


def test_modules_tell_their_version_in_the_series_of_the_host(host: ContractHost) -> None:
    asked = ["latest_version", "installed_version"]
    (row,) = host.base.call("ir.module.module", "search_read", [["name", "=", "base"]], asked)
    assert row["latest_version"].startswith(f"{host.version}.0.")
    assert row["installed_version"] == row["latest_version"], "the code's version, and what the database has of it"


def test_install_brings_what_the_module_needs_and_leaves_nothing_unfinished(host: ContractHost) -> None:
    here = host.clone()
    assert install(here, "contacts")["type"] == "ir.actions.act_url"
    assert _states(here, "contacts", "mail") == {"contacts": "installed", "mail": "installed"}
    assert here.call("ir.module.module", "search_count", [["state", "in", _UNFINISHED]]) == 0
    assert here.call("mail.message", "search_count", []) >= 0
    brought = here.call("ir.cron", "search", [])
    assert brought, "modules bring scheduled actions that are on, also into a quiet database"
    still_off = here.call("ir.cron", "search", [["active", "=", False], ["id", "not in", brought]])
    assert still_off
    quiesce_patiently(here)


def test_install_of_what_is_installed_changes_nothing(host: ContractHost) -> None:
    here = host.clone()
    before = here.call("ir.module.module", "search", [["state", "=", "installed"]])
    assert install(here, "web")["type"] == "ir.actions.act_url"
    assert here.call("ir.module.module", "search", [["state", "=", "installed"]]) == before


def test_install_of_a_module_that_does_not_exist_answers_as_in_success(host: ContractHost) -> None:
    here = host.clone()
    answer = here.call("ir.module.module", "button_immediate_install", _ids(here, "no_such_module"))
    assert answer["type"] == "ir.actions.act_url"


def test_a_database_knows_a_module_that_came_later_only_after_its_list_is_updated(host: ContractHost) -> None:
    here = host.clone()
    here.call("ir.module.module", "unlink", _ids(here, "contacts"))
    assert _states(here, "contacts") == {}
    _, added = here.call("ir.module.module", "update_list")
    assert added == 1
    assert _states(here, "contacts") == {"contacts": "uninstalled"}
    install(here, "contacts")
    assert _states(here, "contacts") == {"contacts": "installed"}


def test_model_of_a_module_is_there_only_after_itsinstall(host: ContractHost) -> None:
    here = host.clone()
    with pytest.raises(Refusal, match=r"Object mail.message doesn't exist"):
        here.call("mail.message", "search_count", [])


def test_button_that_resets_states_is_there_from_19_on(host: ContractHost) -> None:
    here = host.clone()
    if host.version == "19":
        here.call("ir.module.module", "button_reset_state")
    else:
        with pytest.raises(Refusal, match="button_reset_state"):
            here.call("ir.module.module", "button_reset_state", [])


def test_uninstall_takes_all_that_depends_on_it_along_with_what_they_brought(host: ContractHost) -> None:
    here = host.clone()
    install(here, "crm")
    quiesce_patiently(here)
    gone = here.call("ir.model.data", "search_count", [["module", "=", "crm"]])
    needing = here.call("ir.module.module.dependency", "search_read", [["name", "=", "crm"]], ["module_id"])
    dependants = here.call(
        "ir.module.module",
        "search_read",
        [["id", "in", [row["module_id"][0] for row in needing]], ["state", "=", "installed"]],
        ["name"],
    )
    names = [row["name"] for row in dependants]
    assert gone
    assert names, "what comes by itself depends on it"
    assert uninstall(here, "crm")["type"].startswith("ir.actions.")
    assert _states(here, "crm", "mail", *names) == {
        "mail": "installed",
        **dict.fromkeys(["crm", *names], "uninstalled"),
    }
    assert here.call("ir.module.module", "search_count", [["state", "in", _UNFINISHED]]) == 0
    with pytest.raises(Refusal):
        here.call("crm.lead", "search", [])


def test_uninstall_of_what_is_not_installed_or_cannot_go_is_refused(host: ContractHost) -> None:
    for name in ("crm", "base"):
        with pytest.raises(Refusal, match="uninstalled"):
            uninstall(host.base, name, patience=0)
    assert host.base.call("ir.module.module", "search_count", [["state", "in", _UNFINISHED]]) == 0
