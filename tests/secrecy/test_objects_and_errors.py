"""What a program, a debugger or a traceback could print of a run: every object that it hands on, and every error."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.failures import HostError
from reconciler.engine.accounts import Account
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.loading.secrets import SecretResolver
from schemas.secrets import Secret
from tests.core.scenes import spec
from tests.harness.universe import KEY, MASTER, Process, read
from tests.harness.virtual_time import VirtualClock, run
from tests.odoo_items.stage import ACME, VERSIONS, Stage, generation, instance, password
from tests.secrecy.traces import Written

THEIRS = "a-password-of-the-customers"
SECRETS = {
    "key": KEY,
    "master": MASTER,
    "theirs": THEIRS,
    **{f"{a} {g}": password(a, g) for a in ("template/base", "instance/acme") for g in (1, 2)},
    "owner": password("instance/acme", what="owner.initial_password"),
}
BUILD = "building-261124120000abcde.acme"
OWNED = instance("acme", server="one", owner="{name: Boss, login: boss@acme.example}")

Call = Callable[[Any, Any], Awaitable[object]]
CALLS: dict[str, Call] = {
    "open": lambda host, _: host.open("acme", "admin", Secret(THEIRS)),
    "accepts": lambda host, _: host.accepts("no-such", "admin", Secret(THEIRS)),
    "create": lambda host, wanted: host.create(BUILD, wanted, Secret(THEIRS)),
    "clone": lambda host, _: host.clone("no-such", BUILD, neutralize=False),
    "rename": lambda host, _: host.rename("suspended.no-such", "switching.no-such"),
    "drop": lambda host, _: host.drop_own_build(BUILD),
    "refused": lambda host, _: host.drop_own_build("acme"),
    "half-made": lambda host, _: host.drop_half_made(BUILD),
    "check": lambda host, _: host.check(),
}
FAULTS = ("", "*:502", "*:html", "*:reset-after", "*:error=connection-ended", "list_db=off", "pg-down", "*:redirect")


@pytest.mark.parametrize("version", VERSIONS)
def test_no_object_of_a_run_shows_a_secret(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        written = Written(SECRETS)
        stage.fault("object.res.users.create:error=serialization:count=1")
        first = await stage.applied(OWNED)
        rotated = await stage.apply(instance("acme", server="one", **generation(2)))
        stage.database("acme").update("res.users", 2, {"password": THEIRS})
        stage.forget()
        refused = await stage.apply_unwatched(ACME)
        desired = read(stage.text(OWNED))
        for each in (first, rotated, refused, stage.world.events, desired, spec(desired, "instance/acme")):
            written.add(type(each).__name__, repr(each) + str(each))
        written.add("world", repr(stage.world.world(desired, Process())))
        assert stage.world.memory is not None
        written.add("memory", repr(vars(stage.world.memory)))
        assert written.found() == []

    run(scenario())


@pytest.mark.parametrize("version", VERSIONS)
def test_no_error_of_a_call_shows_a_secret(version: str) -> None:
    async def scenario() -> int:
        met = 0
        for fault in FAULTS:
            stage = Stage(version)
            desired = read(stage.text(ACME))
            host = stage.world.world(desired, Process()).hosts["one"]
            if fault:
                stage.fault(fault)
            written = Written(SECRETS)
            for name, call in CALLS.items():
                try:
                    await call(host, spec(desired, "instance/acme"))
                except HostError as error:
                    met += 1
                    written.add_error(f"{name} under {fault}", error)
            assert written.found() == []
        return met

    assert run(scenario()) > 40


def test_no_error_of_a_secret_that_is_not_to_be_had_shows_another() -> None:
    desired = read(Stage().text(ACME))
    resolver = SecretResolver(desired, {"KEY": "short-key-of-the-tests"}, Path("fleet"))
    account = Account(None, spec(desired, "instance/acme"), resolver, VirtualClock())  # type: ignore[arg-type]
    with pytest.raises(SecretUnavailable) as ended:
        account.password()
    shown = "".join(traceback.format_exception(ended.value)) + repr(ended.value) + repr(vars(ended.value))
    assert "short-key-of-the-tests" not in shown
