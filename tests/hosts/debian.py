"""Debian's packages by apt: the machine's own programs, and single packages of other suites.

Invariant: the machine's sources and lists are left as they are. Another suite is reached through a state directory of
its own, and its mirror is the one that the machine itself uses, so no address is ever written down here.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.hosts.cache import cache_directory, exclusive

_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_POSTGRESQL = "/usr/lib/postgresql"
_LOCK_PATIENCE = "DPkg::Lock::Timeout=600"


class OdooUnavailable(Exception):
    """Debian's packages cannot be had on this machine, so no real Odoo can; the message says why."""


def run(command: Sequence[str | Path], *, cwd: Path | None = None) -> str:
    """Run a step of an installation; its whole output is in the exception when it fails."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def fetch(command: Sequence[str | Path], *, cwd: Path | None = None) -> str:
    """Run a step that needs Debian's mirror: its failure means that Odoo is unavailable, not that the code is wrong."""
    try:
        return run(command, cwd=cwd)
    except (RuntimeError, FileNotFoundError) as failure:
        raise OdooUnavailable(f"a step that needs Debian's packages failed: {failure}") from failure


def program(name: str) -> Path:
    """The program of this name, also where a user's PATH does not lead: /usr/sbin and PostgreSQL's own directory."""
    servers = sorted(Path(_POSTGRESQL).glob("*/bin"), key=lambda each: int(each.parent.name), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, servers), _SYSTEM_PATH]))
    if found is None:
        raise FileNotFoundError(name)
    return Path(found)


def require_programs(packages: Mapping[str, str]) -> None:
    """Install the packages (program → package) whose program the machine lacks."""
    with one_at_a_time():
        missing = sorted({package for name, package in packages.items() if not _has(name)})
        if missing:
            _install(missing)


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other process of tests uses apt: its lists have a lock that it does not wait for."""
    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with exclusive(directory / "apt.lock"):
        yield


def _install(missing: Sequence[str]) -> None:
    with contextlib.suppress(OdooUnavailable):  # the lists may be locked, or fresh enough: the install will tell
        fetch(["apt-get", "update", "-q"])
    fetch(["apt-get", "-o", _LOCK_PATIENCE, "install", "-y", "-q", "--no-install-recommends", *missing])


def mirror() -> str:
    """The address of the mirror from which this machine takes its own suite."""
    codename = _os_release().get("VERSION_CODENAME", "")
    query = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Codename: {codename}"]
    addresses = fetch(query).split()
    if not addresses:  # a machine that has never updated its lists does not know its codename
        with one_at_a_time():
            fetch(["apt-get", "update", "-q"])
        addresses = fetch(query).split()
    if not addresses:
        raise OdooUnavailable(f"apt knows no mirror of {codename}")
    return addresses[0]


def unpack_package(package: str, suite: str, into: Path, *others: str) -> None:
    """Unpack the suite's package and the others named, without further dependencies and without installing any."""
    state = into / ".apt"
    (state / "lists" / "partial").mkdir(parents=True)
    (state / "sources.list").write_text(f"deb {mirror()} {suite} main\n")
    options = [
        f"-oDir::Etc::SourceList={state / 'sources.list'}",
        "-oDir::Etc::SourceParts=-",
        f"-oDir::State::Lists={state / 'lists'}",
        "-oAPT::Sandbox::User=root",  # the cache may lie in a home directory that apt's own user cannot enter
    ]
    fetch(["apt-get", *options, "update", "-q"])
    fetch(["apt-get", *options, "download", "-q", package, *others], cwd=state)
    for archive in sorted(state.glob("*.deb")):
        run(["dpkg-deb", "--extract", archive, into])
    shutil.rmtree(state)


def _has(name: str) -> bool:
    try:
        program(name)
    except FileNotFoundError:
        return False
    return True


def _os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text().splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines if "=" in line)}


def _environment() -> dict[str, str]:
    system = {"PATH": _SYSTEM_PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    return {**os.environ, **system}
