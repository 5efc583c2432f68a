"""An owner is the user that the text declares, or the build is a failure; and a failure leaves nothing on the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.outcomes import Result
from reconciler.engine.reconcile import Passed
from reconciler.fleet.secrets import derive, parse_key
from reconciler.simulator import FaultSpec
from tests.harness.universe import ENVIRON, KEY, Universe, fleet, instance, universe
from tests.harness.virtual_time import run

both = pytest.mark.parametrize("version", ["19.0", "14.0"])


def text(version: str, login: str, **fields: Any) -> str:
    return fleet(instance("acme", owner=f"{{name: Boss, login: {login}}}", **fields), servers={"one": version})


def add_user(world: Universe, database: str, login: str, *, active: bool = True) -> None:
    """Make somebody by hand, as a consultant would."""
    there = world.hosts["one"].databases[database]
    admin = dict(there.rows("res.users")[2])
    there.insert("res.users", {**admin, "login": login, "password": "known to many", "active": active})


def clones_sent(world: Universe) -> int:
    return sum(call.method == "duplicate_database" for call in world.hosts["one"].calls)


def clone_detail(passed: Passed) -> str:
    (clone,) = [o for o in passed.outcomes if o.action.verb is verbs.CLONE]
    assert clone.result is Result.FAILED, clone
    return clone.detail


@both
@pytest.mark.parametrize("login", ["__system__", "public", "pilot@acme.example", "former@acme.example"])
def test_an_owner_whose_login_the_template_has_is_a_failure_before_anything_is_cloned(version: str, login: str) -> None:
    """Odoo's own users are inactive, and a consultant's may be as well."""

    async def story() -> None:
        world = universe({"one": version})
        await world.reconcile(fleet(servers={"one": version}))
        add_user(world, "template_base", "pilot@acme.example")
        add_user(world, "template_base", "former@acme.example", active=False)
        detail = clone_detail(await world.reconcile(text(version, login)))
        assert f"there is a user '{login}' already" in detail
        assert "choose another owner.login" in detail
        assert clones_sent(world) == 0
        assert world.hosts["one"].listed() == ["template_base"]

    run(story())


@both
def test_an_owner_whose_login_came_into_the_clone_is_a_failure_that_leaves_nothing(version: str) -> None:
    """Modules of the instance or of its plan may bring users that the template has not."""

    async def story() -> None:
        world = universe({"one": version})
        await world.reconcile(fleet(servers={"one": version}))

        def bring(step: str) -> None:
            builds = [name for name in world.hosts["one"].listed() if name.startswith("building-")]
            if step == "install.finished" and builds:
                add_user(world, builds[0], "boss@acme.example")

        world.hosts["one"].on_step = bring
        passed = await world.reconcile(text(version, "boss@acme.example", modules="[contacts]"))
        assert "there is a user 'boss@acme.example' already" in clone_detail(passed)
        assert world.hosts["one"].listed() == ["template_base"]

    run(story())


@both
@pytest.mark.parametrize("fault", ["hang", "reset-before", "hang-after", "reset-after"])
def test_an_owner_of_whom_no_answer_came_is_made_once_and_logs_in(version: str, fault: str) -> None:
    """In the run in which all of a clone is written: that it was done is found out by its password, and by its mark."""

    async def story() -> None:
        world = universe({"one": version})
        await world.reconcile(fleet(servers={"one": version}))
        world.hosts["one"].faults.add(FaultSpec.parse(f"object.ir.actions.server.run:{fault}:count=1"))
        passed = await world.reconcile(text(version, "boss@acme.example"))
        assert passed.ok, [o.detail for o in passed.outcomes]
        assert clones_sent(world) == 1
        (boss,) = world.hosts["one"].databases["acme"].matching("res.users", login="boss@acme.example")
        assert boss["password"] == derive(parse_key(KEY), "instance", "acme", "owner.initial_password", 1).reveal()

    run(story())


@both
def test_an_owner_may_have_the_login_that_the_templates_operator_has(version: str) -> None:
    """That account is renamed in the clone before the owner is made."""

    async def story() -> None:
        world = universe({"one": version})
        passed = await world.reconcile(text(version, "admin", admin_login="operator"))
        assert passed.ok, [o.detail for o in passed.outcomes]
        assert world.hosts["one"].databases["acme"].user("admin") is not None

    run(story())


@pytest.mark.parametrize("owner", ["login: boss@acme.example, initial_password: {env: NOT_SET}", "login: boss"])
def test_a_secret_that_is_not_to_be_had_costs_the_host_no_clone(owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner's, and with the other the operator's."""

    async def story() -> None:
        world = universe()
        await world.reconcile(fleet())
        fields: dict[str, Any] = {} if "NOT_SET" in owner else {"admin_password": "{env: NOT_SET}"}
        monkeypatch.delitem(ENVIRON, "NOT_SET", raising=False)
        detail = clone_detail(
            await world.reconcile(fleet(instance("acme", owner=f"{{name: Boss, {owner}}}", **fields)))
        )
        assert "{env: NOT_SET}" in detail
        assert clones_sent(world) == 0
        assert world.hosts["one"].listed() == ["template_base"]

    run(story())


def test_a_known_password_of_the_operator_costs_the_host_no_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        world = universe()
        await world.reconcile(fleet())
        monkeypatch.setitem(ENVIRON, "OWN", "admin")
        detail = clone_detail(await world.reconcile(fleet(instance("acme", admin_password="{env: OWN}"))))
        assert "the secret {env: OWN} for instance/acme admin_password is refused" in detail
        assert world.hosts["one"].listed() == ["template_base"]

    run(story())


def test_a_secret_that_vanishes_under_a_build_leaves_no_clone_behind(tmp_path: Path) -> None:
    """Any failure but an unknown outcome drops what this run has begun, else each try leaves one more on the disk."""

    async def story() -> None:
        world = universe()
        await world.reconcile(fleet())
        secret = tmp_path / "password"
        secret.write_text("of the operator\n")

        def vanish(step: str) -> None:
            if step == "duplicate_database.files":
                secret.unlink()

        world.hosts["one"].on_step = vanish
        detail = clone_detail(await world.reconcile(fleet(instance("acme", admin_password=f"{{file: {secret}}}"))))
        assert "no such file" in detail
        assert clones_sent(world) == 1
        assert world.hosts["one"].listed() == ["template_base"]

    run(story())
