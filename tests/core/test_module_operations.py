"""Whose module operation it is, and how long it is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import module_operations
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.model.module_operations import STALE_AFTER
from reconciler.core.model.observed import DatabaseLook
from tests.core.scenes import NOW, as_declared, desired, instance, observed, online, spec

FLEET = desired(instance("acme", server="one", modules="[crm, sms]"))
ACME = as_declared(spec(FLEET, "instance/acme"))
TEMPLATE = as_declared(spec(FLEET, "template/base"))
JUST_NOW = NOW - timedelta(minutes=1)


def of_others(modules: dict[str, str], *noted: str) -> bool:
    return bool(module_operations.of_others(modules, noted, JUST_NOW, NOW))


def busy(look: DatabaseLook, state: str, **fields: object) -> DatabaseLook:
    return replace(look, modules={**look.modules, "mail": state}, modules_changed=JUST_NOW, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("modules", "noted", "theirs"),
    [
        ({"base": "installed"}, (), False),
        ({"crm": "to install"}, (), True),
        ({"crm": "to upgrade"}, (), True),
        ({"crm": "to remove"}, (), True),
        ({"crm": "to install"}, ("crm",), False),
        ({"crm": "installed", "sms": "to install"}, ("crm",), False),
        ({"crm": "to install", "sms": "to install"}, ("crm",), False),
        ({"sms": "to install"}, ("crm",), True),
        ({"crm": "to install"}, ("crm", "calendar"), True),
        ({"crm": "to upgrade"}, ("crm",), True),
        ({"crm": "to install", "base": "to upgrade"}, ("crm",), True),
    ],
)
def test_ours_is_an_install_of_all_that_was_noted_and_nothing_else(
    modules: dict[str, str], noted: tuple[str, ...], *, theirs: bool
) -> None:
    assert of_others(modules, *noted) is theirs


@pytest.mark.parametrize(
    ("ago", "left_alone"),
    [
        (timedelta(0), True),
        (STALE_AFTER, True),
        (STALE_AFTER + timedelta(seconds=1), False),
        (timedelta(days=-1), True),
    ],
)
def test_it_is_left_alone_for_as_long_as_odoo_waits(ago: timedelta, *, left_alone: bool) -> None:
    """A host whose clock is ahead counts as just now."""
    assert bool(module_operations.of_others({"crm": "to upgrade"}, (), NOW - ago, NOW)) is left_alone


def test_where_nobody_knows_when_it_changed_it_is_left_alone() -> None:
    assert module_operations.of_others({"crm": "to upgrade"}, (), None, NOW)


def test_it_says_what_is_done_to_which_modules_since_when() -> None:
    states = dict.fromkeys(("a", "b", "c", "d", "e", "f", "g"), "to upgrade") | {"a": "to remove"}
    assert module_operations.of_others(states, (), JUST_NOW, NOW) == (
        "somebody is at work in it: modules a, b, c, d, e and 2 more are 'to remove' or 'to upgrade'"
        " since 2026-11-24 11:59 UTC; it is looked at again later"
    )


@pytest.mark.parametrize("name", ["acme", "suspended.acme", "switching.acme"])
@pytest.mark.parametrize("state", ["to install", "to upgrade", "to remove"])
def test_nothing_is_planned_for_an_instance_in_which_somebody_is_at_work(name: str, state: str) -> None:
    look = busy(as_declared(spec(FLEET, "instance/acme"), name), state)
    changeset = diff(FLEET, observed(online("one", TEMPLATE, look)), NOTHING_REMEMBERED, NOW)
    assert changeset.actions == ()
    (blocked,) = changeset.blocked
    assert blocked.why.startswith(f"{name}: somebody is at work in it")


def test_neither_the_template_is_changed_nor_cloned_in_which_somebody_is_at_work() -> None:
    changeset = diff(FLEET, observed(online("one", busy(TEMPLATE, "to upgrade"))), NOTHING_REMEMBERED, NOW)
    assert changeset.actions == ()
    assert {b.address for b in changeset.blocked} == {"template/base", "instance/acme"}


def test_what_is_ours_or_stale_is_configured() -> None:
    ours = busy(ACME, "to install", noted_modules=("mail",))
    stale = replace(busy(ACME, "to upgrade"), modules_changed=NOW - timedelta(hours=6))
    noted = replace(ACME, noted_modules=("mail",))
    for look in (ours, stale, noted):
        changeset = diff(FLEET, observed(online("one", TEMPLATE, look)), NOTHING_REMEMBERED, NOW)
        assert [a.verb for a in changeset.actions] == ["configure"]
        assert changeset.blocked == ()
