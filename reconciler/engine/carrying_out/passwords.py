"""Carries out `rotate-password`: a former password of the admin account gives way to the declared one."""

from __future__ import annotations

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action
from reconciler.core.model.failures import LastingError, ProofFailed
from reconciler.core.model.observed import Access
from reconciler.core.policies import template_versions
from reconciler.engine.accounts import Account
from reconciler.engine.carrying_out.performer import Performer, carries_out
from reconciler.engine.patience import insist
from schemas.secrets import Secret


@carries_out(verbs.ROTATE)
async def rotate(performer: Performer, action: Action) -> None:
    """Replace a former password; proven by fresh logins: the former ones first, then the declared one."""
    account = performer.account(action)
    host, name = account.host, action.database
    await performer.world.distrust(action.kind, action.code, action.server)
    had: list[Secret] = []
    await insist(lambda: _replace_password(account, name, had), performer.world.clock)
    for login, password in account.no_longer_taken(had):
        if await host.accepts(name, login, password):
            raise ProofFailed("a former password is still taken", server=action.server, database=name)
    if not await host.accepts(name, account.spec.admin_login, account.password()):
        raise ProofFailed("the declared password is not taken", server=action.server, database=name)


async def _replace_password(account: Account, name: str, had: list[Secret]) -> None:
    """Set the declared password where it is not set; `had` is told the former one, also when the answer is lost."""
    found = await account.find(name)
    if found is None:
        raise LastingError(
            "it refuses the declared password and all former ones", server=account.host.server, database=name
        )
    if found.access is not Access.CURRENT:
        had.append(found.password)
        await found.database.require_nobody_at_work()
        _, mark = await found.database.identity()
        is_other = account.spec.kind == "template" and template_versions.is_other(account.spec, mark)
        if (
            not is_other
        ):  # else nothing that its text says follows: it is cloned as it is until its new version is there
            await found.database.clear_digest()
        await found.database.set_credentials(account.spec.admin_login, account.password())
