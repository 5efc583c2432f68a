"""The pytest plugin through which tests get real hosts: `pytest_plugins = ["tests.hosts.fixtures"]`.

A test that asks for one of these fixtures carries the mark `odoo` without saying so. Hosts are started when the first
test wants them, serve the whole session, and are ended with it. On a machine that cannot have Debian's packages such
tests are skipped, and the last lines of the session say so, since a silent skip reads like a pass.
"""

from collections.abc import Generator, Iterator
from typing import cast

import pytest

from tests.hosts.debian import OdooUnavailable
from tests.hosts.real_hosts import HOST_NAMES, RealHost, RealHosts

DID_NOT_RUN = "TESTS DID NOT RUN"
"""What the reason of a skip says so that it is repeated at the end of the session."""

_COMPLAINTS = 60
"""Lines of a host's log: two or three tracebacks."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a real host, before pytest's own -m looks at the marks.

    What is of one package and about one host has one process. The long tests of `e2e` begin first, and are parted by module: no
    process is left alone with them.
    """
    items.sort(key=lambda item: "e2e" not in item.path.parts)
    for item in items:
        if "real_hosts" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.odoo)
        of = item.path.stem if "e2e" in item.path.parts else item.path.parent.name
        item.add_marker(pytest.mark.xdist_group(f"{_host_of(item)} in {of}"))


def _host_of(item: pytest.Item) -> str:
    """Name the real host that a test is about."""
    wanted = (*getattr(item, "fixturenames", ()), item.name.replace("-", "_"))
    return next((name for name in HOST_NAMES if any(name.replace("-", "_") in each for each in wanted)), "no real host")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it where it cannot be overlooked when tests were skipped for want of Odoo."""
    skipped: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    reasons = {report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)}
    for reason in sorted(each for each in reasons if DID_NOT_RUN in each):
        terminalreporter.write_sep("=", reason.removeprefix("Skipped: ").splitlines()[0], red=True, bold=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a test that failed what its hosts complained of last: that they did is often the cause."""
    report = yield
    hosts = getattr(item, "funcargs", {}).get("real_hosts")
    if report.failed and isinstance(hosts, AvailableHosts):
        report.sections += [(f"complaints of {name}", text) for name, text in hosts.complaints()]
    return report


class AvailableHosts:
    """The session's hosts by name, or a skip where there can be none."""

    def __init__(self) -> None:
        self._hosts = RealHosts()
        self._unavailable: OdooUnavailable | None = None

    def host(self, name: str) -> RealHost:
        """The running host of this name. What made it unavailable once is not tried again in this session."""
        if self._unavailable is None:
            try:
                return self._hosts.host(name)
            except OdooUnavailable as reason:
                self._unavailable = reason
        pytest.skip(f"REAL ODOO {DID_NOT_RUN}: {self._unavailable}")

    def complaints(self) -> Iterator[tuple[str, str]]:
        """What each host that was started logged last, but for what goes well."""
        for host in self._hosts.started():
            lines = [line for line in host.log_text().splitlines() if " INFO " not in line]
            yield host.address.name, "\n".join(lines[-_COMPLAINTS:])

    def close(self) -> None:
        """End all hosts."""
        self._hosts.close()


@pytest.fixture(scope="session")
def real_hosts() -> Iterator[AvailableHosts]:
    """Every real host by name; each is started when it is first asked for."""
    hosts = AvailableHosts()
    try:
        yield hosts
    finally:
        hosts.close()


@pytest.fixture(params=HOST_NAMES)
def real_host(request: pytest.FixtureRequest, real_hosts: AvailableHosts) -> RealHost:
    """Each of the four hosts in turn, or those that the test names with `indirect=["real_host"]`."""
    return real_hosts.host(cast("str", request.param))


@pytest.fixture
def real_19_plain(real_hosts: AvailableHosts) -> RealHost:
    """Odoo 19, threaded, every database served to everybody."""
    return real_hosts.host("real-19-plain")


@pytest.fixture
def real_19_production(real_hosts: AvailableHosts) -> RealHost:
    """Odoo 19 with two workers and databases by subdomain, behind a proxy that gives up after five seconds."""
    return real_hosts.host("real-19-production")


@pytest.fixture
def real_14_plain(real_hosts: AvailableHosts) -> RealHost:
    """Odoo 14, threaded, every database served to everybody."""
    return real_hosts.host("real-14-plain")


@pytest.fixture
def real_14_production(real_hosts: AvailableHosts) -> RealHost:
    """Odoo 14 with two workers and databases by subdomain, behind a proxy that gives up after five seconds."""
    return real_hosts.host("real-14-production")
