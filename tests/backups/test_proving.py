"""A backup is proven by restoring it: whatever is missing in what came back is found, and nothing of it stays or wakes."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.backups.catalogue import BackupEntry
from reconciler.core.model.failures import HostError, ProofFailed, Refused, StorageFailure, UnknownOutcome
from reconciler.core.policies import backups
from reconciler.engine import restoring
from reconciler.simulator.databases import SimulatedDatabase
from tests.backups.stage import Stage, stage
from tests.harness.universe import instance, read
from tests.harness.virtual_time import run

both = pytest.mark.parametrize("version", ["19.0", "14.0"])


async def verify(made: Stage, entry: BackupEntry, **fields: object) -> BackupEntry:
    desired = read(made.text(**fields))
    document = backups.document_of(desired, entry.kind, entry.code)
    assert document is not None
    subject = backups.beside(desired, document, "one")
    return await restoring.verify(made.world(desired), "main", entry, subject)


class Full(io.BytesIO):
    """A file on a disk that is full."""

    def write(self, _part: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_of_this_machine_that_is_full_is_not_the_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        entry = (await made.back_up()).entry
        monkeypatch.setattr(tempfile, "TemporaryFile", Full)
        with pytest.raises(StorageFailure, match=f"{tempfile.gettempdir()} on this machine: No space left") as failed:
            await verify(made, entry)
        assert "TMPDIR" in failed.value.advice
        text = made.text(instance("beta", restore_from="{of: acme}"))
        (outcome,) = (await made.apply(text)).outcomes
        assert "on this machine: No space left" in outcome.detail

    run(story())


def building(made: Stage) -> list[str]:
    return [name for name in made.universe.hosts["one"].listed() if name.startswith("building-")]


def spoil(made: Stage, change: Callable[[SimulatedDatabase], None]) -> None:
    """Let something go wrong with what is restored, before anybody looks into it."""
    host = made.universe.hosts["one"]

    def step(reached: str) -> None:
        if reached == "restore.done":
            change(host.databases[building(made)[0]])

    host.on_step = step


@both
@pytest.mark.parametrize("state", ["active", "suspended"])
def test_a_good_one_is_proven_and_noted_and_nothing_is_left(tmp_path: Path, version: str, state: str) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", version, state=state)
        host = made.universe.hosts["one"]
        entry = (await made.back_up(state=state)).entry
        before = host.snapshot()
        sent = len(host.outbox)
        proven = await verify(made, entry, state=state)
        assert proven.proven is not None
        assert await made.entries() == [proven]
        assert host.snapshot() == before
        restored = [each for each in host.outbox[sent:] if each.name.startswith("building-")]
        assert restored == [], "nothing ran in it, and no mail left it"

    run(story())


@both
def test_a_template_is_proven_as_well(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        proven = await verify(made, (await made.back_up("template", "base")).entry)
        assert proven.proven is not None
        assert building(made) == []

    run(story())


def _lose_a_row(database: SimulatedDatabase) -> None:
    database.delete("res.partner", max(database.rows("res.partner")))


def _wake(database: SimulatedDatabase) -> None:
    database.update("ir.cron", min(database.rows("ir.cron")), {"active": True})


def _lose_a_module(database: SimulatedDatabase) -> None:
    row = next(database.matching("ir.module.module", name="mail"))
    database.update("ir.module.module", row["id"], {"state": "uninstalled"})


@both
@pytest.mark.parametrize(
    ("change", "said"),
    [(_lose_a_row, "rows of res_partner"), (_wake, "active rows of ir_cron"), (_lose_a_module, "modules")],
)
def test_what_is_not_as_it_was_backed_up_is_no_proof(
    tmp_path: Path, version: str, change: Callable[[SimulatedDatabase], None], said: str
) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        entry = (await made.back_up()).entry
        spoil(made, change)
        with pytest.raises(ProofFailed, match=said):
            await verify(made, entry)
        assert building(made) == [], "what failed is dropped"
        assert (await made.entries())[0].proven is None

    run(story())


@both
def test_files_in_the_wrong_folder_are_no_proof(tmp_path: Path, version: str) -> None:
    """A folder of that name is there already: the files of the backup go below it, and the host says that all is well."""

    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        host = made.universe.hosts["one"]
        entry = (await made.back_up()).entry

        def step(reached: str) -> None:
            if reached == "restore.rows":
                host.files(building(made)[0])

        host.on_step = step
        with pytest.raises(ProofFailed, match=r"files that are missing: \d+, not 0"):
            await verify(made, entry)
        assert building(made) == []

    run(story())


def test_an_archive_that_was_changed_in_its_target_never_reaches_a_host(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        entry = (await made.back_up()).entry
        file = made.root / entry.place
        file.write_bytes(file.read_bytes()[:-1] + b"x")
        with pytest.raises(StorageFailure, match="cut or changed"):
            await verify(made, entry)
        assert not [call for call in made.universe.hosts["one"].calls if "restore" in call.method]

    run(story())


def test_an_archive_of_another_odoo_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    """A 14 takes one of a 19, and logs in to what that becomes."""

    async def story() -> None:
        made = await stage(tmp_path / "target", "19.0")
        entry = (await made.back_up()).entry
        other = await stage(tmp_path / "other", "14.0")
        other.root = made.root
        with pytest.raises(Refused, match=r"of Odoo 19\.0, and the host runs 14\.0"):
            await verify(other, entry)
        assert not [call for call in other.universe.hosts["one"].calls if "restore" in call.method]

    run(story())


@both
@pytest.mark.parametrize("step", ["restore.listed", "restore.rows", "restore.done"])
def test_what_a_dying_host_leaves_is_out_of_reach_asleep_and_swept(tmp_path: Path, version: str, step: str) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        host = made.universe.hosts["one"]
        entry = (await made.back_up()).entry

        def die(reached: str) -> None:
            if reached == step:
                host.on_step = lambda _step: None
                host.kill()

        host.on_step = die
        with pytest.raises((UnknownOutcome, HostError)):
            await verify(made, entry)
        host.start()
        sent = len(host.outbox)
        made.universe.clock.skew += timedelta(hours=3)
        passed = await made.universe.reconcile(made.text())
        assert passed.ok, passed
        assert building(made) == []
        assert not [each for each in host.outbox[sent:] if each.name.startswith("building-")]
        assert "acme" in host.listed()

    run(story())


def test_the_newest_that_was_proven_is_never_thinned_out(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        proven = await verify(made, (await made.back_up()).entry)
        for _ in range(3):
            made.universe.clock.skew += timedelta(hours=1)
            await made.back_up()
        assert proven in await made.entries()
        assert len(await made.entries()) == 3

    run(story())


def test_the_catalogue_of_another_version_or_place_is_passed_over(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        entry = (await made.back_up()).entry
        file = made.root / f"demo/instance/acme/{entry.id}.json"
        text = file.read_text()
        (file.parent / "note.json").write_text("{}")
        (file.parent / "2.json").write_text(text.replace('"format": 1', '"format": 2'))
        (made.root / "demo/instance/other").mkdir()
        (made.root / f"demo/instance/other/{entry.id}.json").write_text(text)
        file.write_text(text.replace("{", '{"of a later version": true,', 1))
        assert await made.entries() == [entry]

    run(story())


def test_one_that_is_thinned_out_while_it_is_proven_is_not_catalogued_again(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        entry = (await made.back_up()).entry

        def step(reached: str) -> None:
            if reached == "restore.done":
                for file in made.files():
                    (made.root / file).unlink()

        made.universe.hosts["one"].on_step = step
        with pytest.raises(StorageFailure, match="removed from main while it was proven"):
            await verify(made, entry)
        assert made.files() == []
        assert building(made) == []

    run(story())
