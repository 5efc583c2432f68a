"""Scheduled actions: on in a created database, hidden when off."""

import pytest

from reconciler.odoo.apply import neutralizing
from tests.contract.hosts import ContractHost, quiesce
from tests.contract.product import inside
from tests.contract.wire import Refusal

LATER = "2099-01-01 00:00:00"
_ALL = {"context": {"active_test": False}}


def test_created_database_has_scheduled_actions_that_are_on(host: ContractHost) -> None:
    assert host.created.call("ir.cron", "search_count", [["active", "=", True]]) > 0


def test_search_hides_those_that_are_off(host: ContractHost) -> None:
    here = host.clone()
    assert here.call("ir.cron", "search", []) == []
    everything = here.call("ir.cron", "search", [], **_ALL)
    assert everything == here.call("ir.cron", "search", [["active", "in", [True, False]]])


def test_reading_by_id_shows_them_all_the_same(host: ContractHost) -> None:
    here = host.clone()
    everything = here.call("ir.cron", "search", [], **_ALL)
    assert not any(row["active"] for row in here.call("ir.cron", "read", everything, ["active"]))


def test_what_was_switched_off_can_be_switched_on_again(host: ContractHost) -> None:
    here = host.clone(host.created)
    were_on = quiesce(here)
    assert here.call("ir.cron", "search", []) == []
    here.call("ir.cron", "write", were_on, {"active": True})
    assert sorted(here.call("ir.cron", "search", [])) == sorted(were_on)
    quiesce(here)


def test_while_new_ones_are_kept_asleep_none_is_switched_on_and_afterwards_they_can_be(host: ContractHost) -> None:
    here = host.clone(host.created)
    were_on = quiesce(here)
    for _ in range(2):  # doing it twice is harmless
        inside(host, here, neutralizing.keep_asleep)
    assert here.parameter("odoo_fleet.asleep") == "yes"
    here.call("ir.cron", "write", were_on, {"active": True})
    model = here.call("ir.model", "search", [["model", "=", "res.partner"]])[0]
    made = {"name": "new", "model_id": model, "state": "code", "code": "pass", "interval_number": 1, "nextcall": LATER}
    new = here.call("ir.cron", "create", {**made, "interval_type": "days", "active": True})
    assert here.call("ir.cron", "search", []) == []
    for _ in range(2):
        inside(host, here, neutralizing.let_go)
    assert here.parameter("odoo_fleet.asleep") is None
    here.call("ir.cron", "write", [new], {"active": True})
    assert here.call("ir.cron", "search", []) == [new]
    quiesce(here)


def test_write_to_no_scheduled_action_at_all_fails_on_14(host: ContractHost) -> None:
    here = host.clone()
    if host.version == "14":
        with pytest.raises(Refusal, match="SyntaxError"):
            here.call("ir.cron", "write", [], {"active": False})
    else:
        assert here.call("ir.cron", "write", [], {"active": False}) is True
