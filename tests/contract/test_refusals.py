"""How a host names what it refuses: the same class by both doors, as far as a version lets it be seen.

The faults of XML-RPC name the class on 14 and 19 alike. By JSON-RPC 19 names it too; 14 answers every failure with a
page of HTML as soon as it lists more or less than one database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.hosts import ContractHost
from tests.contract.wire import ACCESS_DENIED, ACCESS_ERROR, ANY_ERROR, USER_ERROR, Refusal


@dataclass(frozen=True)
class Case:
    """A call, with placeholders for what differs from host to host, and its refusal."""

    title: str
    service: str
    method: str
    arguments: Sequence[Any]
    code: int
    name: str
    says: str


MASTER, BASE, PASSWORD = "<master>", "<base>", "<password>"
_ODOO = "odoo.exceptions"


def _on_records(title: str, arguments: Sequence[Any], code: int, name: str, says: str) -> Case:
    return Case(title, "object", "execute_kw", [BASE, 2, PASSWORD, *arguments], code, name, says)


CASES = [
    Case(
        "duplicate onto an existing name",
        "db",
        "duplicate_database",
        [MASTER, BASE, BASE],
        ANY_ERROR,
        "psycopg2.errors.DuplicateDatabase",
        'database "<base>" already exists',
    ),
    Case(
        "duplicate from a missing name",
        "db",
        "duplicate_database",
        [MASTER, "missing", "target"],
        ANY_ERROR,
        "psycopg2.errors.InvalidCatalogName",
        'template database "missing" does not exist',
    ),
    Case(
        "create on an existing name",
        "db",
        "create_database",
        [MASTER, BASE, False, "en_US", "secret", "admin"],
        ANY_ERROR,
        "odoo.service.db.DatabaseExists",
        "database '<base>' already exists!",
    ),
    Case(
        "rename from a missing name",
        "db",
        "rename",
        [MASTER, "missing", "target"],
        ANY_ERROR,
        "builtins.Exception",
        'Couldn\'t rename database missing to target: database "missing" does not exist',
    ),
    Case(
        "rename onto an existing name",
        "db",
        "rename",
        [MASTER, BASE, BASE],
        ANY_ERROR,
        "builtins.Exception",
        'Couldn\'t rename database <base> to <base>: database "<base>" already exists',
    ),
    Case(
        "login on a missing database",
        "common",
        "login",
        ["missing", "admin", "secret"],
        ANY_ERROR,
        "psycopg2.OperationalError",
        'database "missing" does not exist',
    ),
    Case(
        "records of a missing database",
        "object",
        "execute_kw",
        ["missing", 2, "secret", "res.partner", "search", [[]], {}],
        ANY_ERROR,
        "psycopg2.OperationalError",
        'database "missing" does not exist',
    ),
    Case(
        "wrong password on records",
        "object",
        "execute_kw",
        [BASE, 2, "wrong", "res.partner", "search", [[]], {}],
        ACCESS_DENIED,
        f"{_ODOO}.AccessDenied",
        "Access Denied",
    ),
    Case(
        "empty password on records",
        "object",
        "execute_kw",
        [BASE, 2, "", "res.partner", "search", [[]], {}],
        ACCESS_DENIED,
        f"{_ODOO}.AccessDenied",
        "Access Denied",
    ),
    Case(
        "unknown user on records",
        "object",
        "execute_kw",
        [BASE, 9999, PASSWORD, "res.partner", "search", [[]], {}],
        USER_ERROR,
        f"{_ODOO}.MissingError",
        "Record does not exist or has been deleted.",
    ),
    Case(
        "wrong master password",
        "db",
        "drop",
        ["wrong", "missing"],
        ACCESS_DENIED,
        f"{_ODOO}.AccessDenied",
        "Access Denied",
    ),
    Case(
        "empty master password", "db", "list_countries", [""], ACCESS_DENIED, f"{_ODOO}.AccessDenied", "Access Denied"
    ),
    Case(
        "method that the database service does not have",
        "db",
        "missing",
        [MASTER],
        ANY_ERROR,
        "builtins.KeyError",
        "Method not found: missing",
    ),
    Case(
        "too few arguments of a service",
        "db",
        "duplicate_database",
        [MASTER],
        ANY_ERROR,
        "builtins.TypeError",
        "missing 2 required positional arguments",
    ),
    _on_records("unknown model", ["no.model", "search", [[]]], USER_ERROR, f"{_ODOO}.UserError", "Object no.model"),
    _on_records("unknown method", ["res.partner", "missing", [[]]], ANY_ERROR, "builtins.AttributeError", "missing"),
    _on_records(
        "private method",
        ["res.partner", "_search", [[]]],
        ACCESS_ERROR,
        f"{_ODOO}.AccessError",
        "cannot be called remotely.",
    ),
    _on_records(
        "unknown field in a domain",
        ["res.partner", "search", [[["missing", "=", 1]]]],
        ANY_ERROR,
        "builtins.ValueError",
        "Invalid field res.partner.missing in",
    ),
    _on_records(
        "unknown field of a new record",
        ["res.partner", "create", [{"name": "x", "missing": 1}]],
        ANY_ERROR,
        "builtins.ValueError",
        "Invalid field 'missing'",
    ),
    _on_records(
        "unknown field to read",
        ["res.partner", "read", [[1], ["missing"]]],
        ANY_ERROR,
        "builtins.ValueError",
        "Invalid field 'missing'",
    ),
    _on_records(
        "too few arguments of a method",
        ["res.partner", "write", [[1]]],
        ANY_ERROR,
        "builtins.TypeError",
        "missing 1 required positional argument: 'vals'",
    ),
    _on_records("no records named", ["res.partner", "read", []], ANY_ERROR, "builtins.IndexError", "out of range"),
    _on_records(
        "login that somebody has",
        ["res.users", "create", [{"name": "x", "login": "admin"}], {"context": {"no_reset_password": True}}],
        USER_ERROR,
        f"{_ODOO}.ValidationError",
        "login",
    ),
    _on_records(
        "parameter that exists",
        ["ir.config_parameter", "create", [{"key": "database.uuid", "value": "x"}]],
        USER_ERROR,
        f"{_ODOO}.ValidationError",
        "uniq",
    ),
    _on_records(
        "write on a record that is gone",
        ["res.partner", "write", [[99999], {"name": "x"}]],
        USER_ERROR,
        f"{_ODOO}.MissingError",
        "Record does not exist or has been deleted.",
    ),
]


def _arguments(case: Case, host: ContractHost) -> list[Any]:
    places = {MASTER: host.wire.master_password, BASE: host.base.database, PASSWORD: host.base.password}
    return [places.get(word, word) if isinstance(word, str) else word for word in case.arguments]


def _says(case: Case, host: ContractHost) -> str:
    return case.says.replace(BASE, host.base.database)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_fault_of_the_xml_door_tells_the_kind_of_refusal(case: Case, host: ContractHost) -> None:
    arguments, says = _arguments(case, host), _says(case, host)
    with pytest.raises(Refusal) as refusal:
        host.wire.call(case.service, case.method, *arguments)
    assert refusal.value.code == case.code
    assert says in refusal.value.line
    if case.code == ANY_ERROR:
        assert refusal.value.name == case.name.removeprefix("builtins.")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_json_door_names_the_class_on_19_and_hides_everything_on_14(case: Case, host: ContractHost) -> None:
    arguments, says = _arguments(case, host), _says(case, host)
    reply = host.wire.json_call(case.service, case.method, *arguments)
    if host.version == "14":
        assert (reply.status, reply.content_type) == (500, "text/html")
    else:
        error = reply.json["error"]["data"]
        assert (reply.status, error["name"]) == (200, case.name)
        assert says in error["message"]
        assert case.name.removeprefix("builtins.") in error["debug"]
        assert "result" not in reply.json


def test_no_answer_is_a_result_by_json_and_a_fault_after_the_fact_by_xml(host: ContractHost) -> None:
    """A method that returns nothing has done its work when the XML door says that it cannot marshal None."""
    words = [host.base.database, 2, host.base.password, "ir.model.access", "call_cache_clearing_methods", []]
    assert host.version == "14" or host.wire.json_call("object", "execute_kw", *words).json.get("result") is None
    with pytest.raises(Refusal, match="cannot marshal None unless allow_none is enabled"):
        host.wire.call("object", "execute_kw", *words)


def test_reading_a_record_that_is_gone_gives_nothing(host: ContractHost) -> None:
    assert host.base.call("res.partner", "read", [99999], ["name"]) == []


def test_rights_that_a_plain_user_lacks_are_an_access_error(host: ContractHost) -> None:
    here = host.clone()
    values = {"name": "Plain", "login": "plain", "password": "plain-secret"}
    uid = here.call("res.users", "create", values, context={"no_reset_password": True})
    with pytest.raises(Refusal) as refusal:
        host.wire.call(
            "object", "execute_kw", here.database, uid, "plain-secret", "ir.config_parameter", "search", [[]]
        )
    assert refusal.value.code == ACCESS_ERROR
