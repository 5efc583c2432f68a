"""Looks into the databases of a host that no document declares, with the accounts that its operator gives. Writes nothing.

A login leaves a row in the database's own list of logins, as any login does; nothing else of it changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from reconciler.core.importing import Holding
from reconciler.core.model.failures import HalfMadeDatabase, HostError
from reconciler.core.model.observed import Access, DatabaseLook
from reconciler.engine.ports import Host
from reconciler.fleet.secrets import SecretUnavailable
from schemas.adoption import Adoption
from schemas.references import KeyReference
from schemas.secrets import Secret

AT_ONCE = 2
"""Each look costs the host a registry load."""

FACTORY_LOGIN = "admin"

AccountOf = Callable[[str], Adoption | None]
Resolve = Callable[[KeyReference], Secret]


async def survey(host: Host, names: Iterable[str], account_of: AccountOf, resolve: Resolve) -> tuple[Holding, ...]:
    """Look into databases, each with one account and one try.

    Args:
        host: it holds them.
        names: what it lists and no document declares.
        account_of: what may open a database; None where nothing may.
        resolve: gives a secret's value (`SecretUnavailable` where there is none).
    """
    limit = asyncio.Semaphore(AT_ONCE)

    async def look(name: str) -> Holding:
        account = account_of(name)
        if account is None or account.admin_password is None:
            return Holding(name)
        async with limit:
            return await _look(host, name, account, account.admin_password, resolve)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(look(name)) for name in sorted(names)]
    return tuple(task.result() for task in tasks)


async def _look(host: Host, name: str, account: Adoption, reference: KeyReference, resolve: Resolve) -> Holding:
    try:
        opened = await host.open(name, account.admin_login or FACTORY_LOGIN, resolve(reference))
        if opened is None:
            return Holding(name, DatabaseLook(name, Access.REFUSED), adopt=account)
        seen = replace(await opened.look(), access=Access.GIVEN)
        return Holding(name, seen, await opened.contents(), account)
    except HalfMadeDatabase as error:
        return Holding(name, DatabaseLook(name, Access.HALF_MADE, str(error)), adopt=account)
    except (HostError, SecretUnavailable) as error:
        return Holding(name, DatabaseLook(name, Access.FAILED, str(error)), adopt=account)
