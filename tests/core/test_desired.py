"""Documents become one desired state: defaults below them, codes in order, places kept, a digest of what is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.desired import Desired, resolve
from reconciler.fleet.diagnostics import Range
from reconciler.fleet.documents import Path, RawDocument

FLEET: dict[str, Any] = {"kind": "fleet", "format": 1, "code": "test", "secret_key": {"env": "KEY"}}
SERVER: dict[str, Any] = {
    "kind": "server",
    "code": "prod-1",
    "server_url": "https://odoo.example.com",
    "odoo_version": "19.0",
    "master_password": {"env": "M"},
    "state": "active",
}
TEMPLATE: dict[str, Any] = {"kind": "template", "code": "restaurant", "server": "prod-1", "modules": ["base", "web"]}
PLAN: dict[str, Any] = {"kind": "plan", "code": "starter", "modules": ["project", "web"]}
INSTANCE: dict[str, Any] = {"kind": "instance", "code": "acme", "template": "restaurant", "plan": "starter"}


class Positions:
    """Places each value at the line of its top-level key, in the order of keys."""

    def __init__(self, file: str, data: Mapping[str, Any]) -> None:
        self.file = file
        self.data = data

    def value(self, path: Path) -> Range | None:
        """The line of the top-level key; a column for each step."""
        value: Any = self.data
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return Range(self.file, 1 + (list(self.data).index(str(path[0])) if path else 0), len(path) + 1)

    def key(self, path: Path) -> Range | None:
        """The same."""
        return self.value(path) if path else None


def document(data: Mapping[str, Any], file: str = "") -> RawDocument:
    """A document as the reader gives it."""
    return RawDocument(data.get("kind"), data.get("code"), data, Positions(file or f"{data['code']}.yaml", data))


def desired(*documents: Mapping[str, Any]) -> Desired:
    """The desired state of documents that are valid."""
    found, problems = resolve([document(each) for each in documents])
    assert found is not None, problems
    return found


def codes(*documents: Mapping[str, Any]) -> list[str]:
    """Codes of the problems of documents."""
    return [problem.code for problem in resolve([document(each) for each in documents])[1]]


ALL = (FLEET, SERVER, TEMPLATE, PLAN, INSTANCE)


def test_documents_are_kept_by_code_in_order() -> None:
    fleet = desired(*ALL, {**INSTANCE, "code": "abc"}, {**PLAN, "code": "big"})
    assert list(fleet.instances) == ["abc", "acme"]
    assert list(fleet.plans) == ["big", "starter"]
    assert fleet.settings.code == "test"


def test_modules_are_those_of_the_template_the_plan_and_the_instance_each_once() -> None:
    fleet = desired(*ALL[:-1], {**INSTANCE, "modules": ["crm", "base"]})
    assert fleet.instance_modules(fleet.instances["acme"]) == ("base", "web", "project", "crm")


def test_defaults_lie_below_what_documents_say() -> None:
    defaults = {
        "instance": {"lang": "fr_BE", "labels": {"a": "1"}, "template": "restaurant"},
        "plan": {"grace_days": 3},
    }
    other = {"kind": "instance", "code": "other", "plan": "starter", "lang": "de_DE", "labels": {"b": "2"}}
    fleet = desired({**FLEET, "defaults": defaults}, *ALL[1:], other)
    assert fleet.instances["acme"].lang == "fr_BE"
    assert fleet.instances["other"].lang == "de_DE"
    assert fleet.instances["other"].template == "restaurant"
    assert fleet.instances["other"].labels == {"b": "2"}, "a whole field is taken or left"
    assert fleet.plans["starter"].grace_days == 3


def test_a_template_that_names_its_servers_gets_no_default_server() -> None:
    fleet = desired(
        {**FLEET, "defaults": {"template": {"server": "prod-1"}}},
        SERVER,
        {"kind": "template", "code": "t", "servers": ["prod-1"]},
    )
    assert fleet.templates["t"].server_codes == ("prod-1",)
    assert fleet.templates["t"].server is None


def test_places_are_those_of_the_document_the_defaults_or_what_is_around() -> None:
    fleet = desired({**FLEET, "defaults": {"instance": {"lang": "fr_BE"}}}, *ALL[1:])
    assert fleet.range_of("instance", "acme", "plan") == Range("acme.yaml", 4, 2)
    assert fleet.range_of("instance", "acme", "lang") == Range("test.yaml", 5, 4), "in the fleet document"
    assert fleet.range_of("instance", "acme", "subdomain") == Range("acme.yaml", 2, 2), "at the code"
    assert fleet.range_of("instance", "acme", "timezone") == Range("acme.yaml", 1, 1), "at the document"
    assert fleet.range_of("server", "prod-1", "master_password", "file") == Range("prod-1.yaml", 5, 2)
    assert fleet.sources["instance", "acme"].file_of("lang") == "test.yaml"


def test_the_digest_is_of_what_is_said_not_of_where() -> None:
    first = desired(*ALL).digest
    assert desired(*reversed(ALL)).digest == first
    assert desired(*ALL[:-1], {**INSTANCE, "database_name": "acme"}).digest == first, "a default that is written out"
    assert desired(*ALL[:-1], {**INSTANCE, "lang": "fr_BE"}).digest != first
    assert len(first) == 64


def test_the_digest_holds_no_secret() -> None:
    open_fleet = {**FLEET, "allow_literal_secrets": True}
    digests = {desired(open_fleet, {**SERVER, "master_password": value}).digest for value in ("one", "two")}
    assert len(digests) == 1


def test_a_fleet_without_documents_but_itself_is_valid() -> None:
    assert desired(FLEET).instances == {}
    assert codes() == ["missing-fleet"]


def test_an_unreadable_document_counts_as_declared() -> None:
    broken = RawDocument("plan", "starter", None, Positions("starter.yaml", {}))
    assert resolve([document(each) for each in (FLEET, SERVER, TEMPLATE, INSTANCE)] + [broken])[1] == ()


def test_problems_come_sorted_and_once() -> None:
    problems = resolve([document({**INSTANCE, "code": f"a{number}", "lang": "x"}, "one.yaml") for number in range(3)])[
        1
    ]
    assert list(problems) == sorted(set(problems))


def test_many_unknown_names_cost_little() -> None:
    plans = [{**PLAN, "code": f"plan-{number}"} for number in range(2000)]
    instances = [{**INSTANCE, "code": f"i-{number}", "plan": f"plam-{number}"} for number in range(2000)]
    found = codes(FLEET, SERVER, TEMPLATE, *plans, *instances)
    assert found == ["unknown-plan"] * 2000
