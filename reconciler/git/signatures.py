"""Whether a commit is signed by somebody who may: by SSH keys that a file lists, or by the account's GnuPG keyring.

Only one of the two counts at a time. The other's program is not run, so that its verdict can never stand for the wanted
one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from reconciler.git.commands import Damaged, Git, GitUnusable

_NOBODY = "/bin/false"
_FORMAT = "--format=%G?%x00%GK"
_REASONS = {
    "B": "its signature does not match it: somebody changed it after it was signed",
    "E": "its signature cannot be checked",
    "N": "it is not signed with {}",
    "R": "it is signed with a key that was revoked",
    "U": "it is signed with a key that nobody has allowed",
    "X": "its signature has expired",
    "Y": "it is signed with a key that has expired",
}


class Unsigned(GitUnusable):
    """The commit is not signed by somebody who may; what was in force before stays."""


@dataclass(frozen=True, slots=True)
class Signers:
    """Whose signatures count.

    Args:
        allowed: file of SSH keys, as in ssh-keygen(1) under ALLOWED SIGNERS; None for the GnuPG keyring of the account.
    """

    allowed: Path | None

    def check(self, git: Git, commit: str) -> None:
        """Check the signature of a commit.

        Raises:
            Unsigned: it has none, or none that counts.
            Damaged: git has no such commit.
        """
        settings = self._settings()
        checked = Git(git.directory, git.environment, (*git.options, *settings), git.seconds, git.scrub, git.stop)
        done = checked.run("log", "-1", _FORMAT, "--end-of-options", commit, "--")
        parts = done.text.split("\0")
        if done.code or len(parts) != 2:  # noqa: PLR2004 -- as the format says
            raise Damaged(f"git cannot read the commit {commit[:12]}: {done.said}")
        verdict, key = parts
        # GnuPG also says U for a key of the keyring that nobody has rated; of SSH keys it says that the file lacks it.
        if verdict == "G" or (verdict == "U" and self.allowed is None):
            return
        reason = _REASONS.get(verdict, _REASONS["E"]).format("a GnuPG key" if self.allowed is None else "an SSH key")
        with_key = f" (key {key})" if key.isprintable() and key else ""
        complaint = f" ({done.complaint})" if verdict == "E" and done.complaint else ""
        raise Unsigned(f"{reason}{with_key}{complaint}; {self._what_to_do()}")

    def read(self) -> None:
        """Raise `GitUnusable` if the file of SSH keys cannot be read."""
        if self.allowed is not None:
            try:
                self.allowed.read_bytes()
            except OSError as error:
                why = os.strerror(error.errno or 0).lower()
                raise GitUnusable(f"the file of allowed signers {str(self.allowed)!r} cannot be read: {why}") from None

    def _settings(self) -> tuple[str, ...]:
        settings = [f"gpg.x509.program={_NOBODY}"]
        if self.allowed is None:
            settings += [f"gpg.ssh.program={_NOBODY}"]
        else:
            path = os.path.abspath(self.allowed)  # noqa: PTH100 -- links stay as they are written
            settings += [f"gpg.{name}={_NOBODY}" for name in ("program", "openpgp.program")]
            settings += [f"gpg.ssh.allowedSignersFile={path}"]
        return tuple(word for setting in settings for word in ("-c", setting))

    def _what_to_do(self) -> str:
        if self.allowed is None:
            return (
                "sign the head of the branch with a key of the daemon's GnuPG keyring, or import the signer's key there"
            )
        return f"sign the head of the branch with a key that {os.fspath(self.allowed)!r} lists, or list the signer's key there"
