"""An instance that is built from a zip of Odoo's own page of another host: how a customer arrives from elsewhere."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.model.outcomes import Result
from reconciler.simulator import seed
from reconciler.simulator.databases import SimulatedDatabase
from tests.backups.stage import Stage, stage
from tests.faults.shares import EXHAUSTIVE
from tests.harness.universe import THEIRS, Killed, Process, instance, read
from tests.harness.virtual_time import run

both = pytest.mark.parametrize("version", ["19.0", "14.0"])
ADOPT = "{admin_password: {env: THEIRS}}"


@dataclass
class Arrival:
    """A fleet, and the archive of a database that somebody else has made on another host, which is gone."""

    made: Stage
    theirs: SimulatedDatabase
    files: dict[str, int]
    path: Path

    def text(self, adopt: str = ADOPT, **source: object) -> str:
        """The fleet's text, with an instance that is built from the archive."""
        fields = ", ".join(f"{key}: {value}" for key, value in {"archive": self.path, **source}.items())
        return self.made.text(instance("newcomer", adopt=adopt, restore_from=f"{{{fields}}}"))

    def listed(self) -> list[str]:
        """What is on the host of the newcomer."""
        return [name for name in self.made.universe.hosts["one"].listed() if "newcomer" in name]

    def sent(self) -> bool:
        """Tell whether anything was sent to be restored."""
        return any("restore" in call.method for call in self.made.universe.hosts["one"].calls)


async def arrived(
    root: Path, version: str = "19.0", fill: Callable[[SimulatedDatabase], object] = lambda _: None
) -> Arrival:
    made = await stage(root / "target", version)
    host = made.universe.hosts["one"]
    theirs = host.databases["theirs"] = host.databases["acme"].fork()
    host.filestore["theirs"] = dict(host.filestore["acme"])
    for row in [row for row in theirs.rows("ir.config_parameter").values() if row["key"].startswith("odoo_fleet.")]:
        theirs.delete("ir.config_parameter", row["id"])
    theirs.set_parameter("database.uuid", "of another host")
    theirs.update("res.users", seed.ADMIN, {"password": THEIRS})
    theirs.insert("res.users", {**theirs.rows("res.users")[seed.ADMIN], "login": "pilot", "password": "their own"})
    theirs.insert("ir.mail_server", {"name": "out", "active": True, "smtp_host": "mail"})
    fill(theirs)
    world, path = made.world(read(made.text())), root / "acme.zip"
    with path.open("w+b") as file:
        await world.hosts["one"].fetch_backup("theirs", ("theirs.example.com",), file, _size)
    del host.databases["theirs"]
    return Arrival(made, theirs, dict(host.filestore.pop("theirs")), path)


async def _size() -> int:
    return 1


def active(database: SimulatedDatabase, model: str) -> set[int]:
    return {row["id"] for row in database.matching(model, active=True)}


def mark(database: SimulatedDatabase, fleet: str, kind: str = "instance", code: str = "theirs") -> None:
    for key, value in {"fleet": fleet, "kind": kind, "code": code, "name": code, "uuid": database.uuid}.items():
        database.set_parameter(f"odoo_fleet.{key}", value)


@both
def test_a_customer_arrives_with_all_that_was_in_it_and_is_this_fleets_own(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        arrival = await arrived(tmp_path, version)
        made, theirs, host = arrival.made, arrival.theirs, arrival.made.universe.hosts["one"]
        sent = len(host.outbox)
        passed = await made.apply(arrival.text())
        assert passed.ok, passed.outcomes
        (outcome,) = passed.outcomes
        assert outcome.detail == f"from the archive {arrival.path}"
        own = host.databases["newcomer"]
        for model in ("res.partner", "res.users", "ir.attachment"):
            assert len(own.rows(model)) == len(theirs.rows(model)), model
        assert host.files("newcomer").items() >= arrival.files.items()
        assert next(own.matching("res.users", login="pilot"))["password"] == "their own"
        assert next(own.matching("res.users", login="admin"))["password"] not in (THEIRS, "their own")
        assert own.uuid != theirs.uuid
        assert [own.parameter(f"odoo_fleet.{key}") for key in ("fleet", "code", "uuid")] == [
            "demo",
            "newcomer",
            own.uuid,
        ]
        assert active(own, "ir.cron") == active(theirs, "ir.cron") != set()
        assert active(own, "ir.mail_server") == active(theirs, "ir.mail_server") != set()
        assert {each.name for each in host.outbox[sent:]} <= {"acme", "newcomer", "switching.newcomer", "template_base"}
        assert not (await made.apply(arrival.text())).planned.changeset.actions
        without = made.text(instance("newcomer"))
        assert not (await made.apply(without)).planned.changeset.actions, "both lines may go"

    run(story())


def test_a_path_is_relative_to_the_fleets_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        arrival = await arrived(tmp_path)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "fleet" / "arrivals").mkdir(parents=True)
        arrival.path.rename(tmp_path / "fleet" / "arrivals" / "acme.zip")
        assert (await arrival.made.apply(arrival.text(archive="arrivals/acme.zip"))).ok

    run(story())


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def _replaced(path: Path, name: str, text: str) -> None:
    """Write one member of an archive anew."""
    new = path.with_suffix(".new")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w") as written:
        for member in old.infolist():
            if member.filename != name:
                written.writestr(member, old.read(member))
        written.writestr(name, text)
    new.rename(path)


def _read(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as file:
        return file.read(name).decode()


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (_cut, "cannot be restored"),
    "changed": (_changed, "cannot be restored"),
    "no zip": (lambda path: path.write_text("a letter"), "cannot be restored"),
    "a program": (
        lambda path: _replaced(path, "dump.sql", "\\! touch /tmp/gotcha\n" + _read(path, "dump.sql")),
        "cannot be restored",
    ),
    "a file beside": (
        lambda path: _replaced(path, "../../etc/cron.d/gotcha", "* * * * * root true"),
        "cannot be restored",
    ),
    "gone": (lambda path: path.unlink(), "is no file"),
    "of another Odoo": (
        lambda path: _replaced(path, "manifest.json", _read(path, "manifest.json").replace("19.0", "18.0")),
        "the backup is of Odoo 18.0, and the host runs 19.0",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_whole_and_harmless_archive_never_reaches_a_host(tmp_path: Path, wrong: str) -> None:
    async def story() -> None:
        arrival = await arrived(tmp_path)
        happens, told = WRONG[wrong]
        happens(arrival.path)
        (outcome,) = (await arrival.made.apply(arrival.text())).outcomes
        assert (outcome.result, told in outcome.detail, arrival.sent()) == (Result.FAILED, True, False), outcome.detail
        assert arrival.listed() == []

    run(story())


@pytest.mark.parametrize(
    "adopt",
    ["{}", "{admin_password: {env: OTHER_KEY}}", "{admin_login: pilot, admin_password: {env: THEIRS}}"],
    ids=["nothing", "another password", "another account"],
)
def test_what_does_not_open_it_as_its_admin_leaves_nothing(tmp_path: Path, adopt: str) -> None:
    async def story() -> None:
        arrival = await arrived(tmp_path, fill=_give_pilot_their_password)
        (outcome,) = (await arrival.made.apply(arrival.text(adopt))).outcomes
        assert outcome.result is Result.FAILED
        assert "`adopt`" in outcome.detail
        assert arrival.listed() == []

    run(story())


def _give_pilot_their_password(database: SimulatedDatabase) -> None:
    (pilot,) = database.matching("res.users", login="pilot")
    database.update("res.users", pilot["id"], {"password": THEIRS})


@both
def test_what_belongs_to_another_fleet_is_taken_in_only_where_the_text_names_that(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        arrival = await arrived(tmp_path, version, lambda database: mark(database, "others"))
        for text in (arrival.text(), arrival.text(fleet="third")):
            (outcome,) = (await arrival.made.apply(text)).outcomes
            assert (outcome.result, arrival.sent()) == (Result.FAILED, False)
            assert "its mark says that it is instance/theirs of fleet 'others'" in outcome.detail
        passed = await arrival.made.apply(arrival.text(fleet="others"))
        assert passed.ok, passed.outcomes
        own = arrival.made.universe.hosts["one"].databases["newcomer"]
        assert own.parameter("odoo_fleet.fleet") == "demo"
        assert not (await arrival.made.apply(arrival.text(fleet="others"))).planned.changeset.actions

    run(story())


def test_a_file_of_this_fleets_own_target_is_opened_as_whose_it_is(tmp_path: Path) -> None:
    async def story() -> None:
        arrival = await arrived(tmp_path)
        await arrival.made.back_up()
        (arrival.path,) = arrival.made.root.rglob("*.zip")
        passed = await arrival.made.apply(arrival.text("{}"))
        assert passed.ok, passed.outcomes

    run(story())


@both
def test_killed_at_any_request_one_arrives_or_none_and_the_next_runs_end_it(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        arrival = await arrived(tmp_path, version)
        made, start, text, whole = arrival.made, arrival.made.universe, arrival.text(), Process()
        made.universe = start.branch()
        await made.apply(text, process=whole)
        for number in range(1, whole.sent + 1, 1 if EXHAUSTIVE else 7):
            made.universe = start.branch()
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await made.apply(text, process=Process(kill_after=number))
            for _ in range(3):
                made.universe.clock.skew += timedelta(hours=3)
                await made.apply(text)
            assert arrival.listed() == ["newcomer"], number
            host = made.universe.hosts["one"]
            assert {each.name for each in host.outbox} <= {"acme", "newcomer", "switching.newcomer", "template_base"}

    run(story())
