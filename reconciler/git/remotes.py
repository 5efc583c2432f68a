"""Where a repository is fetched from: its address, what git gets to know to reach it, and what its refusals mean.

Git runs with an environment of its own: no configuration of the account or the machine, no hook, no transport but that
of the address. A token goes to git through a variable that a small script answers from, and only if the host that asks is
that of the address: it is never in a command line, a file or the address.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from reconciler.git.commands import GitUnusable
from schemas.secrets import REDACTED

ASKPASS = """#!/bin/sh
# Answers what git asks for the address of the fleet; the values are in the environment of git alone.
case "$1" in
  "Username for '$ODOO_FLEET_GIT_ORIGIN'"*) printf '%s\\n' "$ODOO_FLEET_GIT_USER" ;;
  "Password for '$ODOO_FLEET_GIT_LOGIN'"*) printf '%s\\n' "$ODOO_FLEET_GIT_TOKEN" ;;
  *) exit 1 ;;
esac
"""
# Any name does for a token of GitHub, GitLab and Gitea; the address can hold another one.
_USER = "x-access-token"
_KEPT = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "GNUPGHOME", "SSH_AUTH_SOCK"),
    *("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"),
    *("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)
_CLEAN = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "SSH_ASKPASS_REQUIRE": "never",
}
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "credential.helper=",
    "fetch.recurseSubmodules=false",
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
    "http.lowSpeedLimit=100",
    "http.lowSpeedTime=30",
    "log.showSignature=false",
    "submodule.recurse=false",
)
OPTIONS = tuple(word for setting in _SETTINGS for word in ("-c", setting))
_SSH = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ELSEWHERE = "take it out of the address, and give the token with --git-token"

_MEANINGS = (
    (r"Host key verification failed|host key .*(changed|not known)|REMOTE HOST IDENTIFICATION",
     "the host's key is not known: compare what `ssh-keyscan` prints with what the host publishes, then --git-known-hosts"),
    (r"Permission denied \(|Too many authentication failures|invalid format|UNPROTECTED PRIVATE KEY|Load key",
     "the host takes no key of this account: give it one that may read the repository (--git-ssh-key, mode 600)"),
    (r"could not read Username|could not read Password|askpass",
     "the host wants a login: give a token that may read the repository (--git-token)"),
    (r"Authentication failed|error: 40[13]|HTTP 40[13]|Access denied",
     "the host does not take the token: see that it is not expired, and may read the repository"),
    (r"not found|does not appear to be a git repository|does not exist|error: 404|not a git repository",
     "there is no such repository, or nobody without rights may know of it: see the address and the rights"),
    (r"certificate|SSL|TLS|gnutls",
     "the connection is not safe: see the host's certificate; SSL_CERT_FILE or GIT_SSL_CAINFO name own authorities"),
    (r"No user exists for uid",
     "ssh needs an account that /etc/passwd knows: give the pod's user an entry there, or use https and --git-token"),
    (r"dubious ownership",
     "the repository belongs to another account: run as that one, or serve it by ssh or https"),
    (r"not allowed|redirect", "only the transport of the address is used: name where the repository is now"),
)  # fmt: skip
_UNREACHABLE = "it cannot be reached now: see the network, the host and the address"


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository's address, taken apart.

    Args:
        url: what git is given; holds no user where that is given otherwise.
        shown: how people see it.
        transport: `https`, `http`, `ssh` or `file`.
        origin: what git calls the host when it asks for a login, as in `https://git.example.com:8443`.
        user: the user named in an https address, or "".
    """

    url: str
    shown: str
    transport: str
    origin: str = ""
    user: str = ""

    def explain(self, said: str) -> str:
        """Write what git said of this repository, and what to do."""
        meaning = next((hint for pattern, hint in _MEANINGS if re.search(pattern, said, re.IGNORECASE)), _UNREACHABLE)
        return f"{self.shown}: {meaning} (git: {said})"


def parse_remote(url: str, *, has_token: bool) -> Remote:
    """Take an address apart.

    Args:
        url: `https://`, `ssh://`, `git@host:path`, `file://` or a path; `http://` on this machine alone.
        has_token: a token is given, so that a user in an https address is only a name.

    Raises:
        GitUnusable: it holds a password or a token, which is not shown, or is no address of a kind that is served.
    """
    if not url or not url.isprintable():
        raise GitUnusable("the address of the repository is empty, or holds signs that cannot be printed")
    scheme, separator, rest = url.partition("://")
    if separator:
        return _from_url(scheme.lower(), url, rest, has_token=has_token)
    before, colon, after = url.partition(":")
    if colon and "/" not in before:
        if after.startswith(":"):
            raise GitUnusable(
                "the address of the repository names a helper program, which is never run: use https or ssh"
            )
        if "@" in after and "@" not in before:
            raise GitUnusable(f"the address of the repository holds a password: {_ELSEWHERE}")
        if not after or before.startswith("-") or before.rpartition("@")[2].startswith("-"):
            raise GitUnusable(f"{url!r} is not the address of a repository")
        return Remote(url, url, "ssh")
    path = os.path.abspath(url)  # noqa: PTH100 -- links stay as they are written
    return Remote(path, path, "file")


def _from_url(scheme: str, url: str, rest: str, *, has_token: bool) -> Remote:
    try:
        parts = urlsplit(url)
        host, port, user, password = parts.hostname or "", parts.port, parts.username, parts.password
    except ValueError:
        raise GitUnusable("the address of the repository cannot be read: see its host and port") from None
    if password is not None or (scheme not in {"ssh", "file"} and (parts.query or parts.fragment)):
        raise GitUnusable(f"the address of the repository holds a password or a token: {_ELSEWHERE}")
    if scheme == "file":
        if not rest.startswith("/"):
            raise GitUnusable(
                f"{url!r} is not the address of a repository: a file's has three slashes, as in file:///srv/x"
            )
        return Remote(url, url, "file")
    if scheme not in {"https", "http", "ssh"}:
        raise GitUnusable(f"repositories are fetched by https, ssh or from a path, not by {scheme[:20]!r}")
    if not host or host.startswith("-") or not parts.path.strip("/"):
        raise GitUnusable("the address of the repository names no host or no path")
    if scheme == "ssh":
        return Remote(url, url, "ssh")
    if user is not None and not has_token:
        raise GitUnusable(f"the address of the repository holds a login: {_ELSEWHERE}")
    if scheme == "http" and host not in _LOOPBACK:
        raise GitUnusable("http:// lets anyone on the way change the fleet: use https:// or ssh://")
    place = f"[{host}]" if ":" in host else host
    origin = f"{scheme}://{place}{'' if port is None else f':{port}'}"
    clean = origin + parts.path
    return Remote(clean, clean, scheme, origin, unquote(user or ""))


@dataclass(frozen=True, slots=True)
class RemoteAccess:
    """What a fetch needs beside the address.

    Args:
        askpass: where the script `ASKPASS` is.
        token: the token, "" for none.
        ssh_key: file of the private key, None for those of the account.
        known_hosts: file of the host keys to trust, None for those of the account.
    """

    askpass: Path
    token: str = ""
    ssh_key: Path | None = None
    known_hosts: Path | None = None


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for git where nothing is fetched: no transport is allowed."""
    kept = {name: environ[name] for name in _KEPT if name in environ}
    return {**kept, **_CLEAN, "GIT_ALLOW_PROTOCOL": "none"}


def fetching_environment(environ: Mapping[str, str], remote: Remote, access: RemoteAccess) -> dict[str, str]:
    """Return the environment for git where it fetches from a remote."""
    variables = {**environment(environ), "GIT_ALLOW_PROTOCOL": remote.transport}
    if remote.transport == "ssh":
        variables |= {"GIT_SSH_COMMAND": _ssh_command(access), "GIT_SSH_VARIANT": "ssh"}
    elif access.token and remote.origin:
        user = remote.user or _USER
        scheme, _, place = remote.origin.partition("://")
        variables |= {
            "GIT_ASKPASS": os.fspath(access.askpass),
            "ODOO_FLEET_GIT_ORIGIN": remote.origin,
            "ODOO_FLEET_GIT_LOGIN": f"{scheme}://{quote(user, safe='')}@{place}",
            "ODOO_FLEET_GIT_USER": user,
            "ODOO_FLEET_GIT_TOKEN": access.token,
        }
    return variables


def _ssh_command(access: RemoteAccess) -> str:
    words = ["ssh", *_SSH, "-o", "StrictHostKeyChecking=yes"]
    if access.ssh_key is not None:
        words += ["-o", "IdentitiesOnly=yes", "-o", f"IdentityFile={_ssh_path(access.ssh_key)}"]
    if access.known_hosts is not None:
        words += ["-o", f"UserKnownHostsFile={_ssh_path(access.known_hosts)}", "-o", "GlobalKnownHostsFile=/dev/null"]
    return shlex.join(words)


def _ssh_path(path: Path) -> str:
    """Write a path so that ssh takes it as it is: it splits at spaces and replaces what follows a percent sign."""
    absolute = os.path.abspath(path)  # noqa: PTH100 -- links stay as they are written
    if '"' in absolute or "\\" in absolute or not absolute.isprintable():
        raise GitUnusable(f"{absolute!r} cannot be given to ssh: name a path without quotes and backslashes")
    if not Path(absolute).is_file():
        raise GitUnusable(f"{absolute!r} is not a file")
    return '"' + absolute.replace("%", "%%") + '"'


def scrubber(token: str, user: str) -> Callable[[str], str]:
    """Return what takes a token out of a text, however it is written there."""
    if not token:
        return str
    pairs = (f"{user or _USER}:{token}", token)
    encoded = [base64.b64encode(pair.encode()).decode() for pair in pairs]
    forms = sorted({token, quote(token, safe=""), quote(token), *encoded}, key=len, reverse=True)

    def scrub(text: str) -> str:
        for form in forms:
            text = text.replace(form, REDACTED)
        return text

    return scrub
