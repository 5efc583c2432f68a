"""Pauses: which are in force, and the widest that concerns an action."""

from __future__ import annotations

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.pauses import Pause, in_force, pause_of
from reconciler.fleet.desired import Desired
from tests.core.scenes import desired
from tests.harness.universe import instance
from tests.harness.virtual_time import EPOCH

ACME = instance("acme", paused="true")


def commanded(kind: str, code: str, reason: str = "") -> dict[tuple[str, str], Pause]:
    return {(kind, code): Pause(kind, code, reason, EPOCH)}


def configure(code: str = "acme", kind: str = "instance", server: str = "one") -> Action:
    return Action(verbs.CONFIGURE, kind, code, server, Reason.DRIFTED, code, code)


def test_nothing_is_paused_unless_somebody_says_so() -> None:
    assert in_force(desired(instance("acme")), {}) == {}


@pytest.mark.parametrize(
    ("fleet", "key"),
    [
        (desired(ACME), ("instance", "acme")),
        (desired(instance("acme"), paused="true"), ("fleet", "demo")),
        (desired(instance("acme"), defaults="{instance: {paused: true}}"), ("instance", "acme")),
        (desired(defaults="{server: {paused: true}}"), ("server", "one")),
        (desired(defaults="{template: {paused: true}}"), ("template", "base")),
    ],
)
def test_the_text_pauses_each_kind_by_itself_or_by_a_default(fleet: Desired, key: tuple[str, str]) -> None:
    assert in_force(fleet, {}) == {key: Pause(*key)}


@pytest.mark.parametrize("key", [("fleet", "demo"), ("server", "one"), ("template", "base"), ("instance", "acme")])
def test_a_command_pauses_each_kind(key: tuple[str, str]) -> None:
    assert in_force(desired(instance("acme")), commanded(*key)) == commanded(*key)


def test_a_pause_of_a_document_that_the_text_no_longer_has_is_not_in_force() -> None:
    assert in_force(desired(), commanded("instance", "acme")) == {}
    assert in_force(desired(), commanded("fleet", "another")) == {}


def test_what_the_text_says_counts_before_a_command() -> None:
    (pause,) = in_force(desired(ACME), commanded("instance", "acme", "ticket 1")).values()
    assert pause.since is None


def test_the_widest_pause_is_the_one_that_is_told() -> None:
    fleet, server, document = commanded("fleet", "demo"), commanded("server", "one"), commanded("instance", "acme")
    for pauses, widest in (
        (fleet | server | document, "fleet/demo"),
        (server | document, "server/one"),
        (document, "instance/acme"),
    ):
        found = pause_of(configure(), "demo", pauses)
        assert found is not None
        assert found.address == widest


def test_others_are_not_concerned() -> None:
    pauses = commanded("server", "two") | commanded("instance", "bistro") | commanded("template", "acme")
    assert pause_of(configure(), "demo", pauses) is None
    assert pause_of(configure(server="one"), "demo", commanded("fleet", "another")) is None


def test_a_paused_server_holds_back_itself_and_all_on_it() -> None:
    pauses = commanded("server", "one")
    activate = Action(verbs.ACTIVATE, "server", "one", "one", Reason.DECLARED)
    sweep = Action(verbs.SWEEP, "instance", "gone", "one", Reason.ABANDONED_BUILD, "building-x.gone")
    assert [pause_of(a, "demo", pauses) for a in (activate, sweep, configure())] == [pauses["server", "one"]] * 3


@pytest.mark.parametrize(
    ("pause", "says"),
    [
        (Pause("server", "one"), "server/one is paused (its text says paused: true)"),
        (Pause("server", "one", "", EPOCH), "server/one is paused (since 2026-11-24 12:00 UTC)"),
        (Pause("fleet", "demo", "audit", EPOCH), "fleet/demo is paused (since 2026-11-24 12:00 UTC): audit"),
    ],
)
def test_it_says_what_is_paused_by_whom_and_why(pause: Pause, says: str) -> None:
    assert pause.why == says
