"""What differs between the versions of Odoo, 14 to 20, for a tool that manages databases: all of it, and only here.

Pure. Each fact names where it was read or measured. A version is (major, minor); `saas~18.2` is 18.2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.odoo.protocol import Door

_TEXT = re.compile(r"(?:saas[~-])?(\d{1,3})(?:\.(\d{1,3}))?(?!\d)")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """An Odoo series."""

    major: int
    minor: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """Read `19`, `19.0`, `19.0-20260201`, `19.0+e`, `saas~18.2`, `19.1a1`; None for anything else."""
        match = _TEXT.match(text.strip())
        return cls(int(match[1]), int(match[2] or 0)) if match else None

    @classmethod
    def from_version_info(cls, info: Sequence[object]) -> Version | None:
        """Read `server_version_info`: `[19, 0, 0, "final", 0, ""]`, or `["saas~18", 2, 0, "final", 0, ""]`."""
        return cls.parse(".".join(str(part) for part in info[:2]))


@dataclass(frozen=True, slots=True)
class HostVersion:
    """What a host says of itself: its series, and the whole text with the build."""

    series: Version
    text: str


def door(version: Version | None) -> Door:
    """Choose the way in that tells failures apart.

    14 answers every failure on /jsonrpc with a nameless page of HTML (measured; `_dispatch_nodb` in http.py), and a failing
    execute_kw there writes its password into the host's log. 15 has the same http.py architecture, which 16 replaced. So up
    to 15, and while the version is not known, XML-RPC; from 16 on JSON-RPC, whose errors have the exact class.
    """
    return Door.JSON if version is not None and version >= Version(16) else Door.XML


def has_database_service(version: Version) -> bool:
    """Tell whether `db.*` exists: list, create, duplicate, rename, drop. Removed in 19.1 (PR 238399)."""
    return version < Version(19, 1)


def neutralizes(version: Version) -> bool:
    """Tell whether clones and restores can be neutralized. Some late 16.0 builds do; of clones a TypeError on the others."""
    return version >= Version(17)


def has_login_cooldown_on_rpc(version: Version) -> bool:
    """Tell whether ten wrong logins make the right one answer False for a minute, over RPC too (14 measured, 15 unread)."""
    return version < Version(16)


def logs_refused_passwords(version: Version) -> bool:
    """Tell whether a refused `execute_kw` may leave its password in the host's log, so that `common.login` has to go first.

    14 does by /jsonrpc (measured); by /xmlrpc, which is taken up to 15, it does not. There a login costs little.
    """
    return version < Version(16)


def keeps_former_passwords_cached(version: Version) -> bool:
    """Tell whether a worker may take a changed password once more (up to 18: cache read before the signal is checked)."""
    return version < Version(19)


def hides_field_pictures(version: Version) -> bool:
    """Tell whether no search of attachments gives what fields of records hold (14 measured; 15 is taken to be alike)."""
    return version < Version(16)


def tells_workers_of_modules(version: Version) -> bool:
    """Tell whether an install tells the other workers of its new models before it answers.

    19 does (orm/registry.py). On 14 the installing worker does so when it answers its next call, whenever that is (measured);
    those between are taken to be alike.
    """
    return version >= Version(19)


def has_module_state_reset(version: Version) -> bool:
    """Tell whether `ir.module.module.button_reset_state` exists; before 19, `button_install_cancel` and its like."""
    return version >= Version(19)


def groups_field(version: Version) -> str:
    """Name the field with the groups, of `res.users` and of server actions alike."""
    return "group_ids" if version >= Version(19) else "groups_id"


def language_field(version: Version) -> str:
    """Name the field of `base.language.install` with the language: one code up to 15, records from 16 on."""
    return "lang_ids" if version >= Version(16) else "lang"
