"""A store in a database on a server (PostgreSQL). Its address may hold a password, which is never shown.

Nothing is set for a session, only for transactions, so that a pool between us and the server may part sessions as it likes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from reconciler.store.failures import DELETABLE, StoreError

_OPENING = 0x0D00F1EE7
"""The number of the lock under which stores are opened and migrated; other programs' numbers are unlikely to be this one."""

_ENCODINGS = frozenset({"UTF8", "SQL_ASCII"})
_HIDDEN = frozenset({"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})


class ServerDatabase:
    """One database on a server.

    Raises:
        StoreError: the address is ambiguous.
    """

    def __init__(self, url: URL) -> None:
        shown = url.set(drivername="postgresql", query={k: "***" if k in _HIDDEN else v for k, v in url.query.items()})
        self._url = url
        self.where = shown.render_as_string(hide_password=True).replace("%2A%2A%2A", "***")
        if "@" in (url.host or ""):
            # Part of a password, most likely: it must not come to be shown as the name of a host.
            advice = "write @ in a user or password as %40, or leave the password to PGPASSWORD or ~/.pgpass"
            raise StoreError("the address has more than one @", where="--store", advice=advice)

    def engine(self, patience: float) -> Engine:
        """Make the engine; nothing is opened yet."""
        try:
            # One connection, since one thread uses it; asked before each use whether it is still there.
            engine = create_engine(
                self._url,
                pool_size=1,
                max_overflow=0,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args=self._options(patience),
            )
        except ModuleNotFoundError as missing:
            advice = "install odoo-fleet[postgresql]"
            raise StoreError(f"needs the package {missing.name}", where=self.where, advice=advice) from None
        event.listen(engine, "connect", self._on_connect)
        event.listen(engine, "begin", _begin_with(patience))
        return engine

    def prepare(self) -> None:
        """Do nothing: databases on servers are made by those who run the servers."""

    def is_in_place(self) -> bool:
        """Tell that it is: whether it was deleted is seen when it is used, see `is_gone`."""
        return True

    def is_busy(self, error: BaseException | None) -> bool:
        """Tell whether the server is on its way down or up, as when it is restarted; writers wait on the server itself."""
        return any(words in str(error) for words in _RESTARTING)

    def is_gone(self, error: BaseException | None) -> bool:
        """Tell whether the tables are missing."""
        return _state(error) in {"42P01", "3F000"}

    def explain(self, error: BaseException | None) -> StoreError:
        """Say what the server or its driver said, on one line, and what to do about it."""
        said = " ".join(str(error).split()).removeprefix("connection failed: ")
        meaning = _BY_STATE.get(_state(error)) or next((m for words, m in _BY_WORDS.items() if words in said), None)
        what, advice = meaning or ("{said}", f"see what the server's log says; {DELETABLE}")
        return StoreError(what.format(said=said), where=self.where, advice=advice)

    def _options(self, patience: float) -> Mapping[str, object]:
        """Return how to connect: a server that vanished is noticed, where the system's own patience is hours."""
        seconds = max(2, math.ceil(patience))  # 0 means for ever and 1 is not kept
        options = {
            "connect_timeout": seconds,
            "keepalives_idle": seconds,
            "keepalives_interval": 1,
            "keepalives_count": seconds,
            "tcp_user_timeout": seconds * 1000,
            "client_encoding": "utf8",
            "fallback_application_name": "odoo-fleet",
            "prepare_threshold": None,  # statements that are prepared live in a session
        }
        return {key: value for key, value in options.items() if key not in self._url.query}

    def _on_connect(self, connection: Any, _entry: object) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding not in _ENCODINGS:
            advice = "make one with ENCODING 'UTF8' TEMPLATE template0: hosts send names in all writings"
            raise StoreError(f"the database holds {encoding} only", where=self.where, advice=advice)


def _begin_with(patience: float) -> Callable[[Connection], None]:
    waiting = f"SET LOCAL lock_timeout = {math.ceil(patience * 1000)}"

    def on_begin(connection: Connection) -> None:
        """Say in one message what this transaction is."""
        options = connection.get_execution_options()
        words = [waiting]
        if not options.get("writes"):
            words.append("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if options.get("durable"):
            words.append("SET LOCAL synchronous_commit = on")  # a role or database may have it off
        if options.get("opens"):
            words.append(f"SELECT pg_advisory_xact_lock({_OPENING})")
        connection.exec_driver_sql("; ".join(words))

    return on_begin


def _state(error: BaseException | None) -> str:
    """Return the server's code for the error; empty where the connection failed, for then the driver does not tell it."""
    return getattr(error, "sqlstate", None) or ""


_RESTARTING = ("system is starting up", "system is shutting down")
_RESTARTED = "try again in a moment: a server that is restarted ends its connections"
_LOG_IN = "put the right password into PGPASSWORD, ~/.pgpass or the address"

_BY_STATE = {
    "42P01": ("its tables are gone", f"the next call makes them anew; {DELETABLE}"),
    "3F000": ("its schema is gone", f"make it again; {DELETABLE}"),
    "42501": ("{said}", "let the user own the database, or GRANT CREATE, USAGE on its schema to the user"),
    "55P03": ("another process has held it for too long", "see in pg_stat_activity what holds it, then try again"),
    "53100": ("the server's disk is full", f"make room and try again; {DELETABLE}"),
    "25006": ("the server takes no writes: {said}", "name the primary, not a standby"),
    "57P01": ("{said}", _RESTARTED),
    "57P02": ("{said}", _RESTARTED),
    "57P03": ("{said}", _RESTARTED),
}
_BY_WORDS = {
    "password authentication failed": ("{said}", _LOG_IN),
    "no password supplied": ("{said}", _LOG_IN),
    _RESTARTING[0]: ("{said}", _RESTARTED),
    _RESTARTING[1]: ("{said}", _RESTARTED),
    "server closed the connection": ("the connection was lost: {said}", _RESTARTED),
    "consuming input failed": ("the connection was lost: {said}", _RESTARTED),
    "the connection is": ("the connection was lost: {said}", _RESTARTED),
    "failed to resolve host": ("{said}", "see whether the address names the right host"),
    "Connection refused": ("{said}", "see whether the server runs and listens there"),
    "timeout expired": ("{said}", "see whether the server answers from here"),
    "does not exist": ("{said}", "make it with CREATE DATABASE … OWNER …, or correct the address"),
}
"""What the driver says where it gives no code: whenever it could not connect, and the server's words with it."""
