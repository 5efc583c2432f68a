"""Items 1 to 3: a creation that fails says true, dies half-way, or is killed by a limit."""

from __future__ import annotations

import asyncio

import pytest

from reconciler.core.model.outcomes import Result
from reconciler.simulator import STEPS
from tests.harness.virtual_time import run
from tests.odoo_items.stage import ACME, AFTER_THE_LIMIT, Stage, both, failed, outcome, password, unknown

CREATE = "create template/base"


@both
@pytest.mark.parametrize("cause", ["country_code: ZZ\n", "limit_time_cpu"])
def test_item_01_create_that_returns_true_over_a_failed_initialisation_is_a_failure_and_leaves_nothing(
    version: str, cause: str
) -> None:
    async def scenario() -> None:
        stage = Stage(version, template=cause if ":" in cause else "")
        if cause == "limit_time_cpu":
            stage.fault("db.create_database:cpu-limit:count=1")
        passed = await stage.apply(ACME)
        assert "does not take its password: the initialisation failed" in failed(passed, CREATE)
        assert outcome(passed, "clone instance/acme").result is Result.SKIPPED
        assert stage.in_service() == []
        assert stage.builds() == [], "the half-made database answers to admin/admin: it is dropped at once"

    run(scenario())


@both
@pytest.mark.parametrize("step", STEPS["create_database"])
def test_item_02_what_a_killed_creation_leaves_is_never_published_nor_repaired_but_swept(
    version: str, step: str
) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        stage.die_at(step)
        first = await stage.apply(ACME)
        left = stage.builds()
        assert stage.in_service() == [] or first.ok, "only a creation that was whole may have gone on"
        if not first.ok:
            await asyncio.sleep(60)
            await stage.applied(ACME)
        assert await stage.client.login("template_base", password("template/base")) == 2
        await asyncio.sleep(AFTER_THE_LIMIT)
        await stage.applied(ACME)
        assert stage.builds() == [], left

    run(scenario())


@both
@pytest.mark.parametrize("step", ["create_database.base", "create_database.modules"])
def test_item_03_create_whose_worker_is_killed_by_limit_time_real_is_unknown_and_made_anew(
    version: str, step: str
) -> None:
    """The connection closes without a word; admin/admin logs in to what is left, which must not pass for done."""

    async def scenario() -> None:
        stage = Stage(version, workers=2)
        stage.fault(f"db.create_database:worker-killed={step}:count=1")
        passed = await stage.apply(ACME)
        assert "not complete within its limit" in unknown(passed, CREATE)
        assert stage.in_service() == []
        assert stage.calls("db.create_database") == 1
        await stage.applied(ACME)
        await asyncio.sleep(AFTER_THE_LIMIT)
        await stage.applied(ACME)
        assert stage.builds() == []

    run(scenario())
