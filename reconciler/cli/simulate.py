"""`simulate`: the fleet's loopback servers, each served at its address as a simulated Odoo host, until told to stop.

The only command that imports the simulator. Master passwords are those that the fleet declares; none is printed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import random
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from reconciler.cli import fleets, groups, screens
from reconciler.cli.options import Common, common
from reconciler.fleet.counting import count
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.loading.secrets import SecretResolver
from reconciler.simulator import CannotServe, FaultSpec, HostSpec, SimulatedHost, serve
from reconciler.simulator import faults as fault_grammar
from schemas.server import Server

_DEFAULT_PORT = 80
_BY_SUBDOMAIN = "^%d$"
"""As production has it: a customer reaches the database of that subdomain alone."""
Place = tuple[HostSpec, str, int]


@groups.command("odoo-fleet simulate --speed 0", "odoo-fleet simulate --data hosts")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep databases in DIR between runs.",
)
@click.option(
    "--fault", "faults", multiple=True, metavar="SPEC", help="What goes wrong, as written above (repeatable)."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=0.1,
    metavar="FACTOR",
    help="1: operations take as long as on a real host; 0: no time (default: 0.1).",
)
@common("text")
def command(common: Common, data: Path | None, faults: tuple[str, ...], speed: float) -> None:
    """Serve every server of the fleet that has a loopback server_url at that address.

    \b
    A fault is [CODE/]TARGET:ACTION[=VALUE][:OPTION=VALUE...], for example
      --fault 'db.duplicate_database:504-after=1s:count=1'  a proxy gives up once
      --fault 'prod-2/list_db=off'                          a host hides its list
      --fault 'common.*:latency=500ms:chance=0.2:seed=7'    it is slow at times
    A wrong one is answered with the whole grammar.
    """  # noqa: D301 -- click needs the backspace itself
    desired = fleets.load(common)
    ordered = [_fault(text) for text in faults]
    places = _places(common, desired, data, speed)
    if not places:
        raise click.ClickException("no server of the fleet has a loopback server_url such as http://127.0.0.1:8069")
    try:
        asyncio.run(serve(places, ready=lambda hosts: _say(hosts, places), faults=ordered))
    except CannotServe as error:
        raise click.ClickException(str(error)) from error


def _fault(text: str) -> FaultSpec:
    try:
        return FaultSpec.parse(text)
    except ValueError as error:
        raise click.UsageError(f"--fault: {error}\n\n{fault_grammar.__doc__}") from error


def _places(common: Common, desired: Desired, data: Path | None, speed: float) -> list[Place]:
    secrets = SecretResolver(desired, os.environ, common.fleet)
    places: list[Place] = []
    for server in sorted(desired.servers.values(), key=lambda s: (s.sequence, s.code)):
        address = _loopback(server)
        if address is None:
            screens.say(f"{server.code}: not served, {server.server_url} is not http on this machine")
            continue
        try:
            password = secrets.resolve(server.master_password, "server", server.code, "master_password")
        except SecretUnavailable as error:
            raise click.ClickException(str(error)) from error
        spec = HostSpec(
            code=server.code,
            version=server.odoo_version,
            master_password=password.reveal(),
            dbfilter=_BY_SUBDOMAIN if server.domain else None,
            data_dir=data,
            speed=speed,
            seed=random.SystemRandom().getrandbits(
                32
            ),  # a host that comes up again over its data must not draw the same uuids again
        )
        places.append((spec, *address))
    return places


def _loopback(server: Server) -> tuple[str, int] | None:
    url = urlsplit(server.server_url)
    host = url.hostname or ""
    if url.scheme != "http" or not _is_loopback(host):
        return None
    return host, url.port or _DEFAULT_PORT


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _say(hosts: Sequence[SimulatedHost], places: Sequence[Place]) -> None:
    for host, (spec, address, port) in zip(hosts, places, strict=True):
        kept = f", {count(len(host.databases), 'database')}" if host.databases else ""
        click.echo(f"{spec.code}: Odoo {spec.version} (simulated) at http://{address}:{port}{kept}")
    click.echo("Serving until Ctrl-C.")
