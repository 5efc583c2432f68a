"""What a declared rotation may have left is found, whichever of key, generation and login changed, and is replaced."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model import verbs
from reconciler.engine.reconcile import Passed
from reconciler.fleet.secrets import derive, parse_key
from tests.harness.universe import ENVIRON, KEY, Universe, fleet, instance, universe
from tests.harness.virtual_time import run

both = pytest.mark.parametrize("version", ["19.0", "14.0"])
KEYS = {"KEY": KEY, "SECOND": "s" * 40, "THIRD": "t" * 40}


@pytest.fixture(autouse=True)
def _all_keys_are_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setitem(ENVIRON, name, value)


def keyed(text: str, current: str, *former: str) -> str:
    """Declare another key, and former ones."""
    listed = ", ".join(f"{{env: {name}}}" for name in former)
    return text.replace("secret_key: {env: KEY}", f"secret_key: {{env: {current}}}\nformer_secret_keys: [{listed}]", 1)


def rotated(code: str, generation: int, **fields: Any) -> str:
    return instance(code, admin_password=f"{{derived: {{generation: {generation}}}}}", **fields)


def password(code: str, key: str = "KEY", generation: int = 1) -> str:
    return derive(parse_key(KEYS[key]), "instance", code, "admin_password", generation).reveal()


def logins(passed: Passed, world: Universe) -> Mapping[str, str]:
    """What each customer's database answers to: login and password of the operator's account."""
    assert passed.ok, [*(o.detail for o in passed.outcomes), *passed.after.changeset.blocked]
    assert passed.after.changeset.is_converged, passed.after.changeset
    rows = {n: d.rows("res.users")[2] for n, d in world.hosts["one"].databases.items() if n != "template_base"}
    return {name: f"{row['login']} {row['password']}" for name, row in rows.items()}


@both
def test_a_new_key_reaches_every_database_whatever_its_generation_and_login(version: str) -> None:
    async def story() -> None:
        world = universe({"one": version})
        text = fleet(
            instance("c0"),
            rotated("c1", 2),
            instance("c2", admin_login="ops"),
            rotated("c3", 3),
            servers={"one": version},
        ).replace("modules:", "admin_password: {derived: {generation: 2}}\nmodules:", 1)
        await world.reconcile(text)
        passed = await world.reconcile(keyed(text, "SECOND", "KEY"))
        assert logins(passed, world) == {
            "c0": f"admin {password('c0', 'SECOND')}",
            "c1": f"admin {password('c1', 'SECOND', 2)}",
            "c2": f"ops {password('c2', 'SECOND')}",
            "c3": f"admin {password('c3', 'SECOND', 3)}",
        }
        assert (await world.plan(keyed(text, "SECOND", "KEY"))).changeset.is_converged

    run(story())


@both
@pytest.mark.parametrize("generation", [1, 3])
@pytest.mark.parametrize("login", ["admin", "ops"])
def test_a_database_that_missed_one_rotation_of_the_key_is_reached_by_the_next(
    version: str, generation: int, login: str
) -> None:
    async def story() -> None:
        world = universe({"one": version})
        text = fleet(rotated("acme", generation, admin_login=login), servers={"one": version})
        await world.reconcile(text)
        passed = await world.reconcile(keyed(text, "THIRD", "SECOND", "KEY"))
        assert logins(passed, world) == {"acme": f"{login} {password('acme', 'THIRD', generation)}"}

    run(story())


@both
@pytest.mark.parametrize(("login", "first", "last"), [("admin", 1, 4), ("ops", 1, 3), ("admin", 3, 1), ("ops", 2, 1)])
def test_a_generation_that_was_edited_several_times_between_two_passes_is_reached(
    version: str, login: str, first: int, last: int
) -> None:
    async def story() -> None:
        world = universe({"one": version})
        await world.reconcile(fleet(rotated("acme", first, admin_login=login), servers={"one": version}))
        passed = await world.reconcile(fleet(rotated("acme", last, admin_login=login), servers={"one": version}))
        assert logins(passed, world) == {"acme": f"{login} {password('acme', generation=last)}"}

    run(story())


@both
def test_key_generation_and_login_may_be_declared_anew_at_once(version: str) -> None:
    async def story() -> None:
        world = universe({"one": version})
        await world.reconcile(fleet(rotated("acme", 1), servers={"one": version}))
        text = keyed(fleet(rotated("acme", 3, admin_login="ops"), servers={"one": version}), "SECOND", "KEY")
        assert logins(await world.reconcile(text), world) == {"acme": f"ops {password('acme', 'SECOND', 3)}"}

    run(story())


@both
def test_an_instance_that_is_renamed_while_its_password_is_rotated_is_reached(version: str) -> None:
    async def story() -> None:
        world = universe({"one": version})
        await world.reconcile(fleet(rotated("acme", 2, admin_login="ops"), servers={"one": version}))
        renamed = rotated("acme2", 3, admin_login="ops", renamed_from="acme")
        text = keyed(fleet(renamed, servers={"one": version}), "SECOND", "KEY")
        assert logins(await world.reconcile(text), world) == {"acme2": f"ops {password('acme2', 'SECOND', 3)}"}

    run(story())


@both
def test_every_key_with_every_generation_and_every_login_is_reached(version: str) -> None:
    """Generation 4 is declared: the five before it and the two after it may be in a database."""

    async def story() -> None:
        world = universe({"one": version})
        left = dict(enumerate(itertools.product(KEYS, (4, 3, 5, 2, 6, 1), ("ops", "admin"))))
        documents = [rotated(f"c{number}", 4, admin_login="ops") for number in left]
        text = keyed(fleet(*documents, servers={"one": version}), "THIRD", "SECOND", "KEY")
        await world.reconcile(text)
        world.memory = None
        for number, (key, generation, login) in left.items():
            values = {"login": login, "password": password(f"c{number}", key, generation)}
            world.hosts["one"].databases[f"c{number}"].update("res.users", 2, values)
        assert logins(await world.reconcile(text, limits=Limits(allowed=["changes"])), world) == {
            f"c{number}": f"ops {password(f'c{number}', 'THIRD', 4)}" for number in left
        }

    run(story())


def test_a_former_key_that_was_forgotten_for_some_runs_is_found_on_14_once_it_is_declared() -> None:
    """Each run's wrong logins count there, until ten make the right one wrong as well."""

    async def story() -> None:
        world = universe({"one": "14.0"})
        text = fleet(instance("acme"), servers={"one": "14.0"})
        await world.reconcile(text)
        for _ in range(4):
            forgotten = await world.reconcile(keyed(text, "SECOND"))
            assert "no longer answers" in str(forgotten.after.changeset.blocked)
        passed = await world.reconcile(keyed(text, "SECOND", "KEY"))
        assert logins(passed, world)["acme"] == f"admin {password('acme', 'SECOND')}"

    run(story())


def test_on_19_no_former_password_is_waited_for() -> None:
    async def story() -> None:
        world = universe()
        text = fleet(rotated("acme", 6, admin_login="ops"))
        await world.reconcile(text)
        world.hosts["one"].databases["acme"].update("res.users", 2, {"password": "of their own"})
        world.memory = None
        started = world.clock.monotonic()
        blocked = await world.reconcile(keyed(text, "THIRD", "SECOND", "KEY"))
        assert "does not answer to the fleet's password" in str(blocked.after.changeset.blocked)
        assert world.clock.monotonic() - started < 10

    run(story())


def test_a_rotation_is_done_only_when_the_password_that_the_database_had_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also one that is not among the likeliest."""

    async def story() -> None:
        world = universe()
        await world.reconcile(fleet(rotated("acme", 1)))
        database = world.hosts["one"].databases["acme"]
        write = database.update

        def keep_passwords(model: str, row: int, values: dict[str, Any]) -> None:
            write(model, row, {k: v for k, v in values.items() if (model, k) != ("res.users", "password")})

        monkeypatch.setattr(database, "update", keep_passwords)
        passed = await world.reconcile(fleet(rotated("acme", 5)))
        assert passed.outcomes[0].action.verb is verbs.ROTATE
        assert passed.outcomes[0].detail.endswith("a former password is still taken")

    run(story())


def test_a_password_from_a_file_survives_a_rename_of_its_document(tmp_path: Path) -> None:
    """Only what is derived depends on the code; nothing else is looked up under the former one."""

    async def story() -> None:
        world = universe()
        (tmp_path / "password").write_text("of the operator\n")
        secret: dict[str, Any] = {"admin_password": f"{{file: {tmp_path}/password}}"}
        await world.reconcile(fleet(instance("acme", **secret)))
        passed = await world.reconcile(fleet(instance("acme2", renamed_from="acme", **secret)))
        assert logins(passed, world) == {"acme2": "admin of the operator"}

    run(story())
