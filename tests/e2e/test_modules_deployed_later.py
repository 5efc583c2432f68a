"""On real Odoo 19: a module that is deployed after databases were made is found, in them and in new clones."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.test_production import fresh
from tests.harness.real_fleet import failures, instance, template
from tests.hosts.real_hosts import RealHost

MANIFEST = "{'name': 'Hello', 'version': '1.0', 'depends': ['base'], 'license': 'LGPL-3'}\n"


@pytest.mark.parametrize("real_host", ["real-19-production"], indirect=True)
def test_a_module_that_is_deployed_later_is_installed_in_what_is_there_and_in_what_is_new(
    tmp_path: Path, real_host: RealHost
) -> None:
    fleet = fresh(tmp_path, real_host)
    n = fleet.suffix
    module, first, second = f"hello_{n}", f"acme{n}", f"new{n}"
    fleet.write(template(n, modules="[base, web]"), instance(first))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)

    real_host.deploy_module(module, MANIFEST)
    real_host.restart()
    fleet.write(
        template(n, modules="[base, web]"),
        instance(first, modules=f"[{module}]"),
        instance(second, modules=f"[{module}]"),
    )
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    for name in (first, second):
        state = real_host.psql(name, f"select state from ir_module_module where name = '{module}'")
        assert state.strip() == "installed"
