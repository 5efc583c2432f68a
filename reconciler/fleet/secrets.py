"""Derived secrets: one key gives every database its own password, and any machine with the key computes the same one.

HKDF (RFC 5869) with SHA-256 over the place that a secret is for. Nothing here is random or stored; changing any
constant below changes every derived password of every fleet, so none may ever change.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from reconciler.fleet.diagnostics import Range
from schemas.secrets import Secret

MIN_KEY_BYTES = 32

MIN_PASSWORD_LENGTH = 8
FIRST_TRIED = frozenset({"admin", "demo", "portal", "odoo", "password"})
"""Odoo's own first passwords, and what is tried first at any login page on the internet."""

# Fields whose secret opens a database to whoever finds it out, as `SecretResolver.resolve` names them.
PASSWORD_FIELDS = frozenset({"admin_password", "owner.initial_password"})

# 32 characters, five bits each, none of which is taken for another (Crockford's, in lowercase): 32 of them hold 160
# bits.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_BITS_EACH = 5
_PASSWORD_BYTES = 20
_SALT = b"odoo-fleet/1"
_BYTE_ORDER_MARK = "\ufeff"
_HEX = frozenset("0123456789abcdefABCDEF")


class WeakKey(ValueError):
    """The text given as a key is shorter than 32 bytes."""


class SecretUnavailable(Exception):
    """A reference leads to no value. It names the reference and where it stands, never a value.

    Args:
        place: where the reference stands in the text.
        reference: the reference, as written.
        owner: what the secret is for, `KIND/CODE FIELD`.
        reason: why there is no value.
    """

    what = "is not available"

    def __init__(self, place: Range, reference: str, owner: str, reason: str) -> None:
        super().__init__(f"{place}: the secret {reference} for {owner} {self.what}: {reason}")
        self.place = place
        self.reference = reference
        self.owner = owner
        self.reason = reason


class WeakSecret(SecretUnavailable):
    """A reference leads to a password that would be guessed. What is said of it does not tell it either."""

    what = "is refused"


def weakness(password: Secret, login: str) -> str:
    """Say why a password may not open a database; empty if it may.

    Args:
        password: the value.
        login: of the account that it is for.
    """
    value = password.reveal()
    plain = value.strip().casefold()
    if plain in FIRST_TRIED or plain == login.strip().casefold():
        return "it is one of those that anybody tries first"
    if len(value) < MIN_PASSWORD_LENGTH:
        return f"it is shorter than {MIN_PASSWORD_LENGTH} characters"
    return ""


def as_meant(written: str) -> str:
    """Return a secret without what programs put around it: a byte order mark before it, one line break at its end."""
    return written.removeprefix(_BYTE_ORDER_MARK).removesuffix("\n").removesuffix("\r")


def oddity(secret: Secret) -> str:
    """Say what about a secret was hardly meant, in words that do not tell it; empty if there is nothing."""
    value = secret.reveal()
    if value != value.strip():
        return "it begins or ends with a space or a line break, which is taken for part of it"
    if not value.isprintable():
        return "it holds a character that cannot be typed, such as a line break or a tab"
    return ""


def derive(key: bytes, kind: str, code: str, field: str, generation: int) -> Secret:
    """Return the password for a field of a document: `field` is dotted, as in `owner.initial_password`."""
    # No part can hold a slash, so that two different places never give one text.
    place = f"{kind}/{code}/{field}/{generation}"
    return Secret(_spell(hkdf(key, salt=_SALT, info=place.encode(), length=_PASSWORD_BYTES)))


def hkdf(key: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    """Extract and expand (RFC 5869, sections 2.2 and 2.3) with SHA-256."""
    size = hashlib.sha256().digest_size
    if length > 255 * size:
        raise ValueError("HKDF gives at most 255 blocks")
    extracted = hmac.digest(salt or bytes(size), key, "sha256")
    expanded, block = b"", b""
    for counter in range(1, -(-length // size) + 1):
        block = hmac.digest(extracted, block + info + bytes([counter]), "sha256")
        expanded += block
    return expanded[:length]


def _spell(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    characters = []
    for _ in range(len(data) * 8 // _BITS_EACH):
        number, index = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[index])
    return "".join(reversed(characters))


def parse_key(text: str) -> bytes:
    """Return the bytes of a key as it is written in a variable or a file.

    Space around it is dropped. An even number of 64 or more hexadecimal digits is read as hexadecimal; text that is
    base64 (either alphabet, padded or not) of 32 bytes or more as base64; anything else of 32 bytes or more stands for
    itself.

    Raises:
        WeakKey: it is shorter.
    """
    written = text.strip()
    if len(written) >= 2 * MIN_KEY_BYTES and len(written) % 2 == 0 and set(written) <= _HEX:
        return bytes.fromhex(written)
    decoded = _from_base64(written)
    if len(decoded) >= MIN_KEY_BYTES:
        return decoded
    if len(written.encode()) >= MIN_KEY_BYTES:
        return written.encode()
    raise WeakKey(f"the key is shorter than {MIN_KEY_BYTES} bytes")


def _from_base64(written: str) -> bytes:
    plain = written.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def new_key(random: bytes) -> Secret:
    """Write 32 or more random bytes as a key (base64)."""
    if len(random) < MIN_KEY_BYTES:
        raise WeakKey(f"a key is made of at least {MIN_KEY_BYTES} random bytes")
    return Secret(base64.b64encode(random).decode())
