"""What git servers call after a push: believed with the secret alone, and then the branch is fetched."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import pytest

from reconciler.web.app import make_app
from reconciler.web.attempts import MOST_FAILURES, Attempts
from reconciler.web.webhooks import APART_SECONDS, MOST_BYTES, Webhooks
from schemas.secrets import Secret
from tests.harness.virtual_time import run
from tests.web.site import Told

SECRET = "the-webhook-secret"
OURS = Secret(SECRET)
PUSH = {"ref": "refs/heads/main", "after": "0" * 40, "repository": {"full_name": "ops/fleet"}}


def signed(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers_of(kind: str, body: bytes, secret: str = SECRET, event: str = "push") -> dict[str, str]:
    """What each git server sends, by its documentation."""
    match kind:
        case "github":
            return {"X-GitHub-Event": event, "X-Hub-Signature-256": f"sha256={signed(body, secret)}"}
        case "gitlab":
            return {"X-Gitlab-Event": "Push Hook" if event == "push" else event, "X-Gitlab-Token": secret}
        case _:
            return {"X-Gitea-Event": event, "X-Gitea-Signature": signed(body, secret)}


KINDS = pytest.mark.parametrize("kind", ["github", "gitlab", "gitea"])


@dataclass
class Hooked:
    """The pages of a daemon that follows `main`."""

    client: httpx.AsyncClient
    fetches: list[float] = field(default_factory=list)
    limited: list[str] = field(default_factory=list)

    async def call(self, kind: str, body: bytes | None = None, **how: str) -> httpx.Response:
        sent = json.dumps(PUSH).encode() if body is None else body
        return await self.client.post(f"/webhooks/{kind}", content=sent, headers=headers_of(kind, sent, **how))


def hooked(story: Callable[[Hooked], Awaitable[None]], secret: Secret | None = OURS) -> None:
    async def main() -> None:
        loop, told = asyncio.get_running_loop(), []
        fetches: list[float] = []
        attempts = Attempts(lambda address, _number: told.append(address), "secrets")
        hooks = Webhooks(lambda: secret, "main", lambda: fetches.append(loop.time()), attempts)
        transport = httpx.ASGITransport(make_app(Told(), hooks.routes()), client=("192.0.2.7", 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://daemon") as client:
            await story(Hooked(client, fetches, told))

    run(main())


@KINDS
def test_a_push_to_the_branch_fetches_at_once(kind: str) -> None:
    async def story(site: Hooked) -> None:
        answer = await site.call(kind)
        assert (answer.status_code, answer.text, len(site.fetches)) == (202, "the branch is fetched now\n", 1)

    hooked(story)


@KINDS
def test_a_push_elsewhere_and_other_events_fetch_nothing(kind: str) -> None:
    async def story(site: Hooked) -> None:
        for ref in ("refs/heads/mainly", "refs/heads/next", "refs/tags/main", "main", 7, None):
            answer = await site.call(kind, json.dumps({**PUSH, "ref": ref}).encode())
            assert answer.status_code == 200
        assert (await site.call(kind, event="ping")).status_code == 200
        assert site.fetches == []

    hooked(story)


@KINDS
def test_a_call_without_the_secret_is_refused_and_its_body_is_not_looked_at(kind: str) -> None:
    async def story(site: Hooked) -> None:
        body = json.dumps(PUSH).encode()
        right = headers_of(kind, body)
        (proof,) = [name for name in right if "Event" not in name]
        wrong = [
            headers_of(kind, body, secret="another"),
            {**right, proof: ""},
            {**right, proof: right[proof][:-1]},
            {**right, proof: right[proof].upper()},
            {name: value for name, value in right.items() if name != proof},
        ]
        for headers in wrong:
            answer = await site.client.post(f"/webhooks/{kind}", content=body, headers=headers)
            assert (answer.status_code, SECRET in answer.text) == (401, False)
        tampered = await site.client.post(f"/webhooks/{kind}", content=b"{" + body, headers=right)
        assert tampered.status_code == (400 if kind == "gitlab" else 401)
        assert site.fetches == []

    hooked(story)


def test_wrong_secrets_are_limited_by_their_address_and_told_once() -> None:
    async def story(site: Hooked) -> None:
        for _ in range(MOST_FAILURES):
            assert (await site.call("gitlab", secret="wrong")).status_code == 401
        answer = await site.call("gitlab")
        assert (answer.status_code, site.limited, site.fetches) == (429, ["192.0.2.7"], [])
        assert int(answer.headers["retry-after"]) > 0
        await asyncio.sleep(60)
        assert (await site.call("gitlab")).status_code == 202

    hooked(story)


def test_many_calls_make_few_fetches_and_the_last_is_not_lost() -> None:
    async def story(site: Hooked) -> None:
        for _ in range(50):
            assert (await site.call("github")).status_code == 202
        await asyncio.sleep(60)
        first, second = site.fetches
        assert second - first == pytest.approx(APART_SECONDS)

    hooked(story)


def test_what_is_too_long_or_no_push_is_refused() -> None:
    async def story(site: Hooked) -> None:
        assert (await site.call("github", b"x" * (MOST_BYTES + 1))).status_code == 413
        for body in (b"", b"payload=%7B%7D", b"[]", b"\xff", b"7", b"[" * 100_000):
            assert (await site.call("github", body)).status_code == 400
        assert (await site.client.get("/webhooks/github")).status_code == 405
        assert site.fetches == []

    hooked(story)


def test_without_its_secret_it_says_so_and_believes_nobody() -> None:
    async def story(site: Hooked) -> None:
        for kind, secret in (("gitlab", ""), ("github", ""), ("gitea", SECRET)):
            assert (await site.call(kind, secret=secret)).status_code == 503
        assert site.fetches == []

    hooked(story, secret=None)
