"""What a daemon does about backups for some days: at their times, beside its passes, never more than is useful."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.notices.notices import NoticeName
from tests.backups.conftest import _no_threads
from tests.daemon.keeping import HOURS, Keeping, nights
from tests.daemon.stage import Stage
from tests.harness.universe import EPOCH, universe

__all__ = ["_no_threads"]

DAY = 24 * HOURS


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    (tmp_path / "target").mkdir()
    return Keeping(tmp_path / "target")


def test_each_night_one_backup_is_made_by_the_clock_of_the_instance(keeping: Keeping) -> None:
    async def story(stage: Stage) -> None:
        stage.source.write(keeping.text(timezone="Asia/Kolkata"))
        await asyncio.sleep(4 * DAY)

    stage = keeping.play(universe(), story)
    taken = keeping.taken()
    assert taken[0] < EPOCH + timedelta(minutes=5), "what has none yet is backed up at once"
    assert nights(taken[1:]) == ["24 21", "25 21", "26 21", "27 21"], "02:30 in Kolkata is 21:00 UTC"
    assert all(moment.minute == 0 for moment in taken[1:])
    assert not stage.defects
    assert NoticeName.BACKUP_FAILED not in stage.names()
