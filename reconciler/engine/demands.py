"""What is demanded of an archive of another instance before a copy is made of it: refused before anything is restored."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.archives.archive import Archive
from reconciler.core.diffs import copies, same_code
from reconciler.core.model.failures import Refused
from reconciler.core.model.specs import DatabaseSpec
from reconciler.engine.accounts import Account
from reconciler.engine.patience import insist
from reconciler.engine.worlds import World


@dataclass(frozen=True, slots=True)
class Demands:
    """What an archive has to be.

    Args:
        world: the ports.
        template: on the server of the copy, where that is another one: its code has to have all modules.
        uuid: of the database that it has to be of; empty where it may be of any.
    """

    world: World
    template: DatabaseSpec | None = None
    uuid: str = ""

    async def require(self, kept: Archive) -> None:
        """Compare an archive with what is demanded.

        Raises:
            HostError: it is not that, or what code the server has cannot be found out.
            SecretUnavailable: the password of the template is not to be had.
        """
        if self.uuid and (found := kept.parameters.get("database.uuid", "")) != self.uuid:
            raise Refused(f"its source {copies.another(self.uuid, found)}")
        if self.template is not None:
            await self._require_modules(self.template, kept)

    async def _require_modules(self, template: DatabaseSpec, kept: Archive) -> None:
        account = Account(self.world.hosts[template.server], template, self.world.secrets, self.world.clock)
        database, _ = await account.require(template.target, "the template refuses the declared password")
        versions = await insist(database.module_versions, self.world.clock)
        doubt = same_code.unlike(template.server, kept.modules, {name: code for name, (_, code) in versions.items()})
        if doubt is not None:
            raise Refused(doubt.why, advice=doubt.advice, server=template.server, database=template.target)
