"""Opens the targets that a fleet declares. Each is loaded when it is first used: most runs need none, and libraries are large."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from reconciler.core.model.failures import StorageFailure
from schemas.backups import BackupTarget
from schemas.references import KeyReference
from schemas.secrets import Secret

if TYPE_CHECKING:
    from reconciler.targets.buckets import Bucket
    from reconciler.targets.directories import Directory
    from reconciler.targets.folders import Folder

Resolve = Callable[[KeyReference, str], Secret]
"""Gives the value of a reference that stands in a field."""

_SSH = 22


def open_target(name: str, declared: BackupTarget, root: Path, resolve: Resolve) -> Directory | Bucket | Folder:
    """Open a target.

    Args:
        name: what the fleet calls it.
        declared: what it says of it.
        root: the fleet's directory.
        resolve: gives the values of its secrets.

    Raises:
        StorageFailure: it cannot be used as it is declared, or on this machine.
        SecretUnavailable: one of its secrets is not to be had.
    """
    parts = urlsplit(declared.url)

    def secret(field: str) -> Secret | None:
        reference = getattr(declared, field)
        return None if reference is None else resolve(reference, field)

    try:
        if parts.scheme == "file":
            from reconciler.targets.directories import Directory  # noqa: PLC0415 -- see above

            return Directory(name, Path(unquote(parts.path)))
        if parts.scheme == "s3":
            from reconciler.targets.buckets import Bucket, Credentials  # noqa: PLC0415 -- see above

            key_id, value = secret("key_id"), secret("secret")
            credentials = Credentials(key_id, value) if key_id and value else None
            bucket, prefix = parts.netloc, parts.path.strip("/")
            endpoint, region = declared.endpoint or "", declared.region
            return Bucket(name, bucket, prefix, endpoint=endpoint, region=region, credentials=credentials)
        from reconciler.targets.folders import Folder, Login  # noqa: PLC0415 -- see above
    except ImportError as missing:
        raise _lacking(name, missing) from None
    if declared.known_hosts is None:
        what = f"backup target {name!r} has no `known_hosts`: whoever answers could be anybody"
        raise StorageFailure(what, advice=f"`ssh-keyscan {parts.hostname}` prints what belongs into that file")
    login = Login(
        parts.hostname or "",
        parts.port or _SSH,
        unquote(parts.username or ""),
        root / declared.known_hosts,
        secret("key"),
        secret("secret"),
    )
    return Folder(name, unquote(parts.path), login)


def encryption(name: str) -> ModuleType:
    """Return what encrypts and decrypts for a target; raises `StorageFailure` where this machine lacks it."""
    try:
        from reconciler.targets import encryption  # noqa: PLC0415 -- see above
    except ImportError as missing:
        raise _lacking(name, missing) from None
    return encryption


def _lacking(name: str, missing: ImportError) -> StorageFailure:
    what = f"backup target {name!r} needs the Python package {missing.name}"
    return StorageFailure(what, advice="pip install 'odoo-fleet[backups]'")
