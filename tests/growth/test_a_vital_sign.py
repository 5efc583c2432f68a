"""A vital sign that is added from outside is read, judged, kept, shown and measured, without an edit anywhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.model.inventory import Inventory
from reconciler.health.looks import check_server
from reconciler.health.signs import SIGNS, Finding, HealthStatus, SeenSign, Sign
from reconciler.health.verdicts import HealthRecord, judge
from reconciler.odoo.connection import HostConnection
from reconciler.odoo.observe import hosts
from reconciler.reports.health_json import health_document
from reconciler.reports.health_tables import health_tables
from reconciler.reports.health_views import HealthView, ServerHealthView
from reconciler.store.opening import open_store
from reconciler.telemetry.metrics import Metrics
from tests.harness.universe import Process, fleet, read, universe
from tests.harness.virtual_time import EPOCH, run
from tests.telemetry import test_metrics
from tests.telemetry.scenes import NOW, STANDING


@pytest.fixture(autouse=True)
def workers() -> Iterator[Sign]:
    """A sign `workers`: how many processes serve a host. Two are too few."""

    def few(seen: SeenSign) -> Iterator[Finding]:
        if seen.value is not None and seen.value <= len("ab"):
            yield HealthStatus.WARNING, f"{seen.value} workers"

    meaning = "Processes that serve the server."
    sign = Sign(
        "workers", "WORKERS", shown=lambda value, _at: f"{value} of them", judged=few, gauge="workers", meaning=meaning
    )

    @hosts.reads(sign)
    async def read_workers(connection: HostConnection) -> int:
        return len((await connection.version()).text.split(".")[:2])

    SIGNS[sign.name] = sign
    yield sign
    del SIGNS[sign.name], hosts.READERS[sign.name]


@pytest.fixture
def record() -> HealthRecord:
    """What a look at a simulated host comes to."""
    world, desired = universe(), read(fleet())
    server = desired.servers["one"]

    async def look() -> HealthRecord:
        vitals = await check_server(server, desired, world.world(desired, Process()), Inventory())
        return judge(server, None, vitals, desired.settings.health)

    return run(look())


def test_it_is_read_and_judged(record: HealthRecord) -> None:
    assert (record.signs["workers"], record.status, record.why) == (2, HealthStatus.WARNING, "2 workers")


def test_tables_and_json_show_it(record: HealthRecord) -> None:
    view = HealthView("demo", EPOCH, timedelta(minutes=15), (ServerHealthView("one", "one", "active", record),))
    for wide in (False, True):
        (table,) = health_tables(view, wide=wide)
        place = [column.title for column in table.columns].index("WORKERS")
        assert table.rows[0][place].text == "2 of them"
    assert json.loads(json.dumps(health_document(view)))["servers"][0]["workers"] == 2


def test_a_server_of_which_nothing_is_known_has_none() -> None:
    silent = HealthRecord("one", EPOCH, HealthStatus.UNKNOWN, online=False)
    view = HealthView("demo", EPOCH, timedelta(minutes=15), (ServerHealthView("one", "one", "active", silent),))
    assert health_document(view)["servers"][0]["workers"] is None
    for wide in (False, True):
        (table,) = health_tables(view, wide=wide)
        assert len(table.rows[0]) == len(table.columns)


def test_history_keeps_it(record: HealthRecord, tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/history.db", "demo") as store:
        store.record_health(record)
        assert store.health_history() == (record,)


def test_metrics_have_it_and_their_page_has_to_name_it(record: HealthRecord) -> None:
    standing = replace(STANDING, health={"prod-1": replace(record, server="prod-1")})
    text = Metrics().render(standing, NOW).decode()
    assert "# HELP odoo_fleet_server_workers Processes that serve the server." in text
    assert 'odoo_fleet_server_workers{server="prod-1"} 2.0' in text
    with pytest.raises(AssertionError, match="odoo_fleet_server_workers"):
        test_metrics.test_every_metric_is_documented_and_no_other()
