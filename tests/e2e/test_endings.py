"""A customer of real Odoo 19 and 14 is ended, brought back equal, ended again, and dropped when the retention is over."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.core.model import verbs
from reconciler.core.model.names import NameState, parse
from reconciler.odoo.connection import HostConnection
from tests.e2e.test_production import PRODUCTION, active_crons, fresh, login
from tests.harness.real_customers import OWNER, OWNER_LOGIN, RealCustomers
from tests.harness.real_fleet import RealFleet, failures, instance, template
from tests.hooks.programs import program
from tests.hosts.real_hosts import RealHost


def applied(fleet: RealFleet, *documents: str) -> list[str]:
    """Apply what must end well, and say what was done."""
    fleet.write(template(fleet.suffix), *documents)
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert passed.after.changeset.is_converged
    return [outcome.action.verb for outcome in passed.outcomes]


def trash_of(host: RealHost) -> list[str]:
    return [name for name in host.databases() if parse(name).state is NameState.TRASH]


def inside(host: RealHost, database: str) -> list[str]:
    """What people see of a database: its rows, its files, its users, its settings but for the notes of this tool."""
    return [
        host.psql(database, query)
        for query in (
            "select id, name from res_partner order by id",
            "select id, name, store_fname, checksum from ir_attachment order by id",
            "select id, login, password from res_users order by id",
            "select key, value from ir_config_parameter where key not like 'odoo_fleet%' order by key",
        )
    ]


@PRODUCTION
def test_a_customer_is_ended_brought_back_equal_and_dropped_when_its_time_is_over(
    tmp_path: Path, real_host: RealHost
) -> None:
    fleet = fresh(tmp_path, real_host)
    code = f"acme{fleet.suffix}"
    applied(fleet, instance(code, owner=OWNER))
    owner = fleet.password("instance", code, "owner.initial_password").reveal()
    admin = fleet.password("instance", code).reveal()
    with RealCustomers(real_host, owner, code) as working:
        working.work_until()
    before, awake = inside(real_host, code), active_crons(real_host, code)

    guard = program(tmp_path / "hooks", "(here / 'told').write_text(sys.stdin.read()); sys.exit('not on a Friday')")
    fleet.hooks = f"[{{verbs: [end], when: before, command: ['{guard}']}}]"
    fleet.write(template(fleet.suffix), instance(code, owner=OWNER, state="absent"))
    (stopped,) = asyncio.run(fleet.apply()).outcomes
    assert stopped.detail == f"the hook {guard} before it failed: exit code 1: not on a Friday; nothing was done"
    assert (inside(real_host, code), active_crons(real_host, code)) == (before, awake)
    fleet.hooks = fleet.hooks.replace("before", "after")

    assert applied(fleet, instance(code, owner=OWNER, state="absent")) == [verbs.END]
    told = json.loads((guard.parent / "told").read_text())
    (trash,) = trash_of(real_host)
    assert (told["verb"], told["database"], told["outcome"]["result"]) == ("end", code, "done")
    assert code not in real_host.databases()
    assert not active_crons(real_host, trash)
    with pytest.raises(Exception, match=r"does not exist|KeyError|FATAL"):
        login(real_host, code, OWNER_LOGIN, owner)
    assert applied(fleet, instance(code, owner=OWNER, state="absent")) == []

    assert applied(fleet, instance(code, owner=OWNER)) == [verbs.RETURN, verbs.RESUME]
    assert inside(real_host, code) == before
    assert active_crons(real_host, code) == awake
    assert login(real_host, code, "admin", admin)
    working.everything_is_in(code)

    assert applied(fleet, instance(code, owner=OWNER, state="absent")) == [verbs.END]
    (trash,) = trash_of(real_host)
    kept, moment = timedelta(days=fleet.desired.settings.retention.trash_days), timedelta(minutes=10)
    with later(kept - moment):
        assert applied(fleet, instance(code, owner=OWNER, state="absent")) == []
    with later(kept + moment, by_the_hosts_clock=moment):
        assert applied(fleet, instance(code, owner=OWNER, state="absent")) == []
    with later(kept + moment):
        assert applied(fleet, instance(code, owner=OWNER, state="absent")) == [verbs.DROP]
    assert real_host.databases() == [f"template_{fleet.suffix}"]
    assert not real_host.filestore_path(trash).exists()


@contextmanager
def later(passed: timedelta, by_the_hosts_clock: timedelta | None = None) -> Iterator[None]:
    """Let time have passed: by the clock of the tool, and by the one that the host tells."""
    told = passed if by_the_hosts_clock is None else by_the_hosts_clock
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring.SystemClock, "now", lambda _clock: datetime.now(UTC) + passed)
        patch.setattr(HostConnection, "clock", property(lambda _connection: datetime.now(UTC) + told))
        yield
