"""Odoo 19 and Odoo 14 as Debian packages them, each with the PostgreSQL that it is run on.

Invariant: what is obtained is not configured. A distribution knows how to call its programs; ports, roles, data and
the shape of a host are said by who starts them.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.hosts import debian
from tests.hosts.cache import cached
from tests.hosts.debian import OdooUnavailable
from tests.hosts.surroundings import Surroundings

_REQUIREMENTS_19 = Path(__file__).with_name("requirements-odoo-19.txt")
_SCRIPTS_19 = ("libjs-jquery", "libjs-jquery-form", "libjs-underscore")
"""What Debian has taken out of Odoo and linked to instead: without these it renders no page."""
_OLD_SUITE = "bullseye"
_SERVICES = {"nginx": "nginx-light", "initdb": "postgresql"}

_CHEAP_PASSWORDS = Path(__file__).with_name("cheap_passwords")


@dataclass(frozen=True)
class Distribution:
    """One version of Odoo, ready to be started."""

    version: str
    surroundings: Surroundings
    odoo: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    gevent_port_option: str = "gevent_port"


def obtain(version: str) -> Distribution:
    """The distribution of "19" or "14", from the cache or from Debian; raises OdooUnavailable without Debian."""
    if os.geteuid() != 0:
        raise OdooUnavailable("only root can install packages, run PostgreSQL as its own user and enter a chroot")
    recipes: Mapping[str, Callable[[], Distribution]] = {"19": _obtain_19, "14": _obtain_14}
    return recipes[version]()


def with_cheap_passwords(distribution: Distribution) -> Distribution:
    """Have 19 hash passwords in few rounds (`cheap_passwords/sitecustomize.py`); 14 never took many."""
    if distribution.version != "19":
        return distribution
    path = f"{_CHEAP_PASSWORDS}:{distribution.environment['PYTHONPATH']}"
    return replace(distribution, environment={**distribution.environment, "PYTHONPATH": path})


def _obtain_19() -> Distribution:
    """Odoo 19 is pure Python: the unpacked packages run on a virtual environment with what it imports."""
    debian.require_programs(_SERVICES)
    requirements = hashlib.sha256(_REQUIREMENTS_19.read_bytes() + sys.version.encode() + sys.base_prefix.encode())
    package = cached("odoo-19-with-scripts", lambda into: debian.unpack_package("odoo-19", "sid", into, *_SCRIPTS_19))
    venv = cached(f"odoo-19-python-{requirements.hexdigest()[:12]}", _build_venv)
    # Of the environment only python itself is called: its other programs name the directory where they were built.
    return Distribution(
        version="19",
        surroundings=Surroundings(),
        odoo=(str(venv / "bin" / "python"), str(package / "usr" / "bin" / "odoo")),
        environment={"PYTHONPATH": str(package / "usr" / "lib" / "python3" / "dist-packages")},
    )


def _build_venv(into: Path) -> None:
    debian.run([sys.executable, "-m", "venv", into])
    python = into / "bin" / "python"
    debian.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", _REQUIREMENTS_19])


def _obtain_14() -> Distribution:
    """Odoo 14 needs a Python of its time, so it runs in a chroot with the whole suite that shipped it."""
    debian.require_programs({**_SERVICES, "debootstrap": "debootstrap"})
    root = cached(f"odoo-14-{_OLD_SUITE}", _build_chroot)
    return Distribution(
        version="14", surroundings=Surroundings(root), odoo=("/usr/bin/odoo",), gevent_port_option="longpolling_port"
    )


def _build_chroot(into: Path) -> None:
    debian.fetch(["debootstrap", "--variant=minbase", _OLD_SUITE, into, debian.mirror()])
    (into / "etc" / "resolv.conf").write_bytes(Path("/etc/resolv.conf").read_bytes())
    no_services = into / "usr" / "sbin" / "policy-rc.d"
    no_services.write_text("#!/bin/sh\nexit 101\n")
    no_services.chmod(0o755)
    clusters = into / "etc" / "postgresql-common" / "createcluster.conf"
    clusters.parent.mkdir(parents=True)
    clusters.write_text("create_main_cluster = false\n")
    inside = Surroundings(into)
    for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", "odoo-14", "postgresql"]):
        debian.fetch(inside.command(["apt-get", *words], into / "srv"))
    debian.run(inside.command(["apt-get", "clean"], into / "srv"))
