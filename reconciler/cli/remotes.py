"""The options of `daemon` by which its text comes from a git remote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.cli.given import secret_at
from reconciler.cli.options import packed
from reconciler.web.listening import Address

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@dataclass(frozen=True, slots=True)
class GitFlags:
    """What the options say of a git remote."""

    url: str
    branch: str
    path: str
    poll: float
    token: str
    ssh_key: Path | None
    known_hosts: Path | None
    signed_only: bool
    allowed_signers: Path | None
    webhook_secret: str

    def check(self, address: Address | None) -> None:
        """End the command as wrong usage where there is no remote for what is said of it."""
        named = {
            "--signed-only": self.signed_only,
            "--allowed-signers": self.allowed_signers,
            "--git-token": self.token,
            "--git-ssh-key": self.ssh_key,
            "--webhook-secret": self.webhook_secret,
        }
        if not self.url and any(named.values()):
            *others, last = named
            raise click.UsageError(f"{', '.join(others)} and {last} are for a text from --git")
        if self.webhook_secret:
            secret_at(self.webhook_secret, "--webhook-secret", "")
        if self.webhook_secret and address is None:
            raise click.UsageError("--webhook-secret needs an address: not with --listen none")


git_options = packed(
    "git",
    GitFlags,
    click.option(
        "--git", "url", default="", metavar="URL", help="Take the text from this git remote, not from --fleet."
    ),
    click.option("--branch", default="main", metavar="B", help="The branch to follow (default: main)."),
    click.option(
        "--path", default="fleet", metavar="P", help="The fleet's directory in the repository (default: fleet)."
    ),
    click.option(
        "--poll",
        type=click.FloatRange(min=1),
        default=60.0,
        metavar="SECONDS",
        help="How often to ask the remote (default: 60).",
    ),
    click.option(
        "--git-token",
        "token",
        default="",
        metavar="env:NAME|file:PATH",
        help="Where the token for an https remote is found.",
    ),
    click.option(
        "--git-ssh-key",
        "ssh_key",
        type=_FILE,
        metavar="FILE",
        help="The key for an ssh remote (default: the account's).",
    ),
    click.option(
        "--git-known-hosts",
        "known_hosts",
        type=_FILE,
        metavar="FILE",
        help="The ssh hosts to trust (default: the account's).",
    ),
    click.option("--signed-only", is_flag=True, help="Take only commits that are signed by someone who may."),
    click.option(
        "--allowed-signers",
        type=_FILE,
        metavar="FILE",
        help="Who may, by ssh keys (default: whoever is in the account's GnuPG keyring).",
    ),
    click.option(
        "--webhook-secret",
        default="",
        metavar="env:NAME|file:PATH",
        help="Fetch as soon as GitHub, GitLab or Gitea calls /webhooks/… with this secret.",
    ),
)
"""For a command whose text may come from a git remote; it receives them as `git`."""
