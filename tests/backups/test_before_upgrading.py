"""Before a database is upgraded it is backed up where its text asks for backups; if that fails, it is not upgraded."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.failures import StorageFailure
from reconciler.core.model.observed import NOTED_UPGRADE
from reconciler.core.model.outcomes import Result
from reconciler.simulator import Code
from tests.backups.stage import Stage, stage
from tests.engine.test_upgrades import COLUMN, deploy, parameters, version_of
from tests.harness.virtual_time import run


async def broken(root: Path, version: str) -> tuple[Stage, str]:
    """Have newer code break a customer who follows."""
    made = await stage(root, version)
    text = made.text(upgrade="follow")
    assert (await made.apply(text)).ok
    deploy(made.universe.hosts["one"], Code("1.1", COLUMN))
    return made, text


@pytest.mark.parametrize("version", ["19.0", "14.0"])
def test_what_is_upgraded_has_a_backup_of_before_and_the_plan_shows_it(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made, text = await broken(tmp_path / "target", version)
        passed = await made.apply(text)
        (action,) = passed.planned.changeset.actions
        assert action.verb is verbs.UPGRADE
        assert ("backup", "one in main, made first") in [(c.field, c.desired) for c in action.changes]
        (entry,) = await made.entries()
        assert [o.detail for o in passed.outcomes] == [f"backed up as {entry.id} in main"]
        assert version_of(made.universe.hosts["one"], "acme") == "installed 1.1"

    run(story())


def test_one_that_cannot_be_kept_leaves_it_as_it_is_and_counts_as_no_failure_of_the_rollout(tmp_path: Path) -> None:
    async def story() -> None:
        made, text = await broken(tmp_path / "target", "19.0")
        host = made.universe.hosts["one"]

        def refuse(what: str, _place: str) -> None:
            if what == "write":
                raise StorageFailure("main is full")

        made.before = refuse
        (outcome,) = (await made.apply(text)).outcomes
        assert (outcome.result, outcome.detail) == (Result.FAILED, "main is full")
        assert version_of(host, "acme") == "installed 1.0"
        assert NOTED_UPGRADE not in parameters(host, "acme")
        made.before = lambda _what, _place: None
        passed = await made.apply(text)
        assert [o.result for o in passed.outcomes] == [Result.DONE]
        assert version_of(host, "acme") == "installed 1.1"

    run(story())


def test_where_an_upgrade_fails_it_is_told_which_backup_is_of_before(tmp_path: Path) -> None:
    async def story() -> None:
        made, text = await broken(tmp_path / "target", "19.0")
        deploy(made.universe.hosts["one"], Code("1.1", COLUMN, "the script is broken", frozenset(["acme"])))
        (outcome,) = (await made.apply(text)).outcomes
        (entry,) = await made.entries()
        assert outcome.result is Result.FAILED
        assert f"(backed up as {entry.id} in main; once that is mended, `odoo-fleet apply" in outcome.detail

    run(story())
