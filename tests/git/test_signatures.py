"""Only signed commits: by SSH keys that a file lists, or by the GnuPG keyring of the account."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.git.source import GitOptions, GitSource, Unsigned
from tests.git.repositories import FLEET, Author, git, make_author
from tests.git.sources import contents, fetch, last, mark, options_for, refusal, restarted

NAMESPACE = 'namespaces="git"'


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return make_author(tmp_path / "author")


def make_key(path: Path) -> str:
    """Make an SSH key, and return its public half. OpenSSH does nothing for a number that is no account's."""
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        pytest.skip(f"the user {os.getuid()} has no account on this machine: ssh-keygen refuses to work")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text().strip()


def signed_by(key: Path) -> tuple[str, ...]:
    return ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}")


def commit_signed(author: Author, key: Path, name: str) -> str:
    author.write(f"fleet/{name}.yaml", name)
    git(author.clone, "add", "--all")
    git(author.clone, *signed_by(key), "commit", "--quiet", "-S", f"--message={name}")
    author.push()
    return author.head()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A directory with the keys of Ada, who may sign, and of Eve, who may not; and the file that says so."""
    directory = tmp_path / "keys"
    directory.mkdir()
    ada = make_key(directory / "ada")
    make_key(directory / "eve")
    (directory / "allowed").write_text(f"ada@example.com {NAMESPACE} {ada}\n")
    return directory


@pytest.fixture
def options(author: Author, keys: Path, tmp_path: Path) -> GitOptions:
    return options_for(author, tmp_path / "data", signed_only=True, allowed_signers=keys / "allowed")


def refused(source: GitSource) -> str:
    with pytest.raises(Unsigned):
        fetch(source)
    return refusal(source)


def test_a_commit_that_is_signed_is_taken(author: Author, keys: Path, options: GitOptions) -> None:
    commit = commit_signed(author, keys / "ada", "a")
    assert fetch(GitSource(options)).commit == commit


def test_a_head_that_is_not_signed_is_refused_and_the_last_stays(
    author: Author, keys: Path, options: GitOptions
) -> None:
    source = GitSource(options)
    commit_signed(author, keys / "ada", "a")
    revision = fetch(source)
    mark(source, revision)
    author.commit("two\x1b", b="b")
    said = refused(source)
    assert said == (
        f"branch 'main' of file://{author.remote}: {author.head()[:12]} (two\N{REPLACEMENT CHARACTER}) is refused: "
        f"it is not signed with an SSH key; sign the head of the branch with a key that '{keys}/allowed' lists, "
        "or list the signer's key there"
    )
    assert contents(revision.root) == {"fleet.yaml": FLEET, "a.yaml": "a"}
    source = restarted(source, options)
    assert last(source) == revision
    assert not list((options.directory / "revisions").glob(author.head()))
    assert fetch_after_signing(author, keys, source) == author.head()


def fetch_after_signing(author: Author, keys: Path, source: GitSource) -> str:
    commit_signed(author, keys / "ada", "c")
    return fetch(source).commit


def test_a_signature_by_somebody_else_is_refused_until_they_are_allowed(
    author: Author, keys: Path, options: GitOptions
) -> None:
    source = GitSource(options)
    commit = commit_signed(author, keys / "eve", "a")
    assert "it is signed with a key that nobody has allowed (key SHA256:" in refused(source)
    eve = (keys / "eve.pub").read_text()
    (keys / "allowed").write_text(f"eve@example.com {eve}")
    assert fetch(source).commit == commit


def test_a_commit_that_was_changed_after_it_was_signed_is_refused(
    author: Author, keys: Path, options: GitOptions
) -> None:
    commit_signed(author, keys / "ada", "a")
    raw = git(author.clone, "cat-file", "commit", "HEAD") + "\n"
    changed = git(author.clone, "hash-object", "-t", "commit", "-w", "--stdin", data=raw.replace("\na", "\nb").encode())
    git(author.clone, "push", "--quiet", "--force", "origin", f"{changed}:refs/heads/main")
    assert "its signature" in refused(GitSource(options))


def test_a_signature_over_something_else_than_a_commit_is_refused(
    author: Author, keys: Path, options: GitOptions
) -> None:
    (keys / "allowed").write_text((keys / "allowed").read_text().replace("git", "file"))
    commit_signed(author, keys / "ada", "a")
    refused(GitSource(options))


def test_a_signer_who_is_no_longer_allowed_is_refused_after_a_restart(
    author: Author, keys: Path, options: GitOptions
) -> None:
    source = GitSource(options)
    commit_signed(author, keys / "ada", "a")
    mark(source, fetch(source))
    (keys / "allowed").write_text("")
    source = restarted(source, options)
    with pytest.raises(Unsigned, match="nobody has allowed"):
        last(source)
    refused(source)


def test_without_a_list_of_ssh_keys_none_counts(author: Author, keys: Path, tmp_path: Path) -> None:
    commit_signed(author, keys / "ada", "a")
    source = GitSource(options_for(author, tmp_path / "data", signed_only=True))
    assert "; sign the head of the branch with a key of the daemon's GnuPG keyring" in refused(source)


def test_a_list_that_is_not_there(author: Author, options: GitOptions, keys: Path) -> None:
    (keys / "allowed").unlink()
    said = refusal(GitSource(options))
    assert said == f"the file of allowed signers '{keys}/allowed' cannot be read: no such file or directory"


def test_the_repository_cannot_allow_signers_itself(author: Author, keys: Path, options: GitOptions) -> None:
    author.write(".gitconfig", f"[gpg.ssh]\n\tallowedSignersFile = {keys}/eve.pub\n[gpg]\n\tminTrustLevel = never\n")
    commit_signed(author, keys / "eve", "a")
    refused(GitSource(options))


gnupg_only = pytest.mark.skipif(shutil.which("gpg") is None, reason="GnuPG is not installed")


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of an account whose GnuPG keyring has a key of its own."""
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    environ = {**os.environ, "GNUPGHOME": str(home)}
    words = ["gpg", "--batch", "--quiet", "--pinentry-mode=loopback", "--passphrase=", "--quick-generate-key"]
    try:
        subprocess.run([*words, "ada@example.com", "ed25519", "sign"], env=environ, check=True, capture_output=True)
        yield environ
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=environ, check=False, capture_output=True)


def commit_with_gnupg(author: Author, environ: dict[str, str], name: str) -> str:
    author.write(f"fleet/{name}.yaml", name)
    git(author.clone, "add", "--all")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNUPGHOME", environ["GNUPGHOME"])
        git(author.clone, "commit", "--quiet", "-Sada@example.com", f"--message={name}")
    author.push()
    return author.head()


@gnupg_only
def test_a_signature_by_a_key_of_the_keyring_is_taken(
    author: Author, keyring: dict[str, str], keys: Path, tmp_path: Path
) -> None:
    commit = commit_with_gnupg(author, keyring, "a")
    options = options_for(author, tmp_path / "data", signed_only=True)
    source = GitSource(options, keyring)
    assert fetch(source).commit == commit
    author.commit("two", b="b")
    assert (
        "it is not signed with a GnuPG key; sign the head of the branch with a key of the daemon's GnuPG keyring"
        in refused(source)
    )


@gnupg_only
def test_a_signature_by_a_key_that_the_keyring_does_not_have_is_refused(
    author: Author, keyring: dict[str, str], options: GitOptions, tmp_path: Path
) -> None:
    commit_with_gnupg(author, keyring, "a")
    empty = tmp_path / "e"
    empty.mkdir(mode=0o700)
    source = GitSource(options_for(author, tmp_path / "other", signed_only=True), {**keyring, "GNUPGHOME": str(empty)})
    assert "its signature cannot be checked (key " in refused(source)
    assert "it is not signed with an SSH key" in refused(GitSource(options, keyring))
