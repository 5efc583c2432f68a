"""The login page as the health rounds ask for it, and the vital signs that they ask a host for."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from reconciler.health.login_pages import PageAnswer
from reconciler.health.verdicts import Vitals
from reconciler.odoo.connection import HostConnection
from reconciler.odoo.observe.hosts import vitals
from reconciler.odoo.observe.login_pages import LoginPages
from reconciler.odoo.tls import TlsOptions
from reconciler.odoo.transport import HttpxTransport, PageTransport
from schemas.secrets import Secret
from schemas.server import Timeouts
from tests.contract.hosts import ContractHost

_T = TypeVar("_T")
_PATIENCE = Timeouts(read_seconds=60)


def _page(host: ContractHost, name: str, path: str = "/web/login") -> PageAnswer:
    """Ask the host for the login page of a public name."""

    async def work() -> PageAnswer:
        transport = PageTransport(TlsOptions())
        try:
            return await LoginPages(transport, host.wire.url).fetch(f"https://{name}{path}")
        finally:
            await transport.aclose()

    return asyncio.run(work())


def _connected(host: ContractHost, password: str, work: Callable[[HostConnection], Awaitable[_T]]) -> _T:
    async def main() -> _T:
        transport = HttpxTransport()
        connection = HostConnection(
            server="one",
            url=host.wire.url,
            declared_version=f"{host.version}.0",
            master_password=lambda: Secret(password),
            transport=transport,
            timeouts=_PATIENCE,
            sleep=asyncio.sleep,
            jitter=lambda: 0.5,
        )
        try:
            return await work(connection)
        finally:
            await transport.aclose()

    return asyncio.run(main())


def _vitals(host: ContractHost, password: str) -> Vitals:
    async def work(connection: HostConnection) -> Vitals:
        return await vitals(connection, asyncio.get_running_loop().time, lambda: datetime.now(UTC))

    return _connected(host, password, work)


def test_login_page_of_the_database_of_the_subdomain_is_known_as_its_own(busy_host: ContractHost) -> None:
    database = busy_host.base.database
    answer = _page(busy_host, f"{database}.example.test")
    assert (answer.path, answer.status, answer.problem, answer.leads_to) == ("/web/login", 200, "", "")
    assert answer.has_login_form
    assert "Odoo" in answer.title
    assert answer.databases == (database,)


def test_name_of_no_database_leads_to_the_choice_of_databases(busy_host: ContractHost) -> None:
    assert busy_host.base.database in busy_host.names()
    answer = _page(busy_host, "nobody.example.test")
    assert (answer.path, answer.status, answer.has_login_form) == ("/web/database/selector", 200, False)


def test_the_forms_for_the_master_password_are_there_under_every_name(busy_host: ContractHost) -> None:
    for name in (busy_host.base.database, "nobody"):
        answer = _page(busy_host, f"{name}.example.test", "/web/database/manager")
        assert (answer.status, answer.asks_master_password) == (200, True)
    assert not _page(busy_host, f"{busy_host.base.database}.example.test").asks_master_password


def test_suspended_database_has_no_login_page(busy_host: ContractHost) -> None:
    here = busy_host.clone()
    suspended = f"suspended.{here.database}"
    assert _page(busy_host, f"{here.database}.example.test").has_login_form
    busy_host.wire.manage("rename", here.database, suspended)
    try:
        assert _page(busy_host, f"{here.database}.example.test").path == "/web/database/selector"
    finally:
        busy_host.ground.drop(suspended)


def test_host_that_serves_several_databases_under_a_name_leads_to_the_choice(host: ContractHost) -> None:
    assert host.base.database in host.names()
    answer = _page(host, f"{host.base.database}.example.test")
    assert (answer.path, answer.has_login_form) == ("/web/database/selector", False)


def test_asking_for_a_page_changes_nothing_in_the_database(busy_host: ContractHost) -> None:
    """A page must not move `web.base.url` or leave a login behind."""
    here = busy_host.clone()
    here.set_parameter("web.base.url", "https://kept.example.test")
    before = here.call("res.users", "search_read", [], ["login", "login_date"])
    assert _page(busy_host, f"{here.database}.example.test").has_login_form
    assert here.parameter("web.base.url") == "https://kept.example.test"
    assert here.call("res.users", "search_read", [], ["login", "login_date"]) == before


def test_vital_signs_are_told_with_the_right_master_password_and_without(host: ContractHost) -> None:
    names = host.names()
    well = _vitals(host, host.wire.master_password)
    assert (well.host.online, well.host.version) == (True, f"{host.version}.0")
    assert [d.text for d in well.host.databases] == sorted(names)
    assert well.signs["master_password_accepted"] is True
    assert 0 < well.signs["latency_ms"] < 30_000
    refused = _vitals(host, "not-the-master-password")
    assert (refused.host.online, refused.signs["master_password_accepted"]) == (True, False)
    assert host.names() == names
