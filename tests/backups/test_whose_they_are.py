"""A backup is taken for nobody else's, evicts nobody else's, and is looked for where there is something to look at."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model.failures import LastingError, StorageFailure
from reconciler.core.model.outcomes import Result
from reconciler.core.policies import backups
from reconciler.core.policies.replacements import Replacing
from reconciler.engine import backing_up
from reconciler.reports.backups import standings
from reconciler.targets.directories import Directory
from tests.backups.stage import Stage, stage
from tests.harness.universe import instance, read
from tests.harness.virtual_time import run

ONE = "{keep: {last: 1, daily: 1, weekly: 0, monthly: 0}}"


async def edited(made: Stage, **fields: object) -> None:
    """Change the one entry that is there, in the target."""
    (entry,) = await made.entries()
    file = made.root / f"demo/instance/acme/{entry.id}.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_what_a_wrong_clock_dated_later_takes_no_other_away_and_is_the_latest_of_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        made.policy = ONE
        first = (await made.back_up()).entry
        later = made.universe.clock.now() + timedelta(days=400)
        await edited(made, taken_at=later.isoformat())
        second = await made.back_up()
        assert second.removed == ()
        assert {e.id for e in await made.entries()} == {first.id, second.entry.id}
        source = "{backup: latest, of: acme}"
        passed = await made.apply(made.text(instance("again", server="one", restore_from=source)))
        assert passed.ok, passed.outcomes
        rows = standings(["instance/acme"], await made.entries(), made.universe.clock.now())
        assert [(row.backups, row.taken_at) for row in rows] == [(2, second.entry.taken_at)]
        (restored,) = [o for o in passed.outcomes if o.action.verb == "restore"]
        assert second.entry.id in restored.detail

    run(story())


def test_the_database_that_took_the_place_of_a_lost_one_evicts_none_of_its_backups(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        made.policy = ONE
        lost = (await made.back_up()).entry
        await edited(made, uuid="of the database that is lost")
        await asyncio.sleep(60)
        await made.back_up()
        await asyncio.sleep(60)
        kept = await made.back_up()
        assert {e.id for e in await made.entries()} == {lost.id, kept.entry.id}

    run(story())


def test_copies_that_follow_one_another_evict_one_another_and_no_customer_who_had_their_name(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        made.policy = ONE
        copy = "kind: instance\ncode: tried\nclone_of: acme\nplan: starter\n"

        async def back_up(*documents: str) -> str:
            await asyncio.sleep(60)
            desired, subject = read(made.text(*documents)), await made.subject(made.text(*documents), code="tried")
            keep = backups.keep_of(backups.policy(desired, desired.instances["tried"]))
            return (await backing_up.back_up(made.world(desired), "demo", subject, "main", keep)).entry.id

        assert (await made.apply(made.text(instance("tried", server="one")))).ok
        theirs = await back_up(instance("tried", server="one"))
        del made.universe.hosts["one"].databases["tried"]
        assert (await made.apply(made.text(copy), Limits(confirmed_listings=("one",)))).ok
        await back_up(copy)
        anew = Limits(depth=Depth(refresh=True), replacing=Replacing("tried", backup_first=False))
        assert (await made.apply(made.text(copy), anew)).ok
        last = await back_up(copy)
        assert {entry.id for entry in await made.entries()} == {theirs, last}

    run(story())


def test_a_database_that_another_document_bears_is_not_backed_up_as_this_ones(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        made.universe.hosts["one"].databases["acme"].set_parameter("odoo_fleet.code", "bob")
        with pytest.raises(LastingError, match=r"its mark says that it is instance/bob"):
            await made.back_up()
        assert made.files() == []

    run(story())


def test_an_archive_that_lies_in_anothers_folder_is_not_taken_for_theirs(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        entry = (await made.back_up()).entry
        folder = made.root / "demo/instance/bob"
        folder.mkdir()
        (folder / entry.file).write_bytes((made.root / entry.place).read_bytes())
        moved = {**json.loads((made.root / f"demo/instance/acme/{entry.id}.json").read_text()), "code": "bob"}
        (folder / f"{entry.id}.json").write_text(json.dumps(moved))
        desired = read(made.text())
        (of_bob,) = await backing_up.entries(Directory("main", made.root), "demo", "instance", "bob")
        with (
            (tmp_path / "spool").open("w+b") as spool,
            pytest.raises(StorageFailure, match="is no backup of instance/bob"),
        ):
            await backing_up.fetch(made.world(desired), "main", of_bob, spool)

    run(story())


def test_a_directory_that_is_not_mounted_is_no_empty_catalogue(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        await made.back_up()
        made.root.rename(tmp_path / "elsewhere")
        with pytest.raises(StorageFailure, match="is no directory"):
            await made.entries()
        passed = await made.apply(made.text(instance("again", server="one", restore_from="{of: acme}")))
        (outcome,) = [o for o in passed.outcomes if o.action.code == "again"]
        assert outcome.result is Result.FAILED
        assert "is no directory (make it, or mount it)" in outcome.detail

    run(story())


@pytest.mark.parametrize(
    "fields",
    [
        {"taken_at": "2026-11-29T12:00:00"},
        {"taken_at": "0001-01-01T00:00:00+14:00"},
        {"taken_at": "9999-12-31T23:59:59-14:00"},
        {"bytes": 10**60},
        {"bytes": -1},
    ],
)
def test_what_is_no_entry_of_ours_is_passed_over(tmp_path: Path, fields: dict[str, object]) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        await made.back_up()
        await edited(made, **fields)
        assert await made.entries() == []
        kept = await made.back_up()
        assert await made.entries() == [kept.entry]

    run(story())
