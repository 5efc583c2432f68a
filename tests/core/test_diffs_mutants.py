"""Decisions of the planners that no other test would have missed: each of these failed while its line was wrong."""

from __future__ import annotations

import pytest

from reconciler.core.changesets import Blocked, Changeset
from reconciler.core.diffs import diff
from reconciler.core.inventory import NOTHING_REMEMBERED, Inventory
from tests.core.scenes import NOW, as_declared, changed, desired, instance, observed, offline, online, spec
from tests.harness.universe import fleet, read


def blocked_servers(changeset: Changeset) -> list[Blocked]:
    return [b for b in changeset.blocked if b.kind == "server"]


@pytest.mark.parametrize("remembered", ["active", "maintenance"])
def test_a_server_in_use_that_is_to_be_disabled_and_cannot_be_seen_is_blocked_until_it_answers(remembered: str) -> None:
    text = read(changed(fleet(), "state: active\ndomain", "state: disabled\ndomain"))
    found = diff(text, observed(offline("one")), Inventory(server_states={"one": remembered}), NOW)
    why = "whether it still hosts instances cannot be seen: connection refused"
    assert blocked_servers(found) == [Blocked("server", "one", "one", why, "disable it while it answers")]


@pytest.mark.parametrize("states", [{}, {"one": "disabled"}])
def test_a_server_that_was_never_in_use_or_is_disabled_already_may_be_away(states: dict[str, str]) -> None:
    text = read(changed(fleet(), "state: active\ndomain", "state: disabled\ndomain"))
    found = diff(text, observed(offline("one")), Inventory(server_states=states), NOW)
    assert blocked_servers(found) == []


@pytest.mark.parametrize(("state", "name"), [("active", "acme"), ("suspended", "suspended.acme")])
def test_a_database_in_the_state_that_its_text_wants_is_fine_without_a_look_or_a_memory(state: str, name: str) -> None:
    text = desired(instance("acme", state=state))
    host = online("one", as_declared(spec(text, "template/base")), lists=(name,))
    assert diff(text, observed(host), NOTHING_REMEMBERED, NOW).is_converged


@pytest.mark.parametrize(("state", "name"), [("active", "suspended.acme"), ("suspended", "acme")])
def test_a_database_in_another_state_is_not_moved_without_a_look_or_a_memory(state: str, name: str) -> None:
    text = desired(instance("acme", state=state))
    host = online("one", as_declared(spec(text, "template/base")), lists=(name,))
    found = diff(text, observed(host), NOTHING_REMEMBERED, NOW)
    assert found.actions == ()
    assert [(b.code, b.why) for b in found.blocked] == [("acme", "it was never looked at")]
