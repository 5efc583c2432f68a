"""What the API takes as an order and what it answers; what becomes of it is shown in `tests/daemon/test_orders.py`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.access.roles import Role
from reconciler.notices.notices import NoticeName
from reconciler.web.orders import Order, Wish
from reconciler.web.routes import MOST_BYTES
from tests.web.asked import TOKENS, Asked, asking

JSON = {"Content-Type": "application/json"}
NEW = {"company": "Zoé SA", "template": "template", "plan": "starter", "owner": {"name": "Zoé", "login": None}}


async def order(asked: Asked, method: str, path: str = "", who: Role = Role.MANAGER, **given: Any) -> Any:
    return await asked.ask(method, f"/api/v1/instances{path}", who, **given)


def test_each_order_is_handed_on_as_it_was_sent_and_answered_with_its_commit() -> None:
    async def story(asked: Asked) -> None:
        answer = await order(asked, "POST", json=NEW, headers={"Idempotency-Key": "order-12"})
        assert (answer.status_code, answer.json()["commit"], answer.json()["code"]) == (201, "c" * 40, "made-up")
        answer = await order(asked, "POST", json={**NEW, "kind": "instance", "code": "zoe", "lang": None})
        assert (answer.status_code, answer.json()["kind"], answer.json()["branch"]) == (201, "instance", "main")
        change = {"state": "suspended", "lang": None, "code": "acme"}
        assert (await order(asked, "PATCH", "/acme", json=change)).status_code == 200
        assert (await order(asked, "DELETE", "/acme", headers={"Idempotency-Key": "~"})).status_code == 200
        assert [each for each, _ in asked.placed] == [
            Order(Wish.CREATE, "", NEW, "order-12"),
            Order(Wish.CREATE, "zoe", {**NEW, "code": "zoe"}),
            Order(Wish.CHANGE, "acme", {"state": "suspended", "lang": None}),
            Order(Wish.END, "acme", {"state": "absent"}, "~"),
        ]
        assert {actor.token for _, actor in asked.placed} == {TOKENS[Role.MANAGER]}

    asking(story)


def test_what_was_ordered_is_told_with_who_and_from_where_and_the_text_is_read_at_once() -> None:
    async def story(asked: Asked) -> None:
        before = asked.stage.source.pokes
        await order(asked, "POST", json={**NEW, "code": "zoe"})
        await order(asked, "DELETE", "/acme")
        assert asked.stage.source.pokes == before + 2
        assert {"acme", "beta", "cafe"} <= set(asked.board.orders.taken())  # type: ignore[union-attr]

    stage = asking(story)
    details = [n.detail for n in stage.notices if n.name is NoticeName.ORDERED]
    who = f"the-manager ({TOKENS[Role.MANAGER].id}), manager, from 192.0.2.7"
    assert details == [
        f"instance/zoe was ordered by {who}: commit cccccccccccc on branch main",
        f"instance/acme was ended by {who}: commit cccccccccccc on branch main",
    ]


def test_a_daemon_that_takes_no_orders_says_what_to_do() -> None:
    async def story(asked: Asked) -> None:
        asked.board.orders = None
        for method, path in (("POST", ""), ("PATCH", "/acme"), ("DELETE", "/acme")):
            answer = await order(asked, method, path, content=b"{}", headers=JSON)
            assert (answer.status_code, "--git URL --orders commit" in answer.json()["detail"]) == (403, True)

    asking(story)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "", b"{", JSON, 400),
        ("POST", "", b'{"a": NaN}', JSON, 400),
        ("POST", "", b'{"a": Infinity}', JSON, 400),
        ("POST", "", b"\xff\xfe", JSON, 400),
        ("POST", "", b"[" * 60_000, JSON, 400),
        ("POST", "", b"[]", JSON, 422),
        ("POST", "", b'{"kind": "server"}', JSON, 422),
        ("POST", "", b'{"code": 7}', JSON, 422),
        ("POST", "", b'{"code": ["acme"]}', JSON, 422),
        ("PATCH", "/acme", b'{"code": "other"}', JSON, 422),
        ("PATCH", "/acme", b'{"kind": null}', JSON, 422),
        ("POST", "", b"{}", {"Content-Type": "text/yaml"}, 415),
        ("POST", "", b"company=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("POST", "", b" " * (MOST_BYTES + 1), JSON, 413),
        ("POST", "", json.dumps({"description": "x" * MOST_BYTES}).encode(), JSON, 413),
        ("POST", "", b"{}", {**JSON, "Idempotency-Key": ""}, 422),
        ("POST", "", b"{}", {**JSON, "Idempotency-Key": "two words"}, 422),
        ("POST", "", b"{}", {**JSON, "Idempotency-Key": "x" * 256}, 422),
        ("POST", "", b"{}", {**JSON, "Idempotency-Key": b"\xc3\xbc"}, 422),
        ("POST", "", b"{}", {**JSON, "Idempotency-Key": b"a\tOrder-Key: b"}, 422),
        ("DELETE", "/acme", b"", {"Idempotency-Key": "a b"}, 422),
        ("POST", "?dry=yes", b"{}", JSON, 422),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anybody_looks_at_the_text(
    method: str, path: str, body: bytes, headers: dict[str, Any], status: int
) -> None:
    async def story(asked: Asked) -> None:
        answer = await order(asked, method, path, content=body, headers=headers)
        assert answer.status_code == status, answer.text
        assert asked.placed == []

    asking(story)


@pytest.mark.parametrize("code", ["..%2f..%2fetc", "%2e%2e", "a%0d%0aSet-Cookie: x", "a%00", "-x", "ACME", "x" * 3000])
def test_a_code_in_the_address_is_a_name_and_never_a_path(code: str) -> None:
    async def story(asked: Asked) -> None:
        for method in ("PATCH", "DELETE"):
            answer = await asked.send(
                method, f"/api/v1/instances/{code}", headers={"Authorization": "Bearer x"}, content=b"{}"
            )
            assert answer.status_code in {401, 404}
            assert "set-cookie" not in answer.headers

    asking(story)


def test_the_description_has_each_field_of_an_instance() -> None:
    async def story(asked: Asked) -> None:
        described = await asked.get("openapi.json")
        fields = described["components"]["schemas"]["InstanceFields"]["properties"]
        assert {"code", "template", "plan", "company", "owner", "state"} <= set(fields)
        assert "kind" not in fields
        posted = described["paths"]["/api/v1/instances"]["post"]
        assert {"201", "409", "422"} <= set(posted["responses"])
        assert [each["name"] for each in posted["parameters"]] == ["Idempotency-Key"]

    asking(story)
