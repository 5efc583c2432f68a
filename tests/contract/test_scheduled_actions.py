"""Scheduled actions: on in a created database, hidden when off."""

import pytest

from tests.contract.hosts import ContractHost, quiesce
from tests.contract.wire import Refusal

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


def test_write_to_no_scheduled_action_at_all_fails_on_14(host: ContractHost) -> None:
    here = host.clone()
    if host.version == "14":
        with pytest.raises(Refusal, match="SyntaxError"):
            here.call("ir.cron", "write", [], {"active": False})
    else:
        assert here.call("ir.cron", "write", [], {"active": False}) is True
