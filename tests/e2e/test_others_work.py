"""On real Odoo 19 and 14: a module operation that somebody else began is left alone, and one that nobody ends is put right."""

import asyncio
import time
from pathlib import Path

from reconciler.core import verbs
from tests.e2e.test_production import PRODUCTION, fresh
from tests.harness.real_fleet import failures, instance, template
from tests.hosts.real_hosts import RealHost

_ATTEMPTS = 5
"""An upgrade of few modules may end on 14 before a machine with much to do has looked once."""

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


@PRODUCTION
def test_an_upgrade_by_an_operator_goes_to_its_end_while_passes_go_on(tmp_path: Path, real_host: RealHost) -> None:
    fleet = fresh(tmp_path, real_host)
    n = fleet.suffix
    name = f"acme{n}"
    fleet.write(template(n), instance(name))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)

    reasons: list[str] = []
    company = ""
    for attempt in range(_ATTEMPTS):
        company = f"Name {attempt}"
        upgrade = real_host.upgrade(name)
        try:
            while "to upgrade" not in states(real_host, name).values():
                assert upgrade.is_running, upgrade.log_text()
                time.sleep(0.1)
            fleet.write(template(n), instance(name, company=company))
            while upgrade.is_running and "to upgrade" in states(real_host, name).values():
                planned = asyncio.run(fleet.plan())
                if "to upgrade" in states(real_host, name).values():  # else it ended while it was looked at
                    assert planned.changeset.actions == ()
                    reasons += [blocked.why for blocked in planned.changeset.blocked]
                    asyncio.run(fleet.apply())
            while upgrade.is_running:
                time.sleep(0.2)
        finally:
            upgrade.kill()
        for trouble in ("could not serialize", "CRITICAL", "Failed to initialize"):
            assert trouble not in upgrade.log_text()
        if reasons:
            break
    assert any("somebody is at work in it" in why for why in reasons), reasons
    assert set(states(real_host, name).values()) == {"installed"}
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert real_host.psql(name, "select name from res_company where id = 1").strip() == company
