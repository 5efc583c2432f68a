"""One look at the health of a server or of an instance's login page. Whatever goes wrong is what the look found."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from reconciler.core.diffs.drafts import databases_in_service
from reconciler.core.model.checks import Check
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import ObservedHost
from reconciler.engine.ports import Clock, Host, Pages
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.health.login_pages import PageAnswer, judge_manager, login_url, manager_url
from reconciler.health.signs import CAPACITY, DATABASES, VERSION
from reconciler.health.verdicts import Vitals, free_percent
from schemas.instance import Instance
from schemas.server import Server


async def check_server(server: Server, desired: Desired, world: World, inventory: Inventory) -> Vitals:
    """Look at a server's health: at most its connect and twice its read timeout. Raises nothing.

    Args:
        server: its document.
        desired: the fleet, which says what of the host's databases counts against its capacity.
        world: the ports; the server must be among its hosts.
        inventory: what is remembered, for the same count.
    """
    vitals = await _vitals(server, world.hosts[server.code], world.clock)
    host = vitals.host
    used = databases_in_service(host, frozenset(i.database_name for i in desired.instances.values()), inventory)
    counted = {DATABASES.name: len(host.databases), CAPACITY.name: free_percent(server, used)} if host.online else {}
    version = {VERSION.name: host.version} if host.version else {}
    return replace(vitals, signs={**vitals.signs, **version, **counted})


async def check_page(pages: Pages, instance: Instance, server: Server) -> PageAnswer:
    """Ask for an instance's login page. Raises nothing."""
    return await _fetch(pages, login_url(instance, server))


async def check_manager(pages: Pages, server: Server) -> Check:
    """Ask, as a stranger would, for Odoo's forms for the master password. Raises nothing."""
    url = manager_url(server)
    return judge_manager(url, await _fetch(pages, url))


async def _fetch(pages: Pages, url: str) -> PageAnswer:
    try:
        return await pages.fetch(url)
    except Exception as error:  # noqa: BLE001 -- a health round goes on for months, whatever one look meets
        return PageAnswer(problem=_defect(error))


async def _vitals(server: Server, host: Host, clock: Clock) -> Vitals:
    limit = server.timeouts.connect_seconds + 2 * server.timeouts.read_seconds
    try:
        async with asyncio.timeout(limit):
            return await host.vitals()
    except TimeoutError:
        problem = f"no whole answer within {limit:g} s"
    except Exception as error:  # noqa: BLE001 -- see above
        problem = _defect(error)
    return Vitals(ObservedHost(server.code, online=False, problem=problem), clock.now())


def _defect(error: Exception) -> str:
    """Name an exception that nobody foresaw, without its words, which nobody has checked for secrets."""
    return f"the look itself failed ({type(error).__name__}): a defect of odoo-fleet"
