"""Who runs a command: the account and the machine, for the history."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping

_ACTORS = (("GITHUB_ACTIONS", "GITHUB_ACTOR"), ("GITLAB_CI", "GITLAB_USER_LOGIN"))


def who_runs(environ: Mapping[str, str] = os.environ) -> str:
    """Return `account@machine`: on a CI server whoever started the job, under sudo whoever called it.

    It is for people, who may say that they are somebody else: nothing is decided by it.
    """
    actors = [environ.get(actor, "") for server, actor in _ACTORS if environ.get(server) == "true"]
    account = next(filter(None, [*actors, environ.get("SUDO_USER", "")]), "") or _account()
    return f"{account}@{socket.gethostname()}"


def _account() -> str:
    """Name the account by its line in /etc/passwd; a container may run as one that has none."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
