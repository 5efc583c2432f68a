"""On real Odoo 19 and 14: a host gets newer code, which breaks its customers, and they are upgraded: wave by wave, or at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model import verbs
from reconciler.core.model.outcomes import Result
from reconciler.core.model.selection import Selection
from reconciler.engine.reconcile import Passed
from tests.e2e.test_backups import KeptFleet
from tests.harness.real_fleet import RealFleet, failures, instance, template
from tests.hosts.real_hosts import RealHost

_MANIFEST = "{{'name': 'Shoes', 'version': '{version}', 'depends': [{needs}], 'license': 'LGPL-3'}}\n"
_FIELD = """\
from odoo import fields, models


class Partner(models.Model):
    _inherit = 'res.partner'
    shoe_size = fields.Char()
"""
_CODE = {"__init__.py": "from . import partner\n", "partner.py": _FIELD}
_SCRIPT = """\
def migrate(cr, version):
    cr.execute("update res_partner set shoe_size = '42' where id = 1")
    if cr.dbname == '{fails_in}':
        raise Exception('the size of ' + cr.dbname + ' is unknown')
"""


class UpgradedFleet(KeptFleet):
    """A fleet whose databases follow, with what else its text says of that."""

    says = ""

    def write(self, *documents: str) -> None:
        super().write(*documents)
        file = self.directory / "fleet.yaml"
        text = file.read_text().replace("secret_key:", f"upgrade: follow\n{self.says}secret_key:", 1)
        file.write_text(text.replace("code: starter\nbackup: true\n", "code: starter\n"))


def deploy(host: RealHost, module: str, version: str, files: Mapping[str, str] | None = None) -> None:
    """Put code of a version on a host that has it read when it is started again, with a module that depends on it."""
    host.deploy_module(module, _MANIFEST.format(version=version, needs="'base'"), files or {})
    host.deploy_module(f"{module}_rack", _MANIFEST.format(version="1.0", needs=f"'{module}'"))
    host.restart()


def version_of(host: RealHost, database: str, module: str) -> str:
    rows = host.psql(database, f"select state || ' ' || latest_version from ir_module_module where name = '{module}'")
    assert "to " not in rows
    return rows.strip().removeprefix(f"installed {host.address.version}.0.")


def upgraded(passed: Passed) -> list[str]:
    return [o.action.code for o in passed.outcomes if o.action.verb == verbs.UPGRADE and o.result is Result.DONE]


def begin(tmp_path: Path, host: RealHost, customers: Mapping[str, Mapping[str, object]], says: str = "") -> RealFleet:
    """Build customers of a template with the first version of a module."""
    host.drop_all()
    fleet = UpgradedFleet(tmp_path / "fleet", host)
    fleet.says = says
    n = fleet.suffix
    deploy(host, f"shoes{n}", "1.0")
    fleet.write(
        template(n, modules=f"[base, web, shoes{n}_rack]"), *(instance(c, **fields) for c, fields in customers.items())
    )
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    return fleet


@pytest.mark.parametrize("real_host", ["real-14-production"], indirect=True)
def test_customers_that_newer_code_has_broken_are_told_backed_up_and_upgraded_in_one_wave(
    tmp_path: Path, real_host: RealHost
) -> None:
    customers: dict[str, dict[str, object]] = {"anna": {"backup": "true"}, "bert": {"state": "suspended"}, "carl": {}}
    fleet = begin(tmp_path, real_host, customers)
    n = fleet.suffix
    module = f"shoes{n}"
    deploy(real_host, module, "1.1", {**_CODE, "migrations/1.1/post-size.py": _SCRIPT.format(fails_in="")})

    held = [instance(code, **fields, upgrade="hold") for code, fields in customers.items()]
    fleet.write(template(n, modules=f"[base, web, {module}_rack]", upgrade="hold"), *held)
    asked = Limits(depth=Depth(code=True))
    changeset = asyncio.run(fleet.plan(asked)).changeset
    assert not changeset.actions
    broken = {b.code: b for b in changeset.blocked}
    assert broken.keys() == {*customers, "base"}
    assert "column res_partner.shoe_size does not exist" in broken["carl"].why
    assert f"{module} 14.0.1.0 → 14.0.1.1" in broken["carl"].why

    following = [instance(code, **fields) for code, fields in customers.items()]
    fleet.write(template(n, modules=f"[base, web, {module}_rack]"), *following)
    passed = asyncio.run(fleet.apply(asked))
    assert upgraded(passed) == ["base", "anna", "bert", "carl"], failures(passed)
    assert passed.ok, failures(passed)
    assert "backed up as" in next(o.detail for o in passed.outcomes if o.action.code == "anna")
    for name in (f"template_{n}", "anna", "suspended.bert", "carl"):
        assert version_of(real_host, name, module) == "1.1"
        assert real_host.psql(name, "select shoe_size from res_partner where id = 1").strip() == "42"
    for name in (f"template_{n}", "suspended.bert"):
        assert real_host.psql(name, "select count(*) from ir_cron where active").strip() == "0"
    since = "(select write_date from ir_config_parameter where key = 'odoo_fleet.made_of')"
    for table in ("ir_module_module", "ir_model", "ir_ui_view", "res_partner"):
        younger = real_host.psql(f"template_{n}", f"select count(*) from {table} where write_date > {since}")
        assert younger.strip() == "0", "what the upgrade wrote counts as part of its making"

    users = _FIELD.replace("res.partner", "res.users").replace("shoe_size", "glove_size")
    files = {"__init__.py": "from . import partner, users\n", "partner.py": _FIELD, "users.py": users}
    deploy(real_host, module, "1.2", files)
    changeset = asyncio.run(fleet.plan(asked)).changeset
    assert {b.code for b in changeset.blocked if "nobody can log in" in b.why} == {*customers, "base"}


@pytest.mark.parametrize("real_host", ["real-19-production"], indirect=True)
def test_a_migration_that_fails_in_the_second_wave_stops_there_and_goes_on_once_it_is_mended(
    tmp_path: Path, real_host: RealHost
) -> None:
    customers: dict[str, Mapping[str, object]] = {code: {} for code in ("bert", "carl", "dora", "emil", "fred")}
    customers["anna"] = {"labels": "{ring: canary}", "backup": "true"}
    says = "rollout: {waves: [{selector: {ring: canary}}, {percent: 50}, {percent: 100}], soak_minutes: 0}\n"
    fleet = begin(tmp_path, real_host, customers, says)
    module = f"shoes{fleet.suffix}"
    waves = asyncio.run(fleet.plan()).course.waves
    assert [len(wave) for wave in waves] == [1, 2, 3]
    doomed = waves[1][1]
    script = {"migrations/1.1/post-size.py": _SCRIPT.format(fails_in=doomed)}
    deploy(real_host, module, "1.1", {**_CODE, **script})

    passed = asyncio.run(fleet.apply())
    assert upgraded(passed) == ["base", "anna"], failures(passed)
    assert "backed up as" in next(o.detail for o in passed.outcomes if o.action.code == "anna")
    passed = asyncio.run(fleet.apply())
    (failed,) = (o for o in passed.outcomes if o.result is Result.FAILED)
    assert failed.action.code == doomed
    assert f"the size of {doomed} is unknown" in failed.detail
    second = upgraded(passed)
    stopped = asyncio.run(fleet.plan()).changeset
    assert not stopped.actions
    waiting = {w.action.code: w.why for w in stopped.withheld}
    assert waiting.keys() >= {doomed, *waves[2]}
    assert all("the rollout has stopped" in waiting[code] for code in waves[2])
    for code in (doomed, *waves[2]):
        assert version_of(real_host, code, module) == "1.0"

    deploy(real_host, module, "1.1", {**_CODE, "migrations/1.1/post-size.py": _SCRIPT.format(fails_in="")})
    passed = asyncio.run(fleet.apply(Limits(Selection(frozenset({f"instance/{doomed}"})))))
    assert upgraded(passed) == [doomed], failures(passed)
    passed = asyncio.run(fleet.apply())
    assert sorted(upgraded(passed)) == sorted({*waves[1], *waves[2]} - {doomed} - set(second)), failures(passed)
    assert passed.ok, failures(passed)
    for code in (f"template_{fleet.suffix}", *customers):
        assert version_of(real_host, code, module) == "1.1"
        assert real_host.psql(code, "select shoe_size from res_partner where id = 1").strip() == "42"
        assert (
            real_host.psql(code, "select count(*) from ir_config_parameter where key = 'odoo_fleet.upgrading'").strip()
            == "0"
        )
