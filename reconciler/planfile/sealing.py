"""The seal of a document that is kept outside of us: whoever has not the fleet's key cannot change it unnoticed.

HMAC-SHA-256 under a key that is derived from the fleet's own (HKDF, a salt that no password uses), over one canonical way to
write the document's content: spaces, order and escapes of a file are nobody's concern.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

from reconciler.fleet.secrets import hkdf

_SALT = b"odoo-fleet/seal/1"
_KEY_BYTES = 32
_NAME_BYTES = 4


def seal_key(key: bytes, purpose: str) -> bytes:
    """Derive a sealing key.

    Args:
        key: the fleet's key.
        purpose: what is sealed and for whom; two purposes never share a key.
    """
    return hkdf(key, salt=_SALT, info=b"key/" + purpose.encode(), length=_KEY_BYTES)


def key_name(sealing: bytes) -> str:
    """Name a sealing key, so that another key is told from an edit. Nothing follows from it about the key."""
    return hkdf(sealing, salt=_SALT, info=b"name", length=_NAME_BYTES).hex()


def seal(content: Mapping[str, Any], sealing: bytes) -> str:
    """Return the seal of a document made of JSON's plain types, as hexadecimal digits."""
    return hmac.digest(sealing, _canonical(content), "sha256").hex()


def fits(content: Mapping[str, Any], sealing: bytes, given: str) -> bool:
    """Tell whether a seal is that of a document."""
    return hmac.compare_digest(seal(content, sealing).encode(), given.encode(errors="surrogatepass"))


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
