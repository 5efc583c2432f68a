"""A store in a database on a server (PostgreSQL). Its address may hold a password, which is never shown."""

from __future__ import annotations

from sqlalchemy import URL, Engine, create_engine

from reconciler.store.failures import DELETABLE, StoreError


class ServerDatabase:
    """One database on a server."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self.where = url.render_as_string(hide_password=True)

    def engine(self, patience: float) -> Engine:
        """Make the engine; nothing is opened yet."""
        try:
            return create_engine(
                self._url,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args={"connect_timeout": int(patience)},
            )
        except ModuleNotFoundError as missing:
            advice = "install odoo-fleet[postgresql]"
            raise StoreError(f"needs the package {missing.name}", where=self.where, advice=advice) from None

    def prepare(self) -> None:
        """Do nothing: databases on servers are made by those who run the servers."""

    def is_in_place(self) -> bool:
        """Tell that it is: a server does not lose it silently."""
        return True

    def is_busy(self, error: BaseException | None) -> bool:
        """Tell that nobody is in the way: writers wait for one another on the server."""
        del error
        return False

    def explain(self, error: BaseException | None) -> StoreError:
        """Say what the server said, on one line."""
        said = " ".join(str(error).split())
        return StoreError(said, where=self.where, advice=f"see whether the server answers; {DELETABLE}")
