"""`host`: each plain host in turn; `busy_host`: each host as production has it in turn.

The simulated ones always run. The real ones carry the mark `odoo`, and are obtained and started only when it is asked
for.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from reconciler.simulator import HostSpec
from tests.contract.hosts import ContractHost
from tests.contract.simulated import SimulatedHosts
from tests.contract.wire import Wire
from tests.hosts.fixtures import AvailableHosts

_VERSIONS = ("14", "19")
_SPEED = 0.02
"""Slow enough for a create to be caught in the middle, quick enough for everything else not to matter."""
_SIMULATED_MASTER = "master-of-a-simulated-host"


def _names(shape: str) -> list[object]:
    simulated = [f"sim-{version}-{shape}" for version in _VERSIONS]
    real = [pytest.param(f"real-{version}-{shape}", marks=pytest.mark.odoo) for version in _VERSIONS]
    return [*simulated, *real]


class ContractHosts:
    """The hosts of the session by name, each made when it is first asked for."""

    def __init__(self, request: pytest.FixtureRequest, exits: ExitStack) -> None:
        self._request = request
        self._exits = exits
        self._simulated: SimulatedHosts | None = None
        self._hosts: dict[str, ContractHost] = {}

    def host(self, name: str) -> ContractHost:
        """The host of this name."""
        if name not in self._hosts:
            self._hosts[name] = self._real(name) if name.startswith("real") else self._simulate(name)
        return self._hosts[name]

    def _real(self, name: str) -> ContractHost:
        hosts: AvailableHosts = self._request.getfixturevalue("real_hosts")
        host = hosts.host(name)
        wire = Wire(host.address.direct_url, host.address.master_password)
        return ContractHost(name, host.address.version, wire, ground=host)

    def _simulate(self, name: str) -> ContractHost:
        if self._simulated is None:
            self._simulated = SimulatedHosts()
            self._exits.callback(self._simulated.close)
        _, version, shape = name.split("-")
        production = shape == "production"
        spec = HostSpec(
            code=name,
            version=f"{version}.0",
            master_password=_SIMULATED_MASTER,
            workers=2 if production else 0,
            dbfilter="^%d$" if production else None,
            speed=_SPEED,
        )
        host = self._simulated.start(spec)
        return ContractHost(name, version, Wire(host.url, _SIMULATED_MASTER), ground=host)


@pytest.fixture(scope="session")
def contract_hosts(request: pytest.FixtureRequest) -> Iterator[ContractHosts]:
    """Every host of the contract by name."""
    with ExitStack() as exits:
        yield ContractHosts(request, exits)


@pytest.fixture(params=_names("plain"))
def host(request: pytest.FixtureRequest, contract_hosts: ContractHosts) -> Iterator[ContractHost]:
    """Each plain host: one process that serves every database to everybody."""
    host = contract_hosts.host(request.param)
    host.begin_anew()
    yield host
    host.forget_fresh_names()


@pytest.fixture(params=_names("production"))
def busy_host(request: pytest.FixtureRequest, contract_hosts: ContractHosts) -> Iterator[ContractHost]:
    """Each host as production has it, asked past its proxy: two workers, databases by subdomain."""
    host = contract_hosts.host(request.param)
    host.begin_anew()
    yield host
    host.forget_fresh_names()
