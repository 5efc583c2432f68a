"""A log-in with an OpenID Connect provider: authorization code with PKCE, state and nonce. HTTP comes by a port.

What it publishes of itself is kept for an hour, and its keys until a token names one that is not among them.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from joserfc.jwk import KeySet

from reconciler.oidc.id_tokens import Claims, NotProven, UnknownKey, groups_of, proven, read_keys
from schemas.secrets import Secret

_KEPT = timedelta(hours=1)
_KEYS_ASKED_AGAIN = timedelta(seconds=10)
"""Keys are not asked for more often, whatever keys tokens name."""

_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")


class ProviderFailed(Exception):
    """The provider does not answer, or not as one does; the message says how."""


class Refuses(Exception):
    """The provider lets somebody not in; the message says why."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer: its status, and what its JSON says."""

    status: int
    said: Mapping[str, Any]


class Fetch(Protocol):
    """Sends one request: GET, or POST with a form; raises `ProviderFailed` where there is no JSON in time."""

    async def __call__(self, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> Heard:
        """See above."""
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One log-in that began. Who knows it all could end it; only the browser that began it does."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    leads_back: str

    @classmethod
    def begin(cls, leads_back: str) -> Attempt:
        """Begin one.

        Args:
            leads_back: the address to which the provider sends the browser back.
        """
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), leads_back)


@dataclass
class Provider:
    """One provider.

    Args:
        issuer: its address, as it names itself.
        client: our id there.
        secret: proves who we are; None for a client without one.
        scopes: what is asked for beside `openid`.
        claim: which claim names a person's groups; where the ID token has none of it, the provider is asked for it.
        now: the time of day.
        fetch: sends requests.
    """

    issuer: str
    client: str
    secret: Callable[[], Secret] | None
    scopes: tuple[str, ...]
    claim: str
    now: Callable[[], datetime]
    fetch: Fetch
    _published: tuple[datetime, Mapping[str, Any]] | None = field(default=None, repr=False)
    _keys: tuple[datetime, KeySet] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What it is called for people: its host."""
        return urlsplit(self.issuer).netloc

    async def address(self, attempt: Attempt) -> str:
        """Return where a browser goes to log in.

        Raises:
            ProviderFailed: it does not say.
        """
        published = await self._metadata()
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": attempt.leads_back,
            "scope": " ".join(dict.fromkeys(("openid", *self.scopes))),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        place = published["authorization_endpoint"]
        return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"

    async def claims(self, attempt: Attempt, code: str) -> Claims:
        """Exchange a code, and return what is proven of whoever brought it.

        Raises:
            ProviderFailed: the provider does not answer as one does.
            Refuses: it takes no such code.
            NotProven: what it gives proves nothing.
        """
        published = await self._metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.leads_back,
            "code_verifier": attempt.verifier,
        }
        headers = self._proof_of_us(published, form)
        heard = await self.fetch(published["token_endpoint"], form, headers)
        if heard.status != 200 or not isinstance(text := heard.said.get("id_token"), str):  # noqa: PLR2004 -- success
            why = heard.said.get("error")
            raise Refuses(f"it does not take the code ({why if isinstance(why, str) else heard.status})")
        claims = await self._proven(text, attempt)
        return await self._with_groups(claims, heard.said.get("access_token"), published)

    def _proof_of_us(self, published: Mapping[str, Any], form: dict[str, str]) -> dict[str, str]:
        if self.secret is None:
            form["client_id"] = self.client
            return {}
        value = self.secret().reveal()
        ways = published.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" not in ways and "client_secret_post" in ways:
            form |= {"client_id": self.client, "client_secret": value}
            return {}
        pair = f"{quote(self.client, safe='')}:{quote(value, safe='')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    async def _proven(self, text: str, attempt: Attempt) -> Claims:
        def check(keys: KeySet) -> Claims:
            given = {"issuer": self.issuer, "client": self.client, "nonce": attempt.nonce, "now": self.now()}
            return proven(text, keys, **given)  # type: ignore[arg-type]

        at, keys = await self._known_keys(_KEPT)
        try:
            return check(keys)
        except UnknownKey:
            if self.now() - at < _KEYS_ASKED_AGAIN:
                raise
        return check((await self._known_keys(_KEYS_ASKED_AGAIN))[1])

    async def _with_groups(self, claims: Claims, access: Any, published: Mapping[str, Any]) -> Claims:
        """Ask for the groups of somebody whose ID token names none: some providers name them nowhere else."""
        place = published.get("userinfo_endpoint")
        if groups_of(claims, self.claim) or not place or not isinstance(access, str):
            return claims
        heard = await self.fetch(place, None, {"Authorization": f"Bearer {access}"})
        if heard.status != 200 or heard.said.get("sub") != claims["sub"]:  # noqa: PLR2004 -- success
            return claims
        return {**heard.said, **claims}

    async def _known_keys(self, most: timedelta) -> tuple[datetime, KeySet]:
        now = self.now()
        if self._keys is None or now - self._keys[0] >= most:
            published = await self._metadata()
            heard = await self.fetch(published["jwks_uri"], None, {})
            self._keys = now, read_keys(heard.said)
        return self._keys

    async def _metadata(self) -> Mapping[str, Any]:
        now = self.now()
        if self._published is None or now - self._published[0] >= _KEPT:
            place = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            heard = await self.fetch(place, None, {})
            self._published = now, self._checked(heard, place)
        return self._published[1]

    def _checked(self, heard: Heard, place: str) -> Mapping[str, Any]:
        if heard.status != 200:  # noqa: PLR2004 -- success
            raise ProviderFailed(f"{place} answers {heard.status}")
        if heard.said.get("issuer") != self.issuer:
            raise ProviderFailed(f"{place} is of another issuer than {self.issuer}: write it as the provider does")
        for name in _ENDPOINTS:
            value = heard.said.get(name)
            if value is None and name == "userinfo_endpoint":
                continue
            if not isinstance(value, str) or not is_safe(value):
                raise ProviderFailed(f"{place} names no {name} by https")
        return heard.said


def is_safe(url: str) -> bool:
    """Tell whether nobody between can read or change what is sent there: https, or this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no address
        return False
    is_here = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_here))


__all__ = ["Attempt", "Claims", "Fetch", "Heard", "NotProven", "Provider", "ProviderFailed", "Refuses", "is_safe"]
