"""`status upgrades`: who is behind the code of its host, by what, and what each waits for."""

from __future__ import annotations

import json

from reconciler.reports.upgrades import upgrade_rows, upgrades_document, upgrades_table
from reconciler.simulator import Code
from tests.cli.saving import applied  # noqa: F401 -- a fixture
from tests.cli.world import World
from tests.engine.test_upgrades import COLUMN, built, deploy, text_of
from tests.harness.universe import read
from tests.harness.virtual_time import EPOCH, run


def test_where_nobody_is_behind_that_is_said(applied: World) -> None:  # noqa: F811
    ran = applied.run("status", "upgrades")
    assert (ran.code, ran.err) == (0, "")
    assert "Nothing is known to be behind the code of its host." in ran.out
    document = json.loads(applied.run("status", "upgrades", "-o", "json").out)
    assert (document["upgrades"], document["waves"]) == ([], 1)
    assert applied.run("status", "upgrades", "acme").code == 64


def test_each_row_says_by_what_whether_people_can_work_and_what_comes_next() -> None:
    async def scenario() -> None:
        text = text_of().replace("code: fred\n", "code: fred\nupgrade: hold\n")
        world, host = await built(text=text)
        deploy(host, Code("1.1", COLUMN, "the script is broken", frozenset(["anna"])))
        desired = read(text)
        found = upgrade_rows(desired, await world.plan(text), EPOCH)
        rows = {row.code: row for row in found.rows}
        assert [row.code for row in found.rows][:2] == ["base", "fred"]
        assert rows["base"].what == rows["anna"].what == "upgraded by the next apply"
        assert rows["anna"].behind == ("mail 19.0.1.0 → 19.0.1.1",)
        assert f"column {COLUMN} does not exist" in rows["anna"].broken
        assert (rows["anna"].wave, rows["base"].wave, found.waves) == (1, 0, 3)
        assert "wave 1 of 3 comes first: anna" in rows["bert"].what
        assert rows["fred"].upgrade == "hold"
        assert "upgrade: follow" in rows["fred"].what

        await world.reconcile(text)
        found = upgrade_rows(desired, await world.plan(text), EPOCH)
        rows = {row.code: row for row in found.rows}
        assert "base" not in rows
        assert "the script is broken" in rows["anna"].failed
        assert "odoo-fleet restore anna" in rows["anna"].what
        assert "the rollout has stopped" in rows["bert"].what
        assert {row["code"] for row in upgrades_document(found)["upgrades"]} == rows.keys()
        assert len(upgrades_table(found).rows) == len(rows)

    run(scenario())
