"""What the API shows: declared beside observed, chosen, sorted, in parts; and that every answer is as it is described."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reconciler.access.roles import Role
from reconciler.access.tokens import Actor
from tests.harness.universe import ENVIRON, MASTER, fleet, instance
from tests.web.asked import TEXT, TOKENS, Asked, asking, hang, refuse


def told(path: str, text: str = TEXT, **given: Any) -> Any:
    found: list[Any] = []

    async def story(asked: Asked) -> None:
        found.append(await asked.get(path, **given))

    asking(story, text=text)
    return found[0]


def codes(document: Any) -> list[str]:
    return [item["code"] for item in document["items"]]


def test_a_document_is_shown_as_it_is_declared_and_as_it_is_observed() -> None:
    document = told("instances/acme")
    item = document["item"]
    assert (document["fleet"], item["kind"], item["code"], item["paused"]) == ("demo", "instance", "acme", [])
    assert item["declared"]["name"] == "Acme SA"
    assert item["declared"]["admin_password"] == {"derived": {"generation": 1}}
    observed = item["observed"]
    assert (observed["observed"], observed["in_sync"], observed["url"]) == ("active", "yes", "https://acme.example.com")
    assert observed["server"] in {"one", "two"}


def test_servers_are_shown_with_what_they_hold_and_how_they_are() -> None:
    document = told("servers")
    assert codes(document) == ["one", "two"]
    one, two = (item["observed"] for item in document["items"])
    assert one["online"]
    assert one["observed_version"] == "19.0"
    assert one["instance_count"] + two["instance_count"] == 3
    assert (one["max_instances"], one["health"]) == (100, "healthy")


def test_what_the_fleet_is_and_how_its_daemon_stands_is_told() -> None:
    document = told("fleet")
    assert (document["fleet"], document["revision"], document["ready"]) == ("demo", "a" * 40, "")
    assert document["documents"] == {"server": 2, "template": 1, "plan": 1, "instance": 3}
    assert (document["pending"], document["blocked"], document["servers_online"]) == (0, 0, 2)
    assert document["converged_at"] is not None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["acme", "beta", "cafe"]),
        ("?state=suspended", ["beta"]),
        ("?observed=suspended", ["beta"]),
        ("?in_sync=yes", ["acme", "beta", "cafe"]),
        ("?in_sync=no", []),
        ("?server=two&state=suspended", ["beta"]),
        ("?plan=starter&template=base", ["acme", "beta", "cafe"]),
        ("?plan=nothing", []),
        ("?label=tier=gold", ["acme", "cafe"]),
        ("?label=tier=gold&label=region=eu", ["cafe"]),
        ("?q=ACME%20s", ["acme"]),
        ("?q=suspended.", ["beta"]),
        ("?q=cafe.example.com", ["cafe"]),
        ("?sort=-code", ["cafe", "beta", "acme"]),
        ("?sort=-name", ["cafe", "beta", "acme"]),
        ("?sort=state", ["acme", "cafe", "beta"]),
        ("?limit=1&offset=1", ["beta"]),
        ("?offset=10", []),
    ],
)
def test_instances_can_be_chosen_sorted_and_asked_for_in_parts(query: str, found: list[str]) -> None:
    assert codes(told(f"instances{query}")) == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("servers?state=active&health=healthy&online=true", ["one", "two"]),
        ("servers?health=critical", []),
        ("servers?max_capacity=50", []),
        ("servers?sort=-instance_count&limit=1", ["one"]),
        ("templates?server=two&ready=true", ["base"]),
        ("templates?ready=false", []),
        ("plans?sort=-instances", ["starter"]),
        ("plans?q=nothing", []),
    ],
)
def test_the_other_kinds_can_be_chosen_as_well(path: str, found: list[str]) -> None:
    assert codes(told(path)) == found


def test_a_copy_has_the_template_of_its_source_and_says_what_it_is_a_copy_of() -> None:
    text = f"{TEXT}---\nkind: instance\ncode: zoo\nclone_of: acme\nplan: starter\nserver: one\n"

    async def story(asked: Asked) -> None:
        found = await asked.get("instances?template=base")
        made_of = [(each["code"], each["observed"]["clone_of"]) for each in found["items"]]
        assert made_of == [("acme", None), ("beta", None), ("cafe", None), ("zoo", "acme")]
        assert {each["observed"]["template"] for each in found["items"]} == {"base"}

    asking(story, text=text)


def test_how_many_there_are_is_told_with_each_part() -> None:
    document = told("instances?limit=2&label=tier=gold")
    assert (document["total"], document["limit"], document["offset"], len(document["items"])) == (2, 2, 0, 2)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("instances?state=asleep", "state"),
        ("instances?colour=red", "colour"),
        ("instances?limit=0", "limit"),
        ("instances?limit=501", "limit"),
        ("instances?offset=-1", "offset"),
        ("instances?sort=colour", "sort"),
        ("instances?label=gold", "label.0"),
        ("plans?health=healthy", "health"),
        ("servers?max_capacity=lots", "max_capacity"),
        ("events?level=loud", "level"),
        ("changeset?limit=1", "limit"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused_with_its_field(path: str, field: str) -> None:
    async def story(asked: Asked) -> None:
        answer = await asked.ask("GET", f"/api/v1/{path}")
        assert answer.status_code == 422
        assert [each["field"] for each in answer.json()["errors"]] == [field]

    asking(story)


def test_what_is_named_twice_is_refused() -> None:
    async def story(asked: Asked) -> None:
        assert (await asked.ask("GET", "/api/v1/instances?state=active&state=absent")).status_code == 422

    asking(story)


@pytest.mark.parametrize(
    "path", ["instances/nobody", "servers/ACME", "plans/%00", "templates/base%0d%0aX: y", "nothing", "instances/"]
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    async def story(asked: Asked) -> None:
        assert (await asked.ask("GET", f"/api/v1/{path}")).status_code == 404

    asking(story)


def test_what_is_pending_is_told_with_its_reasons() -> None:
    async def story(asked: Asked) -> None:
        assert (await asked.get("changeset"))["converged"]
        refuse(asked.stage, "two")
        asked.stage.source.write(TEXT.replace("state: suspended", "state: active"), "b" * 40)
        await asyncio.sleep(30)
        document = await asked.get("changeset")
        assert not document["converged"]
        assert [each["server"] for each in document["blocked"]].count("two") > 0

    asking(story)


def test_pending_actions_have_their_reason_in_words() -> None:
    async def story(asked: Asked) -> None:
        await asked.board.pause("fleet", "demo", "", Actor(TOKENS[Role.MANAGER], "here"))
        asked.stage.source.write(TEXT.replace("state: suspended", "state: active"), "b" * 40)
        await asyncio.sleep(30)
        document = await asked.get("changeset")
        (held,) = document["withheld"]
        assert (held["action"]["id"], held["action"]["why"]) == ("resume instance/beta on two", "declared active")
        assert "demo is paused" in held["why"]
        paused = await asked.get("instances/beta")
        assert [each["kind"] for each in paused["item"]["paused"]] == ["fleet"]

    asking(story)


def test_before_there_is_a_fleet_the_api_says_what_is_waited_for() -> None:
    async def begin(stage: Any) -> None:
        stage.source.write("kind: fleet\n")
        await asyncio.sleep(10)

    async def story(asked: Asked) -> None:
        answer = await asked.ask("GET", "/api/v1/instances")
        assert answer.status_code == 503
        assert "waiting for a valid fleet" in answer.json()["detail"]

    asking(story, begin=begin)


def test_while_no_host_was_heard_everything_is_shown_as_declared_and_unknown() -> None:
    async def begin(stage: Any) -> None:
        hang(stage, "one", "two")
        stage.source.write(TEXT, "a" * 40)
        await asyncio.sleep(4)

    async def story(asked: Asked) -> None:
        document = await asked.get("instances")
        assert {item["observed"]["in_sync"] for item in document["items"]} == {"unknown"}
        assert [item["declared"]["name"] for item in document["items"]] == ["Acme SA", "beta", "cafe"]

    asking(story, begin=begin)


def test_no_secret_is_shown_not_even_one_that_stands_in_the_text() -> None:
    text = fleet(
        instance("acme", admin_password="A-literal-of-the-text-7"), servers={"one": "19.0", "two": "19.0"}
    ).replace("code: demo", "code: demo\nallow_literal_secrets: true")

    async def story(asked: Asked) -> None:
        shown = ""
        for path in (
            "instances",
            "instances/acme",
            "servers",
            "templates",
            "plans",
            "changeset",
            "fleet",
            "health",
            "events",
        ):
            shown += str(await asked.get(path))
        assert "'admin_password': {'value': '[secret]'}" in shown
        for secret in ("A-literal-of-the-text-7", MASTER, *ENVIRON.values()):
            assert secret not in shown

    asking(story, text=text)


def test_the_health_of_servers_is_told_with_its_signs() -> None:
    async def story(asked: Asked) -> None:
        await asyncio.sleep(1000)
        one, _ = (await asked.get("health"))["items"]
        assert one["look"]["health_status"] in {"healthy", "warning"}
        assert one["look"]["signs"]["version"] == "19.0"

    asking(story)


def test_signs_have_one_decimal_as_those_of_status() -> None:
    async def story(asked: Asked) -> None:
        await asyncio.sleep(1000)
        _, two = (await asked.get("health"))["items"]
        assert two["look"]["signs"]["available_capacity"] == 66.7

    asking(story, text=TEXT.replace("code: two\n", "code: two\nmax_instances: 3\n"))
