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
from reconciler.odoo.connection import HostConnection
from schemas.secrets import Secret
from tests.architecture.sources import calls_with_text, modules, texts
from tests.core.scenes import EXPIRED, FRESH, NOW
from tests.core.strategies import any_text, our_names
from tests.odoo.scripted import ScriptedHost, connect, scripted, value

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
        "return_to_build",
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


def sent(host: ScriptedHost, use: Awaitable[object]) -> None:
    async def whole() -> None:
        await use

    asyncio.run(whole())
    assert len(host.requests) == 1


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


@pytest.mark.parametrize("name", [*NOT_BUILDING, *NOT_EVEN_OURS, FRESH, names.building("acme", NOW - LIMIT, "eeeee")])
def test_no_expired_build_is_dropped_but_one_that_is_older_than_the_limit(name: str) -> None:
    host, connection = connected()
    refused(host, databases.drop_expired_build(connection, name, NOW, LIMIT))


def test_a_build_from_the_future_is_not_expired() -> None:
    host, connection = connected()
    future = names.building("acme", NOW + timedelta(days=400), "abcde")
    refused(host, databases.drop_expired_build(connection, future, NOW, LIMIT))


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


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("acme", EXPIRED),
        ("acme", names.building("acme", NOW - LIMIT * 0.6, "abcde")),
        ("acme", names.building("beta", NOW, "abcde")),
        ("acme", "suspended.acme"),
        ("acme", "trash-261124120000.acme"),
        ("switching.acme", FRESH),
        ("trash-261124120000.acme", FRESH),
        ("Bad Name!", FRESH),
    ],
)
def test_nothing_goes_back_to_a_building_name_that_could_be_swept_or_is_anothers(old: str, new: str) -> None:
    host, connection = connected()
    refused(host, databases.return_to_build(connection, old, new, NOW, LIMIT))


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
        lambda c: databases.rename(c, FRESH, "acme"),
        lambda c: databases.rename(c, "acme", "switching.acme2"),
        lambda c: databases.return_to_build(c, "acme", names.building("acme", NOW, "abcde"), NOW, LIMIT),
        lambda c: databases.drop_own_build(c, FRESH),
        lambda c: databases.drop_expired_build(c, EXPIRED, NOW, LIMIT),
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
        refused(host, databases.drop_expired_build(connection, name, NOW, LIMIT))
