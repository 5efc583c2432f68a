"""On real Odoo 19 and 14: a module operation that somebody else began is left alone, and one that nobody ends is put right."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from reconciler.core.model import verbs
from tests.e2e.test_production import PRODUCTION, fresh, login
from tests.harness.real_fleet import failures, instance, template
from tests.hosts.real_hosts import RealHost

_ENOUGH_TO_MEET_BOTH_WORKERS = 16

_HOLD = """do $$ begin
for tries in 1..12000 loop
    perform from ir_module_module where state = 'to upgrade';
    exit when found;
    perform pg_sleep(0.01);
end loop;
lock table ir_module_module in share mode;
perform from ir_module_module where state = 'to upgrade';
if not found then raise exception 'it ended before it was held, or never began'; end if;
perform pg_sleep(300);
end $$ -- held"""

_HELD_BY = """select pid from pg_locks join pg_stat_activity using (pid)
where granted and mode = 'ShareLock' and query like '%-- held'"""

_NOW = "now() at time zone 'utc'"


def states(host: RealHost, database: str) -> dict[str, str]:
    rows = host.psql(database, "select name, state from ir_module_module where state not like 'unin%'")
    return dict(row.split("|") for row in rows.splitlines())


@PRODUCTION
def test_what_somebody_removes_is_left_alone_for_as_long_as_odoo_waits_and_is_not_carried_out_then(
    tmp_path: Path, real_host: RealHost
) -> None:
    fleet = fresh(tmp_path, real_host)
    n = fleet.suffix
    name = f"acme{n}"
    fleet.write(template(n), instance(name))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    settled = states(real_host, name)
    assert set(settled.values()) == {"installed"}

    # Not `to upgrade`: a worker of 14 that loads the models now goes on with that by itself.
    real_host.psql(name, f"update ir_module_module set state = 'to remove', write_date = {_NOW} where name = 'mail'")
    removing = states(real_host, name)
    fleet.write(template(n), instance(name, company="Another name", modules="[contacts]"))
    passed = asyncio.run(fleet.apply())
    assert passed.outcomes == ()
    (blocked,) = passed.planned.changeset.blocked
    assert "somebody is at work in it: modules mail are 'to remove' since" in blocked.why
    assert states(real_host, name) == removing

    real_host.psql(name, f"update ir_module_module set write_date = {_NOW} - interval '301 minutes'")
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert [o.action.verb for o in passed.outcomes] == [verbs.CONFIGURE]
    assert states(real_host, name).items() >= {**settled, "contacts": "installed"}.items()
    assert set(states(real_host, name).values()) == {"installed"}
    note = "select count(*) from ir_config_parameter where key = 'odoo_fleet.pending_modules'"
    assert real_host.psql(name, note).strip() == "0"
    assert asyncio.run(fleet.plan()).changeset.is_converged


def meet_all_workers(host: RealHost, database: str, password: str) -> None:
    """Let each worker load the database's models: one of 14 that loads them in the middle of an upgrade takes part in it,
    whoever asks it for what.
    """
    with ThreadPoolExecutor(4) as threads:
        calls = range(_ENOUGH_TO_MEET_BOTH_WORKERS)
        assert all(threads.map(lambda _: login(host, database, "admin", password), calls))


@contextmanager
def held_half_way(host: RealHost, database: str) -> Iterator[None]:
    """Hold the upgrade that begins now as soon as others can see it, for as long as the block lasts: writers of states wait."""
    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(host.psql, database, _HOLD)
        while not (pid := host.psql(database, _HELD_BY)):
            assert not holding.done(), holding.exception()
            time.sleep(0.05)
        try:
            yield
        finally:
            host.psql(database, f"select pg_terminate_backend({pid})")
            assert isinstance(holding.exception(), RuntimeError)


@PRODUCTION
def test_an_upgrade_by_an_operator_goes_to_its_end_while_passes_go_on(tmp_path: Path, real_host: RealHost) -> None:
    fleet = fresh(tmp_path, real_host)
    n = fleet.suffix
    name = f"acme{n}"
    fleet.write(template(n), instance(name))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    meet_all_workers(real_host, name, fleet.password("instance", name).reveal())

    # An upgrade of base dies of a scheduled action that runs just then: it writes them.
    real_host.psql(name, f"update ir_cron set nextcall = {_NOW} + interval '1 day'")
    upgrade = real_host.upgrade(name)
    try:
        with held_half_way(real_host, name):
            upgrading = states(real_host, name)
            fleet.write(template(n), instance(name, company="New Name"))
            planned = asyncio.run(fleet.plan())
            assert planned.changeset.actions == ()
            (blocked,) = planned.changeset.blocked
            assert "somebody is at work in it" in blocked.why
            assert asyncio.run(fleet.apply()).outcomes == ()
            assert upgrade.is_running, upgrade.log_text()
            assert states(real_host, name) == upgrading
        while upgrade.is_running:
            time.sleep(0.2)
    finally:
        upgrade.kill()
    for trouble in ("could not serialize", "CRITICAL", "Failed to initialize"):
        assert trouble not in upgrade.log_text()
    assert set(states(real_host, name).values()) == {"installed"}
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert real_host.psql(name, "select name from res_company where id = 1").strip() == "New Name"
