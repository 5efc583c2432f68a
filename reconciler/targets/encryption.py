"""Backups that only their owner can read: `age`, by `pyrage`, in parts of bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import pyrage

from reconciler.core.model.failures import StorageFailure
from schemas.secrets import Secret


def encrypt(content: BinaryIO, into: BinaryIO, recipients: Sequence[str]) -> None:
    """Encrypt a file so that each of the recipients' keys opens it.

    Raises:
        StorageFailure: a recipient is none.
    """
    try:
        keys = [pyrage.x25519.Recipient.from_str(each) for each in recipients]
    except pyrage.RecipientError:
        raise StorageFailure("`encrypt_to` names a public key that age does not take") from None
    pyrage.encrypt_io(content, into, keys)


def decrypt(content: BinaryIO, into: BinaryIO, identity: Secret) -> None:
    """Decrypt a file.

    Args:
        content: what was encrypted.
        into: where it goes.
        identity: a file of private keys as `age-keygen` writes it, or one such key.

    Raises:
        StorageFailure: no key opens it, or it was changed.
    """
    lines = [line.strip() for line in identity.reveal().splitlines()]
    try:
        keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
        pyrage.decrypt_io(content, into, keys)
    except pyrage.IdentityError:
        raise StorageFailure("`decrypt_with` holds no private key of age") from None
    except pyrage.DecryptError:
        raise StorageFailure("the backup cannot be decrypted: it is for another key, or was changed") from None
