"""What a provider says of somebody, once it is proven: signed by its key, for us, for this log-in, and now. Pure.

Invariant: only signatures that need the provider's private key count. `none` proves nothing, and with HMAC whoever knows the
public key, or our secret, could sign.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from reconciler.access.roles import Role
from reconciler.reports.escapes import visible

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
SKEW_SECONDS = 60
"""By how much the provider's clock and ours may differ."""

_KEYS: Mapping[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_LONGEST_NAME = 80
Claims = Mapping[str, Any]


class NotProven(Exception):
    """What came proves nothing; the message says what is wrong with it."""


class UnknownKey(NotProven):
    """It is signed by a key that is not known: the provider may have new ones."""


def read_keys(published: Any) -> KeySet:
    """Return the keys that a provider publishes: those that can prove something.

    Raises:
        NotProven: there are none.
    """
    given = published.get("keys") if isinstance(published, dict) else None
    keys = [key for each in given or () if isinstance(each, dict) and (key := _key(each)) is not None]
    if not keys:
        raise NotProven("it publishes no key that could be used")
    return KeySet(keys)


def _key(given: dict[str, Any]) -> Key | None:
    kind = _KEYS.get(str(given.get("kty")))
    if kind is None or given.get("use", "sig") != "sig":
        return None
    try:
        return kind.import_key(given)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def proven(text: str, keys: KeySet, *, issuer: str, client: str, nonce: str, now: datetime) -> Claims:
    """Return what an ID token says, if it proves it.

    Args:
        text: the token.
        keys: the provider's.
        issuer: the provider.
        client: our id there.
        nonce: of this log-in.
        now: the time of day.

    Raises:
        UnknownKey: none of these keys signed it, by its name.
        NotProven: it proves nothing.
    """
    try:
        claims = jwt.decode(
            text, keys, registry=JWSRegistry(algorithms=[*ALGORITHMS], strict_check_header=False)
        ).claims
        jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=SKEW_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": client},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True},
        ).validate(claims)
    except InvalidKeyIdError:
        raise UnknownKey("its ID token is signed by a key that it does not publish") from None
    except (JoseError, ValueError, TypeError) as error:
        raise NotProven(f"its ID token proves nothing: {_told(error)}") from None
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise NotProven("its ID token is of another log-in")
    if claims.get("azp", client) != client or (
        isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims
    ):
        raise NotProven("its ID token was made for another client")
    return claims


def _told(error: Exception) -> str:
    """Say what is wrong, without anything of the token."""
    return str(getattr(error, "error", "") or type(error).__name__)


def role_of(claims: Claims, claim: str, roles: Mapping[str, Role]) -> Role | None:
    """Return the highest role that a person's groups have; None if they have none.

    Args:
        claims: what the provider says of them.
        claim: which claim names groups; `realm_access.roles` is `roles` within `realm_access`.
        roles: of groups.
    """
    found = [roles[each] for each in groups_of(claims, claim) if each in roles]
    return max(found, key=tuple(Role).index) if found else None


def groups_of(claims: Claims, claim: str) -> Iterable[str]:
    """Return the groups that a claim names."""
    value: Any = claims.get(claim)
    if value is None and "." in claim:
        value = claims
        for part in claim.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    return (
        [value]
        if isinstance(value, str)
        else [e for e in value if isinstance(e, str)]
        if isinstance(value, list)
        else []
    )


def name_of(claims: Claims) -> str:
    """Return what somebody is called in the history: one line of text, however their provider writes it."""
    given = (claims.get(name) for name in ("name", "preferred_username", "email", "sub"))
    name = next((each for each in given if isinstance(each, str) and each.strip()), "somebody")
    return visible(" ".join(name.split()))[:_LONGEST_NAME]
