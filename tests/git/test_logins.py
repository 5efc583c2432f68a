"""Tokens and keys: git gets what it needs to log in, and nobody else gets to see it."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.given import secret_at
from reconciler.git.source import GitSource, GitUnusable
from schemas.secrets import Secret
from tests.git.repositories import FLEET, Author, make_author
from tests.git.sources import contents, fetch, options_for, refusal
from tests.git.stand_ins import local_ssh
from tests.git.web_server import GitServer, serve

TOKEN = "ghp_s3cr3t/+%T0ken"
FORMS = [TOKEN, "ghp_s3cr3t%2F%2B%25T0ken", base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()]


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return make_author(tmp_path / "author")


@pytest.fixture
def server(author: Author) -> Iterator[GitServer]:
    with serve(author.remote.parent, login=f"x-access-token:{TOKEN}") as running:
        yield running


def source_for(
    author: Author, server: GitServer, directory: Path, token: str | None = TOKEN, url: str = ""
) -> GitSource:
    given = None if token is None else lambda: Secret(token)
    return GitSource(options_for(author, directory, url=url or server.url, token=given))


def holds_token(data: bytes) -> bool:
    return any(form.encode() in data for form in FORMS)


def command_lines() -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return found


def test_a_token_is_taken_and_seen_nowhere(author: Author, server: GitServer, tmp_path: Path) -> None:
    seen: list[bytes] = []
    server.on_request = lambda: seen.extend(command_lines())
    source = source_for(author, server, tmp_path / "data")
    assert contents(fetch(source).root) == {"fleet.yaml": FLEET}
    author.commit("two", a="a")
    assert fetch(source).commit == author.head()
    assert f"x-access-token:{TOKEN}" in server.logins
    assert any(b"git-remote-http" in line or b"remote-http" in line for line in seen), (
        "git was not looked at while it ran"
    )
    assert not [line for line in seen if holds_token(line)]
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file() and holds_token(path.read_bytes())]
    assert not holds_token(repr(source._options).encode())


def test_a_wrong_token_is_said_and_not_shown(author: Author, server: GitServer, tmp_path: Path) -> None:
    server.login = "x-access-token:another"
    said = refusal(source_for(author, server, tmp_path / "data"))
    assert said.startswith(f"{server.url}: the host does not take the token: see that it is not expired")
    assert not holds_token(said.encode())


def test_what_a_host_says_back_is_shown_without_the_token(author: Author, tmp_path: Path) -> None:
    """A host, or a stand-in for git, may repeat what it was given."""
    stand_in = tmp_path / "bin/git"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\necho "fatal: bad $ODOO_FLEET_GIT_TOKEN for us" >&2\nexit 128\n')
    stand_in.chmod(0o755)
    options = options_for(author, tmp_path / "data", url="https://git.example.com/x", token=lambda: Secret(TOKEN))
    said = refusal(GitSource(options, {"PATH": f"{stand_in.parent}:{os.environ['PATH']}"}))
    assert "bad [secret] for us" in said
    assert not holds_token(said.encode())


def test_without_a_token_it_is_asked_for(author: Author, server: GitServer, tmp_path: Path) -> None:
    said = refusal(source_for(author, server, tmp_path / "data", token=None))
    assert said.startswith(
        f"{server.url}: the host wants a login: give a token that may read the repository (--git-token)"
    )
    assert server.logins == [""]


def test_a_repository_for_everyone_gets_no_token(author: Author, server: GitServer, tmp_path: Path) -> None:
    server.login = None
    fetch(source_for(author, server, tmp_path / "data"))
    assert set(server.logins) == {""}


def test_a_user_in_the_address_is_a_name_beside_a_token(author: Author, server: GitServer, tmp_path: Path) -> None:
    server.login = f"gitlab+deploy-token-1:{TOKEN}"
    url = server.url.replace("//", "//gitlab+deploy-token-1@")
    fetch(source_for(author, server, tmp_path / "data", url=url))
    assert server.login in server.logins


def test_a_token_is_asked_for_at_each_fetch(author: Author, server: GitServer, tmp_path: Path) -> None:
    token = ["old"]
    options = options_for(author, tmp_path / "data", url=server.url, token=lambda: Secret(token[0]))
    source = GitSource(options)
    refusal(source)
    token[0] = f"{TOKEN}\n"
    assert fetch(source).commit == author.head()


def test_a_token_that_is_not_to_be_had(author: Author, server: GitServer, tmp_path: Path) -> None:
    none = secret_at("env:NOWHERE", "--git-token", "the token of the remote", GitUnusable)
    said = refusal(GitSource(options_for(author, tmp_path / "data", url=server.url, token=none)))
    assert "the environment variable NOWHERE, which holds the token of the remote, is empty or not set" in said


@pytest.mark.parametrize("token", ["", " \n", "a\nb"])
def test_what_is_no_token(author: Author, server: GitServer, tmp_path: Path, token: str) -> None:
    assert "the token is empty, or holds signs" in refusal(source_for(author, server, tmp_path / "data", token))


def test_a_redirect_to_another_host_does_not_get_the_token(author: Author, server: GitServer, tmp_path: Path) -> None:
    with serve(author.remote.parent, login="x") as other:
        server.elsewhere = f"http://localhost:{other.port}"
        refusal(source_for(author, server, tmp_path / "data"))
        assert other.logins, "the redirect was not followed"
        assert not any(TOKEN in login for login in (*other.logins, *server.logins))


def test_another_transport_is_never_followed(author: Author, server: GitServer, tmp_path: Path) -> None:
    server.elsewhere = f"file://{author.remote.parent}"
    refusal(source_for(author, server, tmp_path / "data"))


def test_a_repository_that_is_not_there(author: Author, server: GitServer, tmp_path: Path) -> None:
    url = server.url.replace("remote", "other")
    assert "there is no such repository" in refusal(source_for(author, server, tmp_path / "data", url=url))


SECRET_ADDRESSES = [
    "https://user:hunter2@git.example.com/fleet.git",
    "https://hunter2@git.example.com/fleet.git",
    "https://:hunter2@git.example.com/fleet.git",
    "https://git.example.com/fleet.git?private_token=hunter2",
    "https://git.example.com/fleet.git#hunter2",
    "http://user:hunter2@127.0.0.1/fleet.git",
    "ssh://git:hunter2@git.example.com/fleet.git",
    "git:hunter2@git.example.com:fleet.git",
    "https://user:hunter2@git.example.com:port/fleet.git",
    "https://user:hunter2@[git/fleet.git",
]


@pytest.mark.parametrize("url", SECRET_ADDRESSES)
def test_a_password_in_the_address_is_refused_and_not_shown(author: Author, tmp_path: Path, url: str) -> None:
    with pytest.raises(GitUnusable) as caught:
        GitSource(options_for(author, tmp_path / "data", url=url))
    assert "hunter2" not in str(caught.value)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "url",
    [
        *("", "a\nb", "ext::sh -c touch% ran", "fd::7", "git://git.example.com/x", "ftp://git.example.com/x"),
        *("http://git.example.com/x", "https:///x", "https://git.example.com", "ssh://-oProxyCommand=x/y"),
        *("-oProxyCommand=x:y", "git@-oProxyCommand=x:y", "file://relative/x", "ssh://git.example.com"),
    ],
)
def test_what_is_no_address_of_a_repository(author: Author, tmp_path: Path, url: str) -> None:
    with pytest.raises(GitUnusable):
        GitSource(options_for(author, tmp_path / "data", url=url))


def test_a_token_is_for_https(author: Author, tmp_path: Path) -> None:
    with pytest.raises(GitUnusable, match="a token is for https addresses"):
        GitSource(options_for(author, tmp_path / "data", url="git@git.example.com:x", token=lambda: Secret("x")))


@pytest.mark.parametrize("form", ["ssh://git@git.example.com:2222{}", "git@git.example.com:{}", "git.example.com:{}"])
def test_ssh_gets_the_key_and_trusts_known_hosts_alone(author: Author, tmp_path: Path, form: str) -> None:
    directory = tmp_path / "with space 100%h"
    directory.mkdir()
    key, hosts, record = directory / "it's key", directory / "known hosts", tmp_path / "record"
    key.write_text("key")
    hosts.write_text("hosts")
    path = local_ssh(tmp_path / "bin", record)
    options = options_for(author, tmp_path / "data", url=form.format(author.remote), ssh_key=key, known_hosts=hosts)
    revision = fetch(GitSource(options, {**os.environ, "PATH": path}))
    assert contents(revision.root) == {"fleet.yaml": FLEET}
    words = record.read_text().splitlines()
    escaped = str(directory).replace("%", "%%")
    for setting in (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
        f'IdentityFile="{escaped}/it\'s key"',
        f'UserKnownHostsFile="{escaped}/known hosts"',
        "GlobalKnownHostsFile=/dev/null",
    ):
        assert setting in words
    assert words.index("-o") == 0


def test_without_known_hosts_unknown_ones_are_not_trusted_either(author: Author, tmp_path: Path) -> None:
    path = local_ssh(tmp_path / "bin", tmp_path / "record")
    options = options_for(author, tmp_path / "data", url=f"git@git.example.com:{author.remote}")
    fetch(GitSource(options, {**os.environ, "PATH": path}))
    words = (tmp_path / "record").read_text().splitlines()
    assert "StrictHostKeyChecking=yes" in words
    assert not any(word.startswith(("UserKnownHostsFile", "IdentityFile")) for word in words)


def test_a_key_that_is_not_there(author: Author, tmp_path: Path) -> None:
    url, key = "git@git.example.com:x", tmp_path / "missing"
    assert refusal(GitSource(options_for(author, tmp_path / "data", url=url, ssh_key=key))) == f"'{key}' is not a file"


@pytest.mark.parametrize(
    ("complaint", "meaning"),
    [
        ("Host key verification failed.", "the host's key is not known"),
        ("git@git.example.com: Permission denied (publickey).", "the host takes no key of this account"),
        ("ERROR: Repository not found.", "there is no such repository"),
        ("No user exists for uid 54321", "ssh needs an account that /etc/passwd knows"),
        ("ssh: connect to host git.example.com port 22: Connection timed out", "it cannot be reached now"),
    ],
)
def test_what_ssh_says_is_explained(author: Author, tmp_path: Path, complaint: str, meaning: str) -> None:
    ssh = tmp_path / "bin/ssh"
    ssh.parent.mkdir()
    ssh.write_text(f"#!/bin/sh\necho '{complaint}' >&2\nexit 255\n")
    ssh.chmod(0o755)
    options = options_for(author, tmp_path / "data", url="git@git.example.com:x")
    said = refusal(GitSource(options, {**os.environ, "PATH": f"{ssh.parent}:{os.environ['PATH']}"}))
    assert said.startswith(f"git@git.example.com:x: {meaning}")
    assert complaint in said
