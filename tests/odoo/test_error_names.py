"""Every error that Odoo is known to give has its place in the tree, on both doors."""

import pytest

from reconciler.core.model import failures
from reconciler.core.model.failures import (
    AccessRefused,
    ConnectionCut,
    DatabaseExists,
    DatabaseServerDown,
    HalfMadeDatabase,
    HostError,
    LacksColumn,
    ListingDisabled,
    MasterPasswordRefused,
    NoSuchDatabase,
    NotOdoo,
    PasswordRefused,
    RecordLocked,
    Rejected,
    SourceBusy,
    UnexpectedAnswer,
    Unsupported,
)
from reconciler.odoo import errors
from reconciler.odoo.protocol import Call, Fault
from tests.odoo.scripted import connect, failure_of, fault, scripted

CREATE = Call("db", "create_database", ("m", "acme", False, "en_US", "p"))
CLONE = Call("db", "duplicate_database", ("m", "base", "acme"))
RENAME = Call("db", "rename", ("m", "acme", "new"))
DROP = Call("db", "drop", ("m", "acme"))
LIST = Call("db", "list")
PROBE = Call("db", "list_countries", ("m",))
LOGIN = Call("common", "login", ("acme", "admin", "p"))
WRITE = Call("object", "execute_kw", ("acme", 2, "p", "res.users", "write", [[1], {}]))
RENAMING = "Couldn't rename database acme to new: "

# (call, name, words as measured on 14 or 19, what it means)
KNOWN: list[tuple[Call, str, str, type[HostError]]] = [
    (CLONE, "psycopg2.errors.DuplicateDatabase", 'database "acme" already exists', DatabaseExists),
    (CLONE, "psycopg2.errors.InvalidCatalogName", 'template database "base" does not exist', NoSuchDatabase),
    (CLONE, "psycopg2.errors.ObjectInUse", 'source database "base" is being accessed by other users', SourceBusy),
    (CLONE, "builtins.KeyError", "'ir.config_parameter'", HalfMadeDatabase),  # 14 and XML-RPC quote
    (CLONE, "builtins.KeyError", "ir.config_parameter", HalfMadeDatabase),  # 19 by JSON-RPC does not
    (CLONE, "psycopg2.errors.InsufficientPrivilege", "permission denied to copy database", AccessRefused),
    (CLONE, "shutil.Error", "[('a', 'b', 'No space left on device')]", UnexpectedAnswer),
    (CLONE, "psycopg2.errors.DiskFull", "No space left on device", UnexpectedAnswer),
    (
        CLONE,
        "builtins.TypeError",
        "exp_duplicate_database() takes 2 positional arguments but 3 were given",
        Unsupported,
    ),
    (CREATE, "odoo.service.db.DatabaseExists", "database 'acme' already exists!", DatabaseExists),
    (CREATE, "psycopg2.errors.UniqueViolation", "duplicate key … pg_database_datname_index", DatabaseExists),
    (CREATE, "odoo.exceptions.AccessDenied", "Access Denied", MasterPasswordRefused),
    (PROBE, "odoo.exceptions.AccessDenied", "Access Denied", MasterPasswordRefused),
    (LIST, "odoo.exceptions.AccessDenied", "Access Denied", ListingDisabled),
    (LIST, "psycopg2.OperationalError", "could not connect to server: Connection refused", DatabaseServerDown),
    (LIST, "psycopg2.OperationalError", "FATAL: sorry, too many clients already", DatabaseServerDown),
    (LIST, "psycopg2.OperationalError", "FATAL: the database system is starting up", DatabaseServerDown),
    (LIST, "odoo.sql_db.PoolError", "The Connection Pool Is Full", DatabaseServerDown),
    (LIST, "builtins.KeyError", "db", Unsupported),
    (LIST, "werkzeug.exceptions.NotFound", "404 Not Found", NotOdoo),
    (RENAME, "builtins.Exception", RENAMING + 'database "new" already exists', DatabaseExists),
    (RENAME, "builtins.Exception", RENAMING + 'database "acme" does not exist', NoSuchDatabase),
    (RENAME, "builtins.Exception", RENAMING + "must be owner of database acme", AccessRefused),
    (RENAME, "builtins.Exception", RENAMING + 'database "acme" is being accessed by other users', SourceBusy),
    (DROP, "builtins.Exception", "Couldn't drop database acme: … is being accessed by other users", SourceBusy),
    (PROBE, "builtins.KeyError", "Method not found: rename", Unsupported),
    (PROBE, "builtins.Exception", "Method not found: about", Unsupported),
    (
        LOGIN,
        "psycopg2.OperationalError",
        'connection to server … FATAL: database "acme" does not exist',
        NoSuchDatabase,
    ),
    (LOGIN, "psycopg2.OperationalError", "server closed the connection unexpectedly", ConnectionCut),
    (LOGIN, "psycopg2.InterfaceError", "cursor already closed", ConnectionCut),
    (LOGIN, "psycopg2.errors.AdminShutdown", "terminating connection due to administrator command", ConnectionCut),
    (LOGIN, "psycopg2.errors.InsufficientPrivilege", "permission denied for schema public", AccessRefused),
    (LOGIN, "psycopg2.OperationalError", 'FATAL: permission denied for database "acme"', AccessRefused),
    (LOGIN, "builtins.KeyError", "'res.users'", HalfMadeDatabase),
    (LOGIN, "psycopg2.errors.UndefinedTable", 'relation "res_users" does not exist', HalfMadeDatabase),
    (LOGIN, "psycopg2.errors.UndefinedColumn", "column res_users.x does not exist", LacksColumn),
    (WRITE, "odoo.exceptions.AccessDenied", "Access Denied", PasswordRefused),
    (WRITE, "odoo.exceptions.AccessDenied", "Too many login failures, please wait a bit", PasswordRefused),
    (WRITE, "odoo.exceptions.AccessError", "You are not allowed to access 'System Parameter'", AccessRefused),
    (WRITE, "odoo.exceptions.AccessError", "Private methods (such as 'res.users._x') cannot be called", AccessRefused),
    (WRITE, "odoo.exceptions.MissingError", "Record does not exist or has been deleted.", Rejected),
    (WRITE, "odoo.exceptions.ValidationError", "You can not have two users with the same login!", Rejected),
    (WRITE, "odoo.exceptions.UserError", "You cannot do that", Rejected),
    (WRITE, "odoo.exceptions.RedirectWarning", "Configure it first", Rejected),
    (WRITE, "odoo.exceptions.UserError", "Object x.y doesn't exist", Unsupported),
    (WRITE, "odoo.exceptions.UserError", "Record cannot be modified right now: This cron task is …", RecordLocked),
    (WRITE, "odoo.exceptions.UserError", "Odoo is currently processing a scheduled action.", RecordLocked),
    (WRITE, "odoo.exceptions.UserError", "Odoo is currently processing another module operation.", RecordLocked),
    (WRITE, "odoo.exceptions.LockError", "Cannot grab a lock on records", RecordLocked),
    (WRITE, "psycopg2.errors.InFailedSqlTransaction", "current transaction is aborted", RecordLocked),
    (WRITE, "psycopg2.errors.LockNotAvailable", "could not obtain lock on row", RecordLocked),
    (WRITE, "psycopg2.errors.SerializationFailure", "could not serialize access", RecordLocked),
    (WRITE, "builtins.AttributeError", "The method 'res.users.frob' does not exist", Unsupported),
    (WRITE, "builtins.AttributeError", "type object 'res.users' has no attribute 'frob'", Unsupported),
    (WRITE, "builtins.AttributeError", "'NoneType' object has no attribute 'id'", UnexpectedAnswer),
    (WRITE, "builtins.TypeError", "search() got an unexpected keyword argument 'frob'", Unsupported),
    (WRITE, "builtins.IndexError", "list index out of range", UnexpectedAnswer),
    (WRITE, "builtins.ValueError", "Invalid field 'frob' on 'res.users'", Unsupported),
    (WRITE, "builtins.ValueError", "Wrong value for res.users.lang: 'xx_XX'", Rejected),
    (WRITE, "builtins.ValueError", "Wrong value for res.users.tz: 'Europe/Kyiv'", Rejected),
    (WRITE, "builtins.ZeroDivisionError", "division by zero", UnexpectedAnswer),
]


@pytest.mark.parametrize(("call", "name", "words", "kind"), KNOWN)
@pytest.mark.parametrize("version", ["19.0", "14.0"])
def test_a_known_error_has_its_place_on_both_doors(
    call: Call, name: str, words: str, kind: type[HostError], version: str
) -> None:
    host = scripted(fault(name, words))
    error = failure_of(connect(host, version).read(call.service, call.method, *call.args, attempts=1))
    assert type(error) is kind
    assert isinstance(error, HostError)
    assert (error.server, error.database) == ("eu1", call.database)
    assert words in error.what


def test_every_rule_is_reached_by_a_known_error() -> None:
    """A rule that nothing reaches is either hidden by one above it, or a guess."""
    reached = set()
    for call, name, words, _ in KNOWN:
        met = Fault(name, words)
        reached.add(next((rule for rule in errors.RULES if rule.fits(met, call)), None))
    assert [rule for rule in errors.RULES if rule not in reached] == []


def test_an_error_that_no_rule_knows_is_unexpected_and_named() -> None:
    error = failure_of(connect(scripted(fault("some.module.NewError", "what is this"))).list_databases())
    assert isinstance(error, UnexpectedAnswer)
    assert str(error) == "eu1: db.list: NewError: what is this"


@pytest.mark.parametrize(
    ("call", "name", "words", "advice"),
    [
        (CLONE, "psycopg2.errors.ObjectInUse", "source database is being accessed by other users", "pg_stat_activity"),
        (RENAME, "builtins.Exception", RENAMING + "… is being accessed by other users", "pg_stat_activity"),
        (RENAME, "builtins.Exception", RENAMING + 'database "acme" does not exist', "meanwhile: run again"),
        (WRITE, "odoo.exceptions.AccessError", "Contact your administrator to request access", "base.group_system"),
        (WRITE, "builtins.ValueError", "Wrong value for res.users.tz: 'Europe/Kyiv'", "`timezone`"),
    ],
)
def test_what_a_person_can_do_about_it_is_said(call: Call, name: str, words: str, advice: str) -> None:
    assert advice in errors.failure(Fault(name, words), call, server="one").advice


def test_a_denial_that_can_mean_two_things_says_so() -> None:
    error = failure_of(
        connect(scripted(fault("odoo.exceptions.AccessDenied", "Access Denied"))).read("db", "drop", "m", "a")
    )
    assert isinstance(error, MasterPasswordRefused)
    assert "list_db" in error.advice


def test_every_failure_of_the_tree_but_our_own_can_come_from_a_host() -> None:
    """The classes that no rule makes are those of the network, of the wire, and of our own checks."""
    made = {rule.failure for rule in errors.RULES}
    leaves = {kind for kind in vars(failures).values() if isinstance(kind, type) and not kind.__subclasses__()}
    elsewhere = {"HostUnreachable", "HostTimeout", "ProxyFailure", "TlsFailure", "Redirected", "CutOff"}
    ours = {"ProofFailed", "BuildLost", "Refused"}
    names = {kind.__name__ for kind in leaves - made if issubclass(kind, HostError)}
    assert names == elsewhere | ours
