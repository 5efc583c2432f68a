"""Copies in the diff: of which database, where, when, or why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core import verbs
from reconciler.core.changesets import Changeset
from reconciler.core.diffs import diff
from reconciler.core.inventory import NOTHING_REMEMBERED
from reconciler.core.needs import secrets_needed
from reconciler.core.observed import DatabaseLook, ObservedHost
from reconciler.fleet.desired import Desired
from tests.core.scenes import NOW, as_declared, desired, instance, observed, online, spec

COPY = "kind: instance\ncode: staging\nclone_of: acme\nplan: starter\n"
ACME = instance("acme")


def fleet_of(*documents: str) -> Desired:
    return desired(*documents, servers=["one", "two"])


def there(fleet: Desired, server: str, *names: str) -> ObservedHost:
    """A host with its template, and with these databases of acme, looked into."""
    looks: list[DatabaseLook] = [as_declared(spec(fleet, "template/base", server))]
    looks += [as_declared(spec(fleet, "instance/acme", server), name) for name in names]
    return online(server, *looks, lists=(*names, "template_base"))


def plan(fleet: Desired, *hosts: ObservedHost) -> Changeset:
    return diff(fleet, observed(*hosts), NOTHING_REMEMBERED, NOW)


def steps(changeset: Changeset) -> list[tuple[str, str, str, str]]:
    return [(a.verb, a.server, a.database, a.becomes) for a in changeset.actions]


def test_it_is_made_where_its_source_is_and_of_what_that_is_called() -> None:
    fleet = fleet_of(ACME, COPY)
    assert steps(plan(fleet, there(fleet, "one"), there(fleet, "two", "acme"))) == [
        (verbs.COPY, "two", "acme", "staging")
    ]
    fleet = fleet_of(instance("acme", state="suspended"), f"{COPY}state: suspended\n")
    assert steps(plan(fleet, there(fleet, "one", "suspended.acme"), there(fleet, "two"))) == [
        (verbs.COPY, "one", "suspended.acme", "suspended.staging")
    ]


@pytest.mark.parametrize(
    ("source", "name", "verb"),
    [(instance("acme", state="suspended"), "suspended.acme", verbs.SUSPEND), (ACME, "acme", verbs.CLONE)],
)
def test_what_is_done_to_its_source_in_the_same_pass_comes_first(source: str, name: str, verb: str) -> None:
    fleet = fleet_of(source, COPY)
    standing = ["acme"] if verb == verbs.SUSPEND else []
    changes = plan(fleet, there(fleet, "one", *standing), there(fleet, "two"))
    first = next(a for a in changes.actions if a.verb == verb)
    copy = next(a for a in changes.actions if a.verb is verbs.COPY)
    assert (copy.database, first.id in copy.after) == (name, True)


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        ([], "no database yet"),
        (["switching.acme"], "not one database in service, but switching.acme on one"),
        (["acme", "suspended.acme"], "not one database in service, but acme on one, suspended.acme on one"),
    ],
)
def test_without_one_source_in_service_it_is_not_made(standing: list[str], said: str) -> None:
    fleet = fleet_of(instance("acme", server="one", paused="true"), COPY)
    hosts = (
        online("one", *there(fleet, "one").looks.values(), lists=(*standing, "template_base")),
        there(fleet, "two"),
    )
    frozen = diff(fleet, observed(*hosts), NOTHING_REMEMBERED, NOW)
    blocked = [b for b in frozen.blocked if b.code == "staging"]
    if standing:
        assert [b.why for b in blocked] == [f"instance/acme, of which it is a copy, has {said}"]
    else:  # its source is planned too, and comes first
        assert [(a.verb, a.code) for a in frozen.actions] == [(verbs.CLONE, "acme"), (verbs.COPY, "staging")]


def test_on_another_server_than_its_source_it_is_not_made() -> None:
    fleet = fleet_of(ACME, f"{COPY}server: one\n")
    changes = plan(fleet, there(fleet, "one"), there(fleet, "two", "acme"))
    assert changes.actions == ()
    (blocked,) = changes.blocked
    assert blocked.why == "instance/acme is on two, and a copy is made on the server of its source"


def test_of_what_has_expired_it_is_not_made() -> None:
    fleet = fleet_of(ACME, COPY)
    gone = fleet.instances["acme"].model_copy(update={"state": "absent"})
    fleet = fleet.having("instance", {**fleet.instances, "acme": gone})
    (blocked,) = [
        b for b in plan(fleet, there(fleet, "one", "acme"), there(fleet, "two")).blocked if b.code == "staging"
    ]
    assert blocked.why == "instance/acme, of which it is a copy, is absent"


def test_only_what_its_own_document_and_its_plan_say_is_kept_in_it() -> None:
    source = instance("acme", parameters="{a: b}", modules="[contacts]", company="Acme")
    fleet = fleet_of(source, f"{COPY}parameters: {{c: d}}\nmodules: [sale]\n")
    wanted = spec(fleet, "instance/staging")
    assert (wanted.modules, dict(wanted.parameters), dict(wanted.settings)) == (("sale",), {"c": "d"}, {})
    assert (wanted.neutralize, wanted.clone_of, wanted.template, wanted.owner) == (True, "acme", "base", None)
    assert spec(fleet_of(source, f"{COPY}neutralize: false\n"), "instance/staging").neutralize is False


def test_it_takes_the_password_of_its_source_and_its_own() -> None:
    fleet = fleet_of(ACME, COPY)
    needs = secrets_needed(plan(fleet, there(fleet, "one", "acme"), there(fleet, "two")), fleet)
    assert {need.code for need in needs if need.kind == "instance"} == {"acme", "staging"}
    assert not [need for need in needs if need.kind == "template"]


def test_one_that_is_not_neutralized_any_more_is_blocked_with_what_to_do() -> None:
    fleet = fleet_of(ACME, COPY)
    wanted = spec(fleet, "instance/staging")
    look = as_declared(wanted)
    earnest = {key: value for key, value in look.parameters.items() if key != "database.is_neutralized"}
    live = replace(look, parameters=earnest)
    host = online("one", *there(fleet, "one", "acme").looks.values(), live, lists=("acme", "staging", "template_base"))
    changes = plan(fleet, host, there(fleet, "two"))
    (blocked,) = changes.blocked
    assert blocked.why.startswith("staging is not neutralized")
