"""The options of `daemon` by which people log in on the page with an OpenID Connect provider, and what lets them in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from reconciler.access.roles import ROLES, Role
from reconciler.cli.given import secret_at
from reconciler.cli.groups import in_section
from reconciler.cli.options import packed

if TYPE_CHECKING:
    from reconciler.web.page.entrance import OtherWay

_EXTRA = "log-in by OpenID Connect needs packages that are not installed: install odoo-fleet[oidc]"
_SCOPES = ("profile", "email")


@dataclass(frozen=True, slots=True)
class OidcFlags:
    """What the options say; without an issuer nobody logs in so."""

    issuer: str
    client: str
    secret: str
    claim: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    callback: str

    def check(self, *, has_page: bool) -> None:
        """End the command as wrong usage where people cannot log in so."""
        named = {
            "--oidc-client-id": self.client,
            "--oidc-client-secret": self.secret,
            "--oidc-role": self.roles,
            "--oidc-callback": self.callback,
        }
        if not self.issuer:
            if any(named.values()):
                raise click.UsageError(
                    f"{', '.join(name for name, given in named.items() if given)} needs --oidc-issuer URL"
                )
            return
        if not has_page:
            raise click.UsageError("--oidc-issuer needs --page, on which people log in")
        if not self.client or not self.roles:
            lacking = (
                "--oidc-client-id ID" if not self.client else "--oidc-role GROUP=ROLE: else nobody would be let in"
            )
            raise click.UsageError(f"--oidc-issuer needs {lacking}")
        self.by_group()
        if self.secret:
            secret_at(self.secret, "--oidc-client-secret", "")
        try:
            from reconciler.oidc.provider import is_safe  # noqa: PLC0415 -- the extra `oidc`
            from reconciler.web.page.provider_login import ENDS  # noqa: PLC0415 -- see above
        except ModuleNotFoundError as missing:
            raise click.ClickException(f"{_EXTRA} ({missing.name} is missing)") from None
        if not is_safe(self.issuer):
            raise click.UsageError("--oidc-issuer takes an address with https:// (http:// of this machine alone)")
        if self.callback and not (is_safe(self.callback) and self.callback.endswith(ENDS)):
            raise click.UsageError(f"--oidc-callback takes an address with https:// that ends in {ENDS}")

    def by_group(self) -> dict[str, Role]:
        """Return the role of each group."""
        found: dict[str, Role] = {}
        for text in self.roles:
            group, _, role = text.rpartition("=")
            if not group or role not in ROLES:
                raise click.UsageError(f"--oidc-role {text}: write GROUP=ROLE, where ROLE is one of {', '.join(ROLES)}")
            if found.setdefault(group, Role(role)) != role:
                raise click.UsageError(f"--oidc-role names {group} with two roles")
        return found


_option = in_section("Log-in by OpenID Connect")
oidc_options = packed(
    "oidc",
    OidcFlags,
    _option(
        "--oidc-issuer",
        "issuer",
        default="",
        metavar="URL",
        help="Let people log in on the page with this provider too.",
    ),
    _option("--oidc-client-id", "client", default="", metavar="ID", help="Under which id the page is known there."),
    _option(
        "--oidc-client-secret",
        "secret",
        default="",
        metavar="env:NAME|file:PATH",
        help="Where its secret is found (default: it has none).",
    ),
    _option(
        "--oidc-role",
        "roles",
        multiple=True,
        metavar="GROUP=ROLE",
        help="What who is in a group may: user, manager or admin. Repeatable; who is in none is not let in.",
    ),
    _option(
        "--oidc-role-claim",
        "claim",
        default="groups",
        metavar="NAME",
        help="Which claim names somebody's groups; realm_access.roles is one within another (default: groups).",
    ),
    _option(
        "--oidc-scope",
        "scopes",
        multiple=True,
        default=_SCOPES,
        metavar="NAME",
        help="What to ask for beside openid. Repeatable (default: profile, email).",
    ),
    _option(
        "--oidc-callback",
        "callback",
        default="",
        metavar="URL",
        help="The page's address as the provider has it, ending in /login/provider/callback (default: as browsers ask).",
    ),
)
"""For a command that serves the page; it receives them as `oidc`."""


def make_login(flags: OidcFlags, now: Callable[[], datetime], told: Callable[[str], None]) -> OtherWay | None:
    """Return what lets people in; None where nobody logs in so.

    Args:
        flags: the options.
        now: the time of day.
        told: of what goes wrong.
    """
    if not flags.issuer:
        return None
    from reconciler.oidc.fetching import fetch  # noqa: PLC0415 -- the extra `oidc`
    from reconciler.oidc.provider import Provider, ProviderFailed  # noqa: PLC0415 -- see above
    from reconciler.web.page.provider_login import ProviderLogin  # noqa: PLC0415 -- see above

    option, what = "--oidc-client-secret", "the secret at the provider"
    secret = secret_at(flags.secret, option, what, ProviderFailed) if flags.secret else None
    given = (flags.issuer, flags.client, secret, flags.scopes, flags.claim, now, fetch)
    return ProviderLogin(Provider(*given), flags.by_group(), told, flags.callback)
