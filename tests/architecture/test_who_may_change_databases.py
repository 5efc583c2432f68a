"""One module names the calls that make, move or drop a database, and each of its functions refuses to be misused."""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings

from reconciler.core import names
from reconciler.core.failures import Refused
from reconciler.core.names import NameState
from reconciler.odoo.apply import databases
from reconciler.odoo.connection import DatabaseSession, HostConnection
from schemas.secrets import Secret
from tests.architecture.sources import calls_with_text, modules, texts
from tests.core.scenes import EXPIRED, FRESH, NOW
from tests.core.strategies import any_text, our_names
from tests.odoo.scripted import Reply, ScriptedHost, connect, fault, scripted, value

LIMIT = timedelta(hours=2)
ONE_MODULE = "reconciler/odoo/apply/databases.py"
DANGEROUS = {
    "create_database",
    "duplicate_database",
    "rename",
    "drop",
    "dump",
    "restore",
    "change_admin_password",
    "migrate_databases",
}
READING = {"list", "db_exist", "list_countries", "list_lang", "server_version"}
NOT_BUILDING = (
    "acme",
    "suspended.acme",
    "switching.acme",
    "trash-200101000000.acme",
    "moved-200101000000.acme",
    "shop",
)
NOT_EVEN_OURS = ("", "Bad Name!", "building-.acme", "building-261124120000.acme", FRESH.upper(), "postgres", "a.b")


def product() -> dict[str, ast.Module]:
    return {p: t for p, t in modules("reconciler").items() if not p.startswith("reconciler/simulator/")}


def test_only_one_module_calls_what_changes_databases() -> None:
    called: dict[str, set[str]] = {}
    for path, tree in product().items():
        for call in calls_with_text(tree, "db"):
            called.setdefault(path, set()).update(
                a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
            )
    assert called.pop(ONE_MODULE) == {"db", "create_database", "duplicate_database", "rename", "drop"}
    assert called, "the reads are elsewhere"
    for path, words in called.items():
        assert words <= {"db", *READING}, path


def test_the_words_stand_nowhere_else_from_where_they_could_be_sent() -> None:
    """`protocol` has them in its table of where a database's name stands among the arguments, and calls nothing."""
    inside = {
        p: set(texts(t)) & DANGEROUS
        for p, t in product().items()
        if p.startswith(("reconciler/odoo", "reconciler/engine"))
    }
    found = {path for path, words in inside.items() if words}
    assert found == {ONE_MODULE, "reconciler/odoo/protocol.py"}


def test_only_the_adapter_of_a_host_imports_that_module() -> None:
    importing = {path for path, tree in product().items() if "reconciler.odoo.apply.databases" in imported(tree)}
    assert importing == {"reconciler/odoo/hosts.py"}


def test_each_of_its_functions_is_misused_below() -> None:
    public = {n for n, f in inspect.getmembers(databases, inspect.iscoroutinefunction) if not n.startswith("_")}
    assert public == {
        "create",
        "clone",
        "rename",
        "discard",
        "drop_own_build",
        "drop_expired_build",
        "forget_name",
    }


def imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def connected(version: str = "19.0") -> tuple[ScriptedHost, HostConnection]:
    host = scripted(value(result=True))
    return host, connect(host, version)


def refused(host: ScriptedHost, misuse: Awaitable[object], requests: int = 0) -> None:
    async def whole() -> None:
        await misuse

    with pytest.raises(Refused):
        asyncio.run(whole())
    assert len(host.requests) == requests, "nothing is sent"


def sent(host: ScriptedHost, use: Awaitable[object], requests: int = 1) -> None:
    async def whole() -> None:
        await use

    asyncio.run(whole())
    assert len(host.requests) == requests


def create(connection: HostConnection, name: str) -> Awaitable[object]:
    secret = Secret("x")
    return databases.create(connection, name, demo=False, lang="en_US", login="admin", password=secret, country_code="")


@pytest.mark.parametrize("name", [*NOT_BUILDING, *NOT_EVEN_OURS])
def test_nothing_is_created_or_cloned_but_under_a_building_name(name: str) -> None:
    host, connection = connected()
    refused(host, create(connection, name))
    refused(host, databases.clone(connection, "template_base", name, neutralize=False))


@pytest.mark.parametrize("name", [*NOT_BUILDING, *NOT_EVEN_OURS])
def test_no_own_build_is_dropped_but_a_building_name(name: str) -> None:
    host, connection = connected()
    refused(host, databases.drop_own_build(connection, name))


def marked(**said: str) -> list[dict[str, object]]:
    """Answer with the parameters of a database whose own mark says this."""
    rows = {"database.uuid": "its own", "odoo_fleet.fleet": "demo", "odoo_fleet.kind": "instance"}
    rows |= {"odoo_fleet.uuid": "its own"} | {f"odoo_fleet.{key}": text for key, text in said.items()}
    return [{"id": n, "key": key, "value": text} for n, (key, text) in enumerate(rows.items(), 1)]


NEVER = marked(in_service="no")
UNFINISHED = [{"id": 1, "key": "database.uuid", "value": "its own"}]
WAS_OR_MAY_HAVE_BEEN = [marked(in_service="yes"), marked(), marked(in_service="perhaps")]
HALF_MADE = fault("builtins.KeyError", "'res.users'")


def opened(name: str, *replies: Reply) -> tuple[ScriptedHost, DatabaseSession]:
    host = scripted(*replies, value(result=True))
    return host, DatabaseSession(connect(host), name, 2, Secret("x"))


@pytest.mark.parametrize("name", [*NOT_BUILDING, *NOT_EVEN_OURS, FRESH, names.building("acme", NOW - LIMIT, "eeeee")])
def test_no_expired_build_is_dropped_but_one_that_is_older_than_the_limit(name: str) -> None:
    host, session = opened(name, value(NEVER))
    refused(host, databases.drop_expired_build(session.connection, name, session, NOW, LIMIT))
    host, connection = connected()
    refused(host, databases.drop_expired_build(connection, name, None, NOW, LIMIT))


def test_a_build_from_the_future_is_not_expired() -> None:
    future = names.building("acme", NOW + timedelta(days=400), "abcde")
    host, session = opened(future, value(NEVER))
    refused(host, databases.drop_expired_build(session.connection, future, session, NOW, LIMIT))


@pytest.mark.parametrize("found", WAS_OR_MAY_HAVE_BEEN)
def test_what_was_or_may_have_been_in_service_is_not_dropped_under_any_name(found: list[dict[str, object]]) -> None:
    """One read is sent, which finds the mark, and no drop after it."""
    host, session = opened(EXPIRED, value(found))
    refused(host, databases.drop_expired_build(session.connection, EXPIRED, session, NOW, LIMIT), requests=1)


def test_what_somebody_else_can_log_in_to_is_not_taken_for_half_made() -> None:
    somebody = fault("odoo.exceptions.AccessDenied", "Access Denied")
    for answers in ((value(result=2),), (value(result=False), somebody), (value(result=False), value(result=0))):
        host = scripted(*answers, value(result=True))
        refused(host, databases.drop_expired_build(connect(host), EXPIRED, None, NOW, LIMIT), requests=len(answers))


def test_the_mark_of_another_database_proves_nothing() -> None:
    host, session = opened("switching.acme", value(NEVER))
    refused(host, databases.drop_expired_build(session.connection, EXPIRED, session, NOW, LIMIT))


@pytest.mark.parametrize("mark", [NEVER, UNFINISHED, marked(in_service="yes", uuid="its template's")])
def test_an_expired_build_that_was_never_in_service_is_dropped_after_a_look_inside(
    mark: list[dict[str, object]],
) -> None:
    host, session = opened(EXPIRED, value(mark))
    sent(host, databases.drop_expired_build(session.connection, EXPIRED, session, NOW, LIMIT), requests=2)
    host = scripted(HALF_MADE, value(result=True))
    sent(host, databases.drop_expired_build(connect(host), EXPIRED, None, NOW, LIMIT), requests=2)
    nobody = fault("odoo.exceptions.MissingError", "Record does not exist or has been deleted.")
    host = scripted(value(result=False), nobody, value(result=True))
    sent(host, databases.drop_expired_build(connect(host), EXPIRED, None, NOW, LIMIT), requests=3)


TRASH = "trash-261124120000.acme"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("acme", TRASH),
        ("suspended.acme", TRASH),
        ("aside-261124120000abcde.acme", TRASH),
        ("switching.beta", TRASH),
        ("switching.acme", FRESH),
        ("switching.acme", EXPIRED),
        ("switching.acme", "acme"),
        ("Bad Name!", TRASH),
    ],
)
def test_nothing_is_discarded_but_what_bears_the_lock(old: str, new: str) -> None:
    host, session = opened(old, value(NEVER))
    refused(host, databases.discard(session, new))


@pytest.mark.parametrize("found", [*WAS_OR_MAY_HAVE_BEEN, UNFINISHED, marked(in_service="no", uuid="its template's")])
def test_nothing_is_discarded_but_what_was_certainly_never_in_service(found: list[dict[str, object]]) -> None:
    host, session = opened("switching.acme", value(found))
    refused(host, databases.discard(session, TRASH), requests=1)


def test_a_build_that_was_never_in_service_is_discarded_after_a_look_inside() -> None:
    host, session = opened("switching.acme", value(NEVER))
    sent(host, databases.discard(session, TRASH), requests=2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("acme", FRESH),
        ("acme", EXPIRED),
        ("acme", "trash-261124120000.acme"),
        ("suspended.acme", FRESH),
        ("switching.acme", FRESH),
        ("switching.acme", "trash-261124120000.acme"),
        ("acme", "beta"),
        ("acme", "suspended.acme"),
        ("shop", "acme"),
        ("Bad Name!", "switching.acme"),
        (FRESH, "acme"),
        (FRESH, "suspended.acme"),
        (FRESH, EXPIRED),
        (FRESH, "beta"),
        (FRESH, "suspended.beta"),
        ("trash-261124120000.acme", "acme"),
        ("acme", "acme"),
        ("acme", "switching." + "a" * 60),
        ("acme", ""),
    ],
)
def test_no_rename_leaves_the_ways_that_names_allow(old: str, new: str) -> None:
    host, connection = connected()
    refused(host, databases.rename(connection, old, new))


def test_a_host_that_cannot_neutralize_is_not_asked_to() -> None:
    host, connection = connected("16.0")
    refused(host, databases.clone(connection, "template_base", FRESH, neutralize=True))


def test_a_name_that_a_database_bears_is_not_forgotten() -> None:
    """One read is sent, which finds the database, and no rename after it."""
    host, connection = connected("14.0")
    refused(host, databases.forget_name(connection, "acme"), requests=1)
    assert b"db_exist" in host.requests[0].body


def test_where_workers_forget_by_themselves_nothing_is_sent() -> None:
    host, connection = connected("19.0")
    asyncio.run(databases.forget_name(connection, "acme"))
    assert host.requests == []


def test_what_is_allowed_is_sent_once() -> None:
    host, connection = connected()
    sent(host, create(connection, FRESH))
    uses: tuple[Callable[[HostConnection], Awaitable[object]], ...] = (
        lambda c: databases.clone(c, "template_base", FRESH, neutralize=True),
        lambda c: databases.rename(c, FRESH, "switching.acme"),
        lambda c: databases.rename(c, "acme", "switching.acme2"),
        lambda c: databases.drop_own_build(c, FRESH),
    )
    for use in uses:
        host, connection = connected()
        sent(host, use(connection))


@given(our_names() | any_text)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_of_all_names_only_building_ones_are_ever_made_or_dropped(name: str) -> None:
    if names.parse(name).state is not NameState.BUILDING:
        host, connection = connected()
        refused(host, create(connection, name))
        refused(host, databases.drop_own_build(connection, name))
        refused(host, databases.drop_expired_build(connection, name, None, NOW, LIMIT))
