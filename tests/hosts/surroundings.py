"""Where a program of a distribution runs: on the machine itself, or in a chroot with another Debian inside.

The rest speaks of one directory, the program's own working one, and asks here how to call that in a command line.
A chroot gets its mounts in a mount namespace of the program's own: they vanish with it, so there is nothing to
unmount and the cached tree is never written to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tests.hosts import debian

_BOUND_AT = PurePosixPath("/srv")
_ENTER = f"""
mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/tmp" && mount --bind "$2" "$1{_BOUND_AT}" || exit 1
root=$1; shift 2; exec chroot $CHROOT_OPTIONS "$root" "$@"
"""


@dataclass(frozen=True)
class Surroundings:
    """The machine (root is None), or the chroot at `root`."""

    root: Path | None = None

    def inside(self, directory: Path) -> PurePosixPath:
        """What the program itself calls its working directory."""
        return PurePosixPath(directory) if self.root is None else _BOUND_AT

    def command(self, words: Sequence[str], directory: Path, user: str | None = None) -> list[str]:
        """The command line that runs the words there as the user; it ends in exec, so its pid is the program's."""
        if self.root is None:
            drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"] if user else []
            return [*drop, *words]
        options = f"--userspec={user}:{user}" if user else ""
        script = _ENTER.replace("$CHROOT_OPTIONS", options)
        return ["unshare", "--mount", "--", "sh", "-c", script, "sh", str(self.root), str(directory), *words]

    def program(self, name: str) -> str:
        """The path of a program that is not on everybody's PATH, as it is called there."""
        if self.root is None:
            return str(debian.program(name))
        places = ["usr/bin", "usr/sbin", "usr/lib/postgresql/*/bin"]
        found = [path for place in places for path in self.root.glob(f"{place}/{name}")]
        return f"/{found[0].relative_to(self.root)}"
