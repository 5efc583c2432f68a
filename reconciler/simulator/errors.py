"""What a host raises while it answers, by the class names that Odoo gives on the wire.

A `Failure` stands for one Python exception inside Odoo: `wire` renders it as a JSON-RPC error, as an XML-RPC
fault or as a page of HTML, whatever the version does. It must never carry a password. The two connection
exceptions stand for what a client sees when no answer comes at all.
"""

from __future__ import annotations

from typing import Any

ACCESS_DENIED = "odoo.exceptions.AccessDenied"
ACCESS_ERROR = "odoo.exceptions.AccessError"
MISSING_ERROR = "odoo.exceptions.MissingError"
USER_ERROR = "odoo.exceptions.UserError"
VALIDATION_ERROR = "odoo.exceptions.ValidationError"


class Failure(Exception):
    """One exception inside Odoo: its qualified class, its text, and the arguments that JSON-RPC repeats."""

    def __init__(self, name: str, message: str, arguments: list[Any] | None = None) -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message
        self.arguments: list[Any] = [message] if arguments is None else arguments


class ConnectionRefused(Exception):
    """Nobody listens: the host is down."""


class ConnectionDropped(Exception):
    """The connection ended without a whole answer; `when` is before, during or after the work was done."""

    def __init__(self, when: str, partial: bytes = b"") -> None:
        super().__init__(when)
        self.when = when
        self.partial = partial


class HostKilled(Exception):
    """Raised inside an operation whose host was killed, so that it stops at the step it had reached."""


def access_denied() -> Failure:
    """Return the one answer to every wrong password, master password and `list_db = False`."""
    return Failure(ACCESS_DENIED, "Access Denied")


def access_error(message: str) -> Failure:
    """Return a refusal for want of rights."""
    return Failure(ACCESS_ERROR, message)


def user_error(message: str) -> Failure:
    """Return a refusal written for people."""
    return Failure(USER_ERROR, message)


def validation_error(message: str) -> Failure:
    """Return a broken constraint."""
    return Failure(VALIDATION_ERROR, message)


def missing_error(model: str, ids: list[int], uid: int) -> Failure:
    """Return what reading a record that is gone raises."""
    named = ",".join(map(str, ids)) + ("," if len(ids) == 1 else "")
    return Failure(
        MISSING_ERROR, f"Record does not exist or has been deleted.\n(Record: {model}({named}), User: {uid})"
    )


def key_error(key: str) -> Failure:
    """Return a `KeyError`, whose text is the key with quotes, as Python has it."""
    return Failure("builtins.KeyError", repr(key), [key])


def builtin(name: str, message: str) -> Failure:
    """Return one of Python's own exceptions."""
    return Failure(f"builtins.{name}", message)


def no_database(name: str) -> Failure:
    """Return what connecting to a database that is not there raises."""
    return Failure(
        "psycopg2.OperationalError",
        f'connection to server at "127.0.0.1", port 5432 failed: FATAL:  database "{name}" does not exist\n',
    )


def postgres_down() -> Failure:
    """Return what everything that needs PostgreSQL raises while it is down."""
    return Failure(
        "psycopg2.OperationalError",
        'connection to server at "127.0.0.1", port 5432 failed: Connection refused\n'
        "\tIs the server running on that host and accepting TCP/IP connections?\n",
    )


def out_of_connections() -> Failure:
    """Return what a new connection raises when PostgreSQL has no more to give."""
    return Failure(
        "psycopg2.OperationalError",
        'connection to server at "127.0.0.1", port 5432 failed: FATAL:  sorry, too many clients already\n',
    )


def connection_ended() -> Failure:
    """Return what long work in a database gets when a clone or a drop ends its connection."""
    return Failure(
        "psycopg2.OperationalError",
        "server closed the connection unexpectedly\n"
        "\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\n",
    )


def cursor_closed() -> Failure:
    """Return what a short read gets when a clone or a drop ends its connection."""
    return Failure("psycopg2.InterfaceError", "cursor already closed")


def disk_full() -> Failure:
    """Return what PostgreSQL raises when its own disk is full."""
    return postgres("DiskFull", "could not extend file: No space left on device\n")


def postgres(name: str, message: str) -> Failure:
    """Return an error class of `psycopg2.errors`."""
    return Failure(f"psycopg2.errors.{name}", message)
