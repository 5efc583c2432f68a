"""Copies in the diff: of which database, where, when, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from reconciler.core.diffs import copies
from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import verbs
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.model.observed import BackupSeen, DatabaseLook, ObservedHost
from reconciler.core.needs import secrets_needed
from reconciler.fleet.desired import Desired
from schemas.backups import BackupPolicy
from tests.core.scenes import NOW, as_declared, desired, instance, observed, online, spec

COPY = "kind: instance\ncode: staging\nclone_of: acme\nplan: starter\n"
ACME = instance("acme")
NO_OTHERS: Mapping[str, str] = {}


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


def with_code(
    host: ObservedHost, backup: BackupSeen | None = None, versions: Mapping[str, str] = NO_OTHERS
) -> ObservedHost:
    """The same host, with the versions of modules read; for its template those are its code's."""

    def read(look: DatabaseLook) -> DatabaseLook:
        found = {**dict.fromkeys(look.modules, "19.0.1.0"), **versions}
        modules = dict.fromkeys(found, "installed")
        return replace(look, modules=modules, versions={name: (each, each) for name, each in found.items()})

    looks = {name: read(look) for name, look in host.looks.items()}
    return replace(host, looks=looks, backups={"acme": backup} if backup is not None else {})


KEPT = BackupSeen("2026-03-01-x", "main", NOW, "19.0", {"base": "19.0.1.0"})
ELSEWHERE = f"{COPY}server: one\n"


def test_on_another_server_it_is_made_of_what_is_packed_there_or_of_the_newest_backup() -> None:
    fleet = fleet_of(ACME, ELSEWHERE)
    (copy,) = plan(fleet, with_code(there(fleet, "one")), with_code(there(fleet, "two", "acme"))).actions
    assert (copy.verb, copy.server, copy.origin, copy.database, copy.becomes) == (
        verbs.COPY, "one", "two", "acme", "staging",
    )  # fmt: skip
    fleet = backed_up(fleet)
    (copy,) = plan(fleet, with_code(there(fleet, "one"), KEPT), with_code(there(fleet, "two", "acme"))).actions
    assert (copy.verb, copy.server, copy.origin, copy.database) == (verbs.RESTORE, "one", "", "acme")
    assert copies.backup_in(copy.changes) == KEPT.id
    assert f"in main, taken {NOW:%Y-%m-%d %H:%M} UTC" in [change.observed for change in copy.changes]
    (copy,) = plan(fleet, with_code(there(fleet, "one"), BackupSeen()), with_code(there(fleet, "two", "acme"))).actions
    assert (copy.verb, copy.origin) == (verbs.COPY, "two"), "there is none yet"


def backed_up(fleet: Desired) -> Desired:
    found = {code: each.model_copy(update={"backup": BackupPolicy()}) for code, each in fleet.plans.items()}
    return fleet.having("plan", found)


@pytest.mark.parametrize(
    ("here", "source", "kept", "said"),
    [
        ({}, {"sale": "19.0.1.0"}, None, "one does not have the modules sale"),
        ({"sale": "19.0.2.0"}, {"sale": "19.0.1.0"}, None, "one has other versions of modules: sale 19.0.1.0 → 19.0.2.0"),
        ({}, {}, replace(KEPT, modules={"sale": "1"}), "one does not have the modules sale"),
        ({}, {}, BackupSeen(problem="it is out of reach"), "which backups of it there are is not known: it is out of reach"),
        (None, {}, None, "what modules one has, its template template_base tells, which was not looked into"),
    ],
)  # fmt: skip
def test_what_is_in_the_way_on_another_server_is_found_before_anything_begins(
    here: dict[str, str] | None, source: dict[str, str], kept: BackupSeen | None, said: str
) -> None:
    fleet = fleet_of(ACME, ELSEWHERE)
    fleet = backed_up(fleet) if kept else fleet
    place = there(fleet, "one")
    changes = plan(
        fleet,
        place if here is None else with_code(place, kept, here),
        with_code(there(fleet, "two", "acme"), None, source),
    )
    assert changes.actions == ()
    (blocked,) = changes.blocked
    assert blocked.why == f"instance/acme, of which it is a copy, is on two: {said}"


def test_the_template_that_tells_what_code_its_server_has_is_made_first() -> None:
    fleet = fleet_of(ACME, ELSEWHERE)
    bare, source = online("one"), with_code(there(fleet, "two", "acme"))
    for each, host, verb in (
        (fleet, bare, verbs.COPY),
        (backed_up(fleet), replace(bare, backups={"acme": KEPT}), verbs.RESTORE),
    ):
        first, create, copy = plan(each, host, source).actions
        assert [first.verb, create.verb, copy.verb] == [verbs.ACTIVATE, verbs.CREATE, verb]
        assert copy.after == (first.id, create.id)


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
