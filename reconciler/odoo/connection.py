"""One host, and one account in one of its databases: the calls by which the rest of the program speaks to Odoo.

Reads are retried, changes are sent once (`exchange` has the rules). What a call answers is checked for its shape before it
is believed. Nothing here limits how many calls run at once, remembers an answer (but the version, which chooses the door) or
decides what an unknown outcome means: that is the caller's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO, TypeVar

from reconciler.core.model.failures import (
    HalfMadeDatabase,
    ListingDisabled,
    NotOdoo,
    PasswordRefused,
    Redirected,
    Rejected,
    UnexpectedAnswer,
    UnknownOutcome,
    Unsupported,
)
from reconciler.notices.events import CallEvent
from reconciler.odoo import shapes, versions
from reconciler.odoo.exchange import Exchange
from reconciler.odoo.forms import Form
from reconciler.odoo.protocol import Answer, Call, Transport
from reconciler.odoo.versions import HostVersion, Version
from schemas.secrets import Secret
from schemas.server import Timeouts

_T = TypeVar("_T")
_HURRIED_SECONDS = 5.0
_NOBODYS = Secret("a password that nobody has")


class HostConnection:
    """Calls to one host.

    Args:
        server: the server's code in the fleet, for messages.
        url: its address; paths of Odoo's are added to it.
        declared_version: chooses the door until the host has said its own version.
        master_password: asked anew for each call that needs it.
        transport: carries the requests.
        timeouts: how long whole calls may take, by what they do; `connect_seconds` is for the connection alone.
        sleep: waits between attempts.
        jitter: draws from [0, 1), so that hosts which failed together are not asked together.
        on_call: told of every request that ended.
    """

    def __init__(
        self,
        *,
        server: str,
        url: str,
        declared_version: str,
        master_password: Callable[[], Secret],
        transport: Transport,
        timeouts: Timeouts,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
        on_call: Callable[[CallEvent], None] | None = None,
    ) -> None:
        self.server = server
        self.timeouts = timeouts
        self._master_password = master_password
        self._exchange = Exchange(
            server=server,
            url=url,
            series=Version.parse(declared_version),
            transport=transport,
            master_password=master_password,
            connect_timeout=timeouts.connect_seconds,
            sleep=sleep,
            jitter=jitter,
            on_call=on_call,
        )

    @property
    def series(self) -> Version | None:
        """The host's series as it last said itself, before that as the fleet declares it."""
        return self._exchange.series

    @property
    def clock(self) -> datetime | None:
        """The time of day as the host said it in its last answer; None where it did not."""
        return self._exchange.clock

    async def known_series(self) -> Version:
        """Return the host's series, asking for it if neither the host nor the fleet has said it."""
        return self.series or (await self.version()).series

    def master_password(self) -> Secret:
        """Return the master password, which nearly every `db` call takes first."""
        return self._master_password()

    async def read(
        self, service: str, method: str, *args: object, timeout: float | None = None, attempts: int = 4
    ) -> Any:
        """Make a call that changes nothing; what may pass is tried again, with growing and scattered pauses."""
        self._require_service(service)
        limit = self.timeouts.read_seconds if timeout is None else timeout
        return await self._exchange.read(Call(service, method, args), limit=limit, attempts=attempts)

    async def change(self, service: str, method: str, *args: object, timeout: float) -> Any:
        """Make a call that changes something: sent once, on a connection of its own.

        Any failure but `UnknownOutcome` is Odoo's own word, or nothing was sent. Odoo's word means that an `execute_kw` was
        undone (but for methods that commit on their way, as `button_immediate_install`), while a failed `db` call can leave
        a database behind: look.

        Raises:
            UnknownOutcome: no answer of Odoo's came, or its own connection to PostgreSQL was lost, perhaps after the commit.
        """
        self._require_service(service)
        return await self._exchange.change(Call(service, method, args), limit=timeout)

    async def version(self) -> HostVersion:
        """Ask for the version; needs no database and no password, and answers while PostgreSQL is down."""
        answer = self.checked(shapes.mapping, await self.read("common", "version"), "common.version")
        words = self.checked(shapes.text, answer.get("server_version"), "common.version")
        parts = self.checked(shapes.sequence, answer.get("server_version_info"), "common.version")
        series = Version.from_version_info(parts) or Version.parse(words)
        if series is None:
            raise UnexpectedAnswer("common.version: names no version", server=self.server)
        self._exchange.series = series
        return HostVersion(series, words)

    async def list_databases(self, *, hurry: bool = False) -> tuple[str, ...]:
        """List the databases that Odoo's PostgreSQL role owns, sorted; in a hurry, by one short call.

        An empty list can also mean that the host's own query failed (14 to 19, service/db.py).
        """
        limit, attempts = (_HURRIED_SECONDS, 1) if hurry else (None, 4)
        try:
            answer = await self.read("db", "list", timeout=limit, attempts=attempts)
        except ListingDisabled:
            advice = "databases can be managed only with list_db = True"
            what = "the host does not list its databases: list_db = False"
            raise ListingDisabled(what, server=self.server, advice=advice) from None
        return tuple(sorted(self.checked(shapes.texts, answer, "db.list")))

    async def database_exists(self, name: str, *, hurry: bool = False) -> bool:
        """Tell whether Odoo can connect to a database of this name, listed or not; in a hurry, by one short call.

        False also while PostgreSQL is down; true also for databases of another PostgreSQL role.
        """
        limit, attempts = (_HURRIED_SECONDS, 1) if hurry else (None, 4)
        answer = await self.read("db", "db_exist", name, timeout=limit, attempts=attempts)
        return self.checked(shapes.boolean, answer, "db.db_exist", name)

    async def check_master_password(self) -> None:
        """Prove the master password by a call without effect; raises `MasterPasswordRefused`."""
        await self.read("db", "list_countries", self.master_password())

    async def login(self, database: str, login: str, password: Secret) -> int | None:
        """Return the user's id, or None when login and password are not taken. Never cached, so an honest test.

        None also for a user with two-factor login, and on 14 for a minute after ten wrong logins from here.
        """
        uid = await self.read("common", "login", database, login, password)
        return None if uid is False else self.checked(shapes.identifier, uid, "common.login", database)

    async def is_half_made(self, database: str) -> bool:
        """Tell whether a database's initialisation never ended, so that it has no models, or no users (a full disk).

        OdooBot, of the id 1, is in every database: asked with a password that nobody has, Odoo answers AccessDenied where it
        is and MissingError where it is not (14 and 19).
        """
        try:
            if await self.login(database, "admin", Secret("admin")) is None:
                await self.read("object", "execute_kw", database, 1, _NOBODYS, "res.users", "search_count", [[]], {})
        except (HalfMadeDatabase, Rejected):
            return True
        except PasswordRefused:
            return False
        return False

    async def served_databases(self, host_header: str) -> tuple[str, ...] | None:
        """List what `dbfilter` lets a browser reach under a host name; None when the answer does not tell."""
        call = Call("web", "database/list", host=host_header)
        try:
            answer = await self._exchange.read(call, limit=self.timeouts.read_seconds, attempts=4)
        except (ListingDisabled, NotOdoo, Redirected, UnexpectedAnswer):
            return None
        return tuple(sorted(self.checked(shapes.texts, answer, call.operation)))

    async def fetch_page(self, form: Form, *, into: BinaryIO, timeout: float) -> Answer:
        """Send a form and write what is answered into a file, once; the answer has the beginning of it.

        Raises:
            HostError: no answer of a page came, or one that is not Odoo's.
        """
        return await self._exchange.fetch(form.call, form.request(self._exchange.url), into=into, limit=timeout)

    async def send_page(self, form: Form, *, timeout: float) -> Answer:
        """Send a form that changes something, once, and return the page that is answered.

        Raises:
            UnknownOutcome: no answer came.
        """
        request = form.request(self._exchange.url)
        return await self._exchange.fetch(form.call, request, into=None, limit=timeout, changes=True)

    async def fetch_value(self, service: str, method: str, *args: object, into: BinaryIO, timeout: float) -> None:
        """Make a call that changes nothing, and write its answer into a file as it comes: it is too large to be held.

        Raises:
            HostError: Odoo refused, or no answer of Odoo's came.
        """
        self._require_service(service)
        await self._exchange.fetch_value(Call(service, method, args), into=into, limit=timeout)

    def clean(self, text: str) -> str:
        """Make one printable line of what the host says, without the secrets that it knows."""
        return self._exchange.clean(text)

    def checked(self, shape: Callable[[object], _T], answer: object, operation: str, database: str = "") -> _T:
        """Return the answer if it has the shape, or raise `UnexpectedAnswer`."""
        try:
            return shape(answer)
        except shapes.Mismatch as mismatch:
            raise UnexpectedAnswer(f"{operation}: {mismatch}", server=self.server, database=database) from None

    def _require_service(self, service: str) -> None:
        if service == "db" and self.series is not None and not versions.has_database_service(self.series):
            raise Unsupported(
                f"Odoo {self.series} has no database service: it was removed in 19.1",
                server=self.server,
                advice="hosts up to 19.0 can be managed",
            )


class DatabaseSession:
    """Calls to the models of one database, as one account.

    Args:
        connection: the host.
        database: its name.
        uid: what `HostConnection.login` gave: with a wrong password 14 would write the password into the host's log.
        password: the account's.
        context: added to Odoo's context for each call.
        references: external ids that are known already, as those of a template are in its clones.
    """

    def __init__(
        self,
        connection: HostConnection,
        database: str,
        uid: int,
        password: Secret,
        *,
        context: Mapping[str, object] | None = None,
        references: Mapping[str, tuple[str, int]] | None = None,
    ) -> None:
        self.connection = connection
        self.database = database
        self.uid = uid
        self._password = password
        self._references = dict(references or {})
        # Odoo translates its errors to the user's language; `errors` knows the English words.
        self._context = {"lang": "en_US", **(context or {})}

    def renamed(self, database: str, password: Secret | None = None) -> DatabaseSession:
        """Return the same account under another name of its database, or in a clone of it; perhaps with another password."""
        password = self._password if password is None else password
        context, references = self._context, self._references
        return DatabaseSession(self.connection, database, self.uid, password, context=context, references=references)

    async def read_call(
        self, model: str, method: str, /, *args: object, timeout: float | None = None, **kwargs: object
    ) -> Any:
        """Call a method that changes nothing."""
        return await self.connection.read(*self._execute(model, method, args, kwargs), timeout=timeout)

    async def change_call(
        self, model: str, method: str, /, *args: object, timeout: float | None = None, **kwargs: object
    ) -> Any:
        """Call a method that changes something; see `HostConnection.change`."""
        limit = self.connection.timeouts.read_seconds if timeout is None else timeout
        return await self.connection.change(*self._execute(model, method, args, kwargs), timeout=limit)

    async def search(
        self,
        model: str,
        domain: Sequence[object],
        *,
        context: Mapping[str, object] | None = None,
        order: str = "id",
        limit: int | None = None,
    ) -> list[int]:
        """Find the ids of records."""
        options = _options(context=context, order=order, limit=limit)
        answer = await self.read_call(model, "search", list(domain), **options)
        return self._checked(shapes.identifiers, answer, f"{model}.search")

    async def search_read(
        self,
        model: str,
        domain: Sequence[object],
        fields: Sequence[str],
        *,
        context: Mapping[str, object] | None = None,
        order: str = "id",
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """Find records and read some of their fields (and `id`)."""
        options = _options(context=context, order=order, limit=limit)
        answer = await self.read_call(model, "search_read", list(domain), list(fields), **options)
        return self._checked(shapes.records, answer, f"{model}.search_read")

    async def read(
        self, model: str, ids: Sequence[int], fields: Sequence[str], *, context: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        """Read some fields (and `id`) of records."""
        answer = await self.read_call(model, "read", list(ids), list(fields), **_options(context=context))
        return self._checked(shapes.records, answer, f"{model}.read")

    async def create(
        self, model: str, values: Mapping[str, object], *, context: Mapping[str, object] | None = None
    ) -> int:
        """Create one record and return its id."""
        answer = await self.change_call(model, "create", dict(values), **_options(context=context))
        try:
            return shapes.identifier(answer)
        except shapes.Mismatch as mismatch:
            what = f"{model}.create: {mismatch}"
            raise UnknownOutcome(what, server=self.connection.server, database=self.database) from None

    async def write(
        self,
        model: str,
        ids: Sequence[int],
        values: Mapping[str, object],
        *,
        context: Mapping[str, object] | None = None,
    ) -> None:
        """Write the same values to records."""
        await self.change_call(model, "write", list(ids), dict(values), **_options(context=context))

    async def xmlids(self, references: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Return the models and ids behind external ids; none where one does not exist. What is known is not asked."""
        wanted = frozenset(references)
        if unknown := wanted - self._references.keys():
            self._references |= await self._read_xmlids(unknown)
        return {reference: self._references[reference] for reference in wanted & self._references.keys()}

    async def _read_xmlids(self, wanted: frozenset[str]) -> dict[str, tuple[str, int]]:
        parts = [reference.partition(".") for reference in wanted]
        domain = [
            ["module", "in", sorted({module for module, _, _ in parts})],
            ["name", "in", sorted({name for _, _, name in parts})],
        ]
        found: dict[str, tuple[str, int]] = {}
        for row in await self.search_read("ir.model.data", domain, ["module", "name", "model", "res_id"]):
            reference = f"{row['module']}.{row['name']}"
            if reference in wanted:
                model = self._checked(shapes.text, row["model"], "ir.model.data.search_read")
                found[reference] = (model, self._checked(shapes.identifier, row["res_id"], "ir.model.data.search_read"))
        return found

    def _execute(self, model: str, method: str, args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[Any, ...]:
        """Make the arguments of `object.execute_kw`."""
        context = kwargs.pop("context", None)
        merged = {**self._context, **(context if isinstance(context, Mapping) else {})}
        named = {**kwargs, "context": merged}
        return ("object", "execute_kw", self.database, self.uid, self._password, model, method, list(args), named)

    def _checked(self, shape: Callable[[object], _T], answer: object, operation: str) -> _T:
        return self.connection.checked(shape, answer, operation, self.database)


def _options(**options: object) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
