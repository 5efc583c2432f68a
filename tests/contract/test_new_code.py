"""What newer code of a module does to a database that is not upgraded to it, and what the upgrade does, or does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.contract.hosts import ContractHost
from tests.contract.installing import install
from tests.contract.wire import Account, Refusal

MODULE = "of_the_tests"
_UNFINISHED = [["state", "in", ["to install", "to upgrade", "to remove"]]]
_LOST = r"UndefinedColumn|InFailedSqlTransaction|HINT: "
"""A hint may come last, of a column that has a similar name."""


@pytest.fixture
def deploy(host: ContractHost) -> Iterator[Callable[..., None]]:
    """Deploys code of a module that is no longer there after the test."""
    yield host.ground.deploy_field
    host.ground.remove_module(MODULE)


def _versions(account: Account) -> tuple[str, str]:
    fields = ["latest_version", "installed_version"]
    (row,) = account.call("ir.module.module", "search_read", [["name", "=", MODULE]], fields)
    return row["latest_version"], row["installed_version"]


def _upgrade(account: Account) -> None:
    ids = account.call("ir.module.module", "search", [["name", "=", MODULE]])
    account.call("ir.module.module", "write", ids, {"state": "to upgrade"})
    account.call("base.module.upgrade", "upgrade_module", [account.call("base.module.upgrade", "create", {})])


def test_newer_code_breaks_a_database_until_the_wizard_has_upgraded_it_and_a_script_that_fails_changes_nothing(
    host: ContractHost, deploy: Callable[..., None]
) -> None:
    series = f"{host.version}.0"
    deploy(MODULE, "1.0")
    here = host.clone()
    here.call("ir.module.module", "update_list")
    install(here, MODULE)
    assert _versions(here) == (f"{series}.1.0", f"{series}.1.0")

    deploy(MODULE, "1.1", "res_partner.of_the_tests")
    assert _versions(here) == (f"{series}.1.0", f"{series}.1.1")
    for model, method, *args in (
        ("res.users", "search_read", [], ["name"]),
        ("res.users", "read", [2], ["lang", "tz", "login"]),
        ("res.company", "read", [1], ["name", "country_id"]),
        ("res.partner", "write", [1], {"name": "Another"}),
    ):
        with pytest.raises(Refusal, match=_LOST):
            here.call(model, method, *args)
    ids = here.call("ir.module.module", "search", [["name", "=", MODULE]])
    with pytest.raises(Refusal, match=_LOST):
        here.call("ir.module.module", "button_immediate_upgrade", ids)
    assert here.call("ir.config_parameter", "create", {"key": "of.the.tests", "value": "1"})
    assert here.call("ir.cron", "search_count", [["active", "=", False]])
    assert here.call("res.lang", "search_read", [["code", "=", "en_US"]], ["code"])

    _upgrade(here)
    assert _versions(here) == (f"{series}.1.1", f"{series}.1.1")
    assert here.call("ir.module.module", "search_count", _UNFINISHED) == 0
    assert here.call("res.users", "search_read", [["id", "=", 2]], ["login"]) == [{"id": 2, "login": "admin"}]

    deploy(MODULE, "1.2", "res_partner.of_the_tests", "the script is broken")
    with pytest.raises(Refusal, match="the script is broken"):
        _upgrade(here)
    assert _versions(here) == (f"{series}.1.1", f"{series}.1.2")
    assert here.call("ir.module.module", "search_count", _UNFINISHED) == 0

    deploy(MODULE, "1.3", "res_users.of_the_tests")
    for _ in range(2):
        with pytest.raises(Refusal, match=_LOST):
            host.wire.call("common", "login", here.database, "admin", here.password)
        with pytest.raises(Refusal, match=_LOST):
            here.call("ir.config_parameter", "search_count", [])
