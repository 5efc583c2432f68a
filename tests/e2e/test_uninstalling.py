"""On real Odoo 19 and 14: modules that the text wants gone go with what depends on them, after a host that died at it too."""

import asyncio
import json
from pathlib import Path

from reconciler.core.model import verbs
from reconciler.core.model.observed import NOTED_REMOVAL
from tests.e2e.test_production import PRODUCTION, fresh, login
from tests.harness.real_fleet import failures, instance, template
from tests.hosts.real_hosts import RealHost

NOTED = f"ir_config_parameter where key = '{NOTED_REMOVAL}'"


@PRODUCTION
def test_what_is_wanted_absent_goes_with_what_depends_on_it_and_all_workers_know(
    tmp_path: Path, real_host: RealHost
) -> None:
    fleet = fresh(tmp_path, real_host)
    n = fleet.suffix
    name, module, needing = f"acme{n}", f"nickname_{n}", f"badges_{n}"
    real_host.deploy_module(
        needing, f"{{'name': 'Badges', 'version': '1.0', 'depends': ['{module}'], 'license': 'LGPL-3'}}\n"
    )
    real_host.deploy_field(module, "1.0", f"res_users.{module}")
    quick = template(n, modules="[base, web]")
    fleet.write(quick, instance(name, modules=f"[{needing}]"))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)

    # As a host leaves it that dies once the states are committed, and nothing more.
    uuid = real_host.psql(name, "select value from ir_config_parameter where key = 'database.uuid'").strip()
    plain = {"at": "2026-01-01T00:00:00+00:00", "uuid": uuid, "to": {module: "", needing: ""}}
    note = json.dumps({**plain, "tries": 1, "why": "", "undone": False})
    real_host.kill()
    real_host.psql(
        name,
        f"update ir_module_module set state = 'to remove' where name in ('{module}', '{needing}');"
        f" insert into ir_config_parameter (key, value) values ('{NOTED_REMOVAL}', '{note}')",
    )
    real_host.start()
    fleet.write(quick, instance(name, modules=f"[{needing}]", modules_absent=f"[{module}]"))
    (blocked,) = asyncio.run(fleet.plan()).changeset.blocked
    assert f"{needing} depends on it, which is declared" in blocked.why

    fleet.write(quick, instance(name, modules_absent=f"[{module}]"))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    (shown,) = (a for a in passed.planned.changeset.actions if a.verb is verbs.UNINSTALL)
    assert [change.field for change in shown.changes] == sorted([f"modules.{module}", f"modules.{needing}"])
    left = "select name from ir_module_module where name in ('{}', '{}') and state not like 'uninstall%'"
    assert not real_host.psql(name, left.format(module, needing)).strip()
    assert not real_host.psql(name, f"select 1 from {NOTED}").strip()
    column = f"select 1 from information_schema.columns where column_name = '{module}'"
    assert not real_host.psql(name, column).strip()
    password = fleet.password("instance", name).reveal()
    assert all(login(real_host, name, "admin", password) for _ in range(6)), "by whichever worker"
    assert passed.after.changeset.is_converged

    # It is known still, the one with a letter too many is not; `mail` is known, and not there.
    absent, beta = f"{module}, {module}x, mail", f"beta{n}"
    both = instance(name, modules_absent=f"[{absent}]"), instance(beta, modules_absent=f"[{absent}, base_import]")
    fleet.write(quick, *both)
    passed = asyncio.run(fleet.apply())
    told = {outcome.action.code: outcome for outcome in passed.outcomes}
    changed = [change.field for change in told[name].action.changes if change.field.startswith("modules.")]
    assert changed == [f"modules.{module}x"]
    assert told[beta].detail == f"{changed[0]}: unknown there → absent (no module has this name: nothing goes)"

    # What a template has brought, and a new customer is not to have, goes by the next run.
    assert [(a.verb, a.code) for a in passed.after.changeset.actions] == [(verbs.UNINSTALL, beta)]
    assert not passed.ok
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert not real_host.psql(beta, left.format("base_import", module)).strip()
    assert passed.after.changeset.is_converged
