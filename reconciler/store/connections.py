"""Transactions on a store, wherever it is: reading, writing, and writing that a power cut cannot take back.

Waits for other processes, opens the store anew where it was deleted under us, and lets no error out but `StoreError`.
Used by one thread at a time. Never repeats what stands inside a transaction: waiting is over before that begins.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, StatementError

from reconciler.store.failures import DELETABLE, StoreError
from reconciler.store.migrating import bring_up_to_date

PATIENCE = 5.0
"""Seconds to wait for other processes. They hold a store for less than a millisecond, so that this is one that hangs."""

_PAUSES = (0.01, 0.2)
"""Seconds between two attempts, at most: the first pause, and what the pauses grow to."""


class StorePlace(Protocol):
    """Where a store is."""

    where: str

    def engine(self, patience: float) -> Engine:
        """Make the engine, which waits that many seconds for others; nothing is opened yet.

        Its transactions heed three execution options: `writes`; `durable`, on the disk when committed; `opens`, one at a time.
        """
        ...

    def prepare(self) -> None:
        """Make what is missing before it is opened."""
        ...

    def is_in_place(self) -> bool:
        """Tell whether what was opened is still there."""
        ...

    def is_busy(self, error: BaseException | None) -> bool:
        """Tell whether waiting helps."""
        ...

    def is_gone(self, error: BaseException | None) -> bool:
        """Tell whether a driver's error means that the store was deleted, so that the next call has to make it anew."""
        ...

    def explain(self, error: BaseException | None) -> StoreError:
        """Say what a driver's error means."""
        ...


class Connections:
    """The transactions of one opened store.

    Args:
        place: where it is.
        on_renewed: called in the first transaction on a store that took the place of a deleted one.
    """

    def __init__(self, place: StorePlace, on_renewed: Callable[[Connection], None]) -> None:
        self._place = place
        self._on_renewed = on_renewed
        self._engine = place.engine(PATIENCE)
        self._writing = self._engine.execution_options(writes=True)
        self._opening = self._engine.execution_options(writes=True, opens=True)
        self._durable = self._engine.execution_options(writes=True, durable=True)
        self._is_open = False
        with self._explained():
            self._open()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read one consistent state."""
        with self._explained():
            self._renew_if_deleted()
            with self._begun(self._engine) as connection:
                try:
                    yield connection
                except (ValueError, TypeError):
                    what = "it holds what no odoo-fleet wrote"
                    raise StoreError(what, where=self._place.where, advice=DELETABLE) from None

    @contextlib.contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Connection]:
        """Write all or nothing; committed, and where asked for on the disk, when it returns."""
        with self._explained():
            self._renew_if_deleted()
            with self._begun(self._durable if durable else self._writing) as connection:
                yield connection

    def close(self) -> None:
        """Close; the last to leave a SQLite file tidies its log away."""
        self._engine.dispose()

    def _open(self, on_open: Callable[[Connection], None] | None = None) -> None:
        self._is_open = False
        try:
            self._place.prepare()
            # One at a time, so that of several who find a store to be migrated one does it.
            with self._begun(self._opening) as connection:
                bring_up_to_date(connection, self._place.where)
                if on_open is not None:
                    on_open(connection)
        except BaseException:
            self._engine.dispose()
            raise
        self._is_open = True

    def _renew_if_deleted(self) -> None:
        if not (self._is_open and self._place.is_in_place()):
            self._engine.dispose()
            self._open(self._on_renewed)

    @contextlib.contextmanager
    def _begun(self, engine: Engine) -> Iterator[Connection]:
        with self._connect(engine) as connection:
            yield connection
            connection.commit()

    def _connect(self, engine: Engine) -> Connection:
        """Connect and begin; tried again where the driver itself does not wait: see `is_busy` of the places."""
        give_up = time.monotonic() + PATIENCE
        pause, longest = _PAUSES
        while True:
            try:
                return _begin(engine)
            except DBAPIError as error:
                if not self._place.is_busy(error.orig) or time.monotonic() > give_up:
                    raise
            time.sleep(pause * random.random())  # noqa: S311 -- two who wait must not keep in step; no secret
            pause = min(2 * pause, longest)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the errors of drivers into `StoreError`, without the SQL and the parameters that they carry."""
        try:
            yield
        except DBAPIError as error:
            self._is_open = self._is_open and not self._place.is_gone(error.orig)
            raise self._place.explain(error.orig) from None
        except StatementError as error:
            # Ours, not the store's: a value that a column refuses.
            raise (error.orig or error) from None


def _begin(engine: Engine) -> Connection:
    connection = engine.connect()
    try:
        connection.begin()
    except BaseException:
        connection.close()
        raise
    return connection
