"""What proves that two servers are one host, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.model.observed import Access, DatabaseLook, Observed, ObservedHost, host
from reconciler.core.policies.one_host import alike, proven


def seen(server: str, *listed: str, uuids: dict[str, str] | None = None) -> ObservedHost:
    looks = {name: DatabaseLook(name, Access.CURRENT, uuid=uuid) for name, uuid in (uuids or {}).items()}
    return replace(host(server, listed, version="19.0"), looks=looks)


def said(*hosts: ObservedHost) -> dict[str, str]:
    return {code: doubt.why for code, doubt in proven(Observed({h.server: h for h in hosts})).items()}


BUILD = "building-26112412000000001.acme"


@pytest.mark.parametrize("name", [BUILD, "aside-26112411000000001.acme"])
def test_a_name_that_chance_has_a_part_in_stands_on_one_host_alone(name: str) -> None:
    assert said(seen("one", name), seen("two", name, "crm"), seen("three", "crm")) == {
        "one": f"one and two are one host: {name} is on both",
        "two": f"one and two are one host: {name} is on both",
    }


def test_a_database_with_its_uuid_stands_on_one_host_alone() -> None:
    one, two = (seen(code, "acme", "crm", uuids={"acme": "u1"}) for code in ("one", "two"))
    assert said(one, two)["two"] == "one and two are one host: acme with the database.uuid u1 is on both"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (seen("one", "acme"), seen("two", "acme")),
        (seen("one", "suspended.acme"), seen("two", "suspended.acme")),
        (seen("one", "acme", uuids={"acme": "u1"}), seen("two", "acme", uuids={"acme": "u2"})),
        (seen("one", "acme", uuids={"acme": ""}), seen("two", "acme", uuids={"acme": ""})),
        # Brought from one host to the other by hand: other names tell them apart.
        (seen("one", "acme", uuids={"acme": "u1"}), seen("two", "acme", "crm", uuids={"acme": "u1"})),
        (seen("one", BUILD), replace(seen("two", BUILD), online=False)),
        (seen("one"), seen("two")),
    ],
)
def test_names_that_any_host_may_have_prove_nothing(one: ObservedHost, two: ObservedHost) -> None:
    assert said(one, two) == {}


def test_hosts_that_list_nothing_and_those_that_do_not_answer_are_not_alike() -> None:
    away = replace(seen("four", "acme"), online=False)
    hosts = seen("one"), seen("two"), seen("three", "acme"), away, seen("five", "acme")
    assert alike(Observed({h.server: h for h in hosts})) == {"five": ["three"], "three": ["five"]}
