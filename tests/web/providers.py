"""An OpenID Connect provider in memory, behind the port by which one is asked. It can lie in every way that a test needs."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

from reconciler.access.roles import Role
from reconciler.oidc.provider import Heard, Provider, ProviderFailed
from reconciler.web.page.provider_login import ProviderLogin
from schemas.secrets import Secret

ISSUER = "https://id.example/realm"
CLIENT, SECRET = "odoo fleet", "a secret: with/signs"
ROLES = {"fleet-readers": Role.USER, "fleet-managers": Role.MANAGER, "fleet-admins": Role.ADMIN}
RSA, OTHER_RSA, EC = (
    RSAKey.generate_key(2048, {"kid": "first"}),
    RSAKey.generate_key(2048, {"kid": "second"}),
    ECKey.generate_key("P-256", {"kid": "third"}),
)


@dataclass
class InMemory:
    """A provider.

    Args:
        now: its clock.
        groups: of whoever logs in.
    """

    now: Callable[[], datetime]
    groups: Any = ("fleet-managers",)
    key: Key = field(default_factory=lambda: RSA)
    published: list[Key] = field(default_factory=lambda: [RSA])
    algorithm: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    away: bool = False
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def login(self, claim: str = "groups") -> ProviderLogin:
        provider = Provider(ISSUER, CLIENT, lambda: Secret(SECRET), ("profile",), claim, self.now, self)
        return ProviderLogin(provider, ROLES, self.told.append)

    def log_in(self, location: str) -> dict[str, str]:
        """Have somebody log in where they were sent to, and return what they are sent back with."""
        place = urlsplit(location)
        assert f"{place.scheme}://{place.netloc}{place.path}" == f"{ISSUER}/authorize"
        query = {name: values[0] for name, values in parse_qs(place.query, strict_parsing=True).items()}
        assert (query["response_type"], query["client_id"], query["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert query["scope"].split() == ["openid", "profile"]
        code = secrets.token_urlsafe()
        self._codes[code] = query
        return {"code": code, "state": query["state"], "iss": ISSUER}

    async def __call__(self, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> Heard:
        self.asked.append(url.removeprefix(ISSUER))
        if self.away:
            raise ProviderFailed(f"{url} does not answer: connection refused")
        match url.removeprefix(ISSUER):
            case "/.well-known/openid-configuration":
                places = {
                    "authorization_endpoint": "authorize",
                    "token_endpoint": "token",
                    "jwks_uri": "keys",
                    "userinfo_endpoint": "me",
                }
                return Heard(
                    200, {"issuer": ISSUER, **{k: f"{ISSUER}/{v}" for k, v in places.items()}, **self.metadata}
                )
            case "/keys":
                return Heard(
                    200, {"keys": [{"kty": "lattice"}, *(key.as_dict(private=False) for key in self.published)]}
                )
            case "/me":
                return Heard(200, {"sub": "anna-1", **self.userinfo})
            case "/token":
                assert form is not None
                return self._token(form, headers)
        return Heard(404, {})

    def _token(self, form: Mapping[str, str], headers: Mapping[str, str]) -> Heard:
        basic = base64.b64encode(b"odoo%20fleet:a%20secret%3A%20with%2Fsigns").decode()
        proof = headers.get("Authorization") == f"Basic {basic}" or form.get("client_secret") == SECRET
        query = self._codes.pop(form["code"], None)
        if query is None or not proof or form["redirect_uri"] != query["redirect_uri"]:
            return Heard(400, {"error": "invalid_grant"})
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        )
        assert challenge == query["code_challenge"]
        now = int(self.now().timestamp())
        claims = {"iss": ISSUER, "aud": CLIENT, "sub": "anna-1", "name": "Anna Müller", "iat": now, "exp": now + 300}
        claims |= {"nonce": query["nonce"]} | ({"groups": [*self.groups]} if self.groups else {}) | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        return Heard(
            200, {"id_token": (self.sign or self.signed)(claims), "access_token": "for-me", "token_type": "Bearer"}
        )

    def signed(self, claims: dict[str, Any]) -> str:
        """Sign as it should be."""
        return jwt.encode({"alg": self.algorithm, "kid": self.key.kid}, claims, self.key, [self.algorithm])
