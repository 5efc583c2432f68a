"""The product's own way into a database of a host under test, for what it does there in one step."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from reconciler.odoo.connection import DatabaseSession, HostConnection
from reconciler.odoo.tls import TlsOptions
from reconciler.odoo.transport import Transports
from schemas.secrets import Secret
from schemas.server import Timeouts
from tests.contract.hosts import ContractHost
from tests.contract.wire import Account

_T = TypeVar("_T")
_LONG = 120.0
_TIMEOUTS = Timeouts(read_seconds=60, create_seconds=_LONG, clone_seconds=_LONG, modules_seconds=_LONG)


def inside(host: ContractHost, account: Account, work: Callable[[DatabaseSession], Awaitable[_T]]) -> _T:
    """Do something as this account."""

    async def whole() -> _T:
        transports = Transports()
        connection = HostConnection(
            server=host.name,
            url=host.wire.url,
            declared_version=f"{host.version}.0",
            master_password=lambda: Secret(host.wire.master_password),
            transport=transports.get(TlsOptions(None, verify=True)),
            timeouts=_TIMEOUTS,
            sleep=asyncio.sleep,
            jitter=random.random,
        )
        try:
            return await work(DatabaseSession(connection, account.database, account.uid, Secret(account.password)))
        finally:
            await transports.aclose()

    return asyncio.run(whole())
