"""Refuses what comes from another server and does not fit the code of the one that it is brought to, before it is restored."""

from __future__ import annotations

from reconciler.archives.archive import Archive
from reconciler.core import same_code
from reconciler.core.failures import PasswordRefused, Refused
from reconciler.core.specs import DatabaseSpec
from reconciler.engine.accounts import Account
from reconciler.engine.patience import insist
from reconciler.engine.worlds import World


async def require_modules(world: World, template: DatabaseSpec, kept: Archive) -> None:
    """Compare the modules in an archive with the code of a server, as its template tells that at this moment.

    Raises:
        HostError: a module is missing there or is of another version, or the template does not open.
        SecretUnavailable: its password is not to be had.
    """
    account = Account(world.hosts[template.server], template, world.secrets, world.clock)
    at = {"server": template.server, "database": template.target}
    opened = await account.open(template.target)
    if opened is None:
        raise PasswordRefused("the template refuses the declared password", **at)
    versions = await insist(opened[0].module_versions, world.clock)
    doubt = same_code.unlike(template.server, kept.modules, {name: code for name, (_, code) in versions.items()})
    if doubt is not None:
        raise Refused(doubt.why, advice=doubt.advice, **at)
