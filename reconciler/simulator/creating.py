"""`create_database`: an empty database, base in one transaction, the modules that come with it, the password last.

Whatever fails after the empty database was made is swallowed, and the call answers true: only a login with the
wanted password proves that a creation went to its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import seed, shipped
from .databases import USERLESS, SimulatedDatabase
from .errors import Failure, HostKilled, builtin, disk_full, postgres
from .operations import postgres_name, undisturbed

if TYPE_CHECKING:
    from .machine import Machine
    from .memory import Worker
    from .wire import RpcCall


async def create(
    host: Machine,
    worker: Worker,
    call: RpcCall,
    db_name: str,
    demo: Any,
    lang: str | None,
    user_password: str = "admin",
    login: str = "admin",
    country_code: str | None = None,
    phone: str | None = None,
) -> bool:
    """Answer `create_database`."""
    name = postgres_name(db_name)
    host.need_postgres()
    if name in host.databases:
        raise Failure("odoo.service.db.DatabaseExists", f"database {name!r} already exists!")
    await host.pause(0.3)
    host.reached("create_database.begun")
    if call.faults.get("disk-full") == "postgres":
        raise disk_full()
    if name in host.databases or "unique-violation" in call.faults:
        raise postgres(
            "UniqueViolation",
            'duplicate key value violates unique constraint "pg_database_datname_index"\n'
            f"DETAIL:  Key (datname)=({name}) already exists.\n",
        )
    database = host.databases[name] = SimulatedDatabase()
    database.creating = True
    host.reached("create_database.listed")
    try:
        async with host.lanes["create_database"]:
            await _initialise(
                host, worker, call, name, database, (lang, user_password, login, country_code, phone), demo=bool(demo)
            )
    except HostKilled:
        raise
    except Exception:  # noqa: BLE001 -- Odoo logs whatever goes wrong here, and the call goes on to say true
        return True
    finally:
        database.creating = False
    return True


async def _initialise(
    host: Machine,
    worker: Worker,
    call: RpcCall,
    name: str,
    database: SimulatedDatabase,
    wanted: tuple[str | None, str, str, str | None, str | None],
    *,
    demo: bool,
) -> None:
    epoch = database.connection_epoch
    at_base = call.faults.get("cpu-limit") is not None and host.random.random() < 0.5  # noqa: PLR2004 -- a coin
    await host.pause(host.costs.create * 0.1)
    database.initialised = not shipped.since(host.version, 16)
    host.reached("create_database.initialised")
    await host.pause(host.costs.create * 0.5)
    undisturbed(host, name, database, epoch)
    if "disk-full" in call.faults:
        _fill_base(host, name, database)
        database.stage = USERLESS
        for user in list(database.rows("res.users")):
            database.delete("res.users", user)
        raise disk_full()
    if at_base:
        raise Failure("builtins.Exception", "CPU time limit exceeded.")
    _fill_base(host, name, database)
    if demo:
        seed.add_demonstration_users(database, host.version)
    host.reached("create_database.base")
    await host.pause(host.costs.create * 0.3)
    undisturbed(host, name, database, epoch)
    if "cpu-limit" in call.faults:
        raise Failure("builtins.Exception", "CPU time limit exceeded.")
    _install_all(host, worker, name, database)
    host.reached("create_database.modules")
    await host.pause(host.costs.create * 0.1)
    undisturbed(host, name, database, epoch)
    before = database.savepoint()
    try:
        _finish(host, database, *wanted)
    except Exception:
        database.rollback(before)
        raise
    host.reached("create_database.password")


def _fill_base(host: Machine, name: str, database: SimulatedDatabase) -> None:
    """Commit the base transaction."""
    database.become(seed.base_database(host.version))
    seed.draw_anew(database, uuid=host.new_uuid(), secret=host.new_uuid(), now=host.now())
    due = seed.utc_text(host.now())
    for action in list(database.rows("ir.cron")):
        database.update("ir.cron", action, {"nextcall": due})
    for stored, size in seed.base_files(host.version).items():
        host.files(name).setdefault(stored, size)


def _install_all(host: Machine, worker: Worker, name: str, database: SimulatedDatabase) -> None:
    pending = [row for row in database.rows("ir.module.module").values() if row["state"] == "to install"]
    for row in pending:
        values = {
            "state": "installed",
            "latest_version": f"{host.version}.1.0",
            "write_date": seed.utc_text(host.now()),
        }
        database.update("ir.module.module", row["id"], values)
    seed.install_records(database, host.version, [row["name"] for row in pending], now=host.now())
    for stored, size in seed.files_of(database.rows("ir.attachment").values()).items():
        host.files(name).setdefault(stored, size)
    database.move_sequences(2)
    worker.delete(name)
    worker.registry(name, database)


def _finish(
    host: Machine,
    database: SimulatedDatabase,
    lang: str | None,
    password: str,
    login: str,
    country: str | None,
    phone: str | None,
) -> None:
    """Make the last transaction: country, phone, then the admin's language, login and password."""
    languages = {row["code"]: row for row in database.rows("res.lang").values()}
    if country and not any(row["code"] == str(country).upper() for row in database.rows("res.country").values()):
        raise builtin("IndexError", "tuple index out of range")
    if lang and lang not in languages and not shipped.since(host.version, 16):
        raise builtin("ValueError", f"Wrong value for res.users.lang: {lang!r}")
    if lang in languages:
        database.update("res.lang", languages[lang]["id"], {"active": True})
    if country:
        row = next(database.matching("res.country", code=str(country).upper()))
        database.update("res.company", 1, {"country_id": row["id"], "currency_id": row["currency_id"]})
    if phone:
        database.update("res.company", 1, {"phone": phone})
    admin = database.rows("res.users")[seed.ADMIN]
    partner = {"lang": lang or "en_US"}
    if login and "@" in login:
        database.update("res.company", 1, {"email": login})
        partner["email"] = login
    database.update("res.partner", admin["partner_id"], partner)
    database.update("res.users", seed.ADMIN, {"login": login or "admin", "password": str(password)})


def repair_half(host: Machine, name: str, database: SimulatedDatabase) -> None:
    """Do what the first login does to a half-made database of Odoo 14: base, but nothing else."""
    database.become(seed.base_database(host.version, half_made=True))
    seed.draw_anew(database, uuid=host.new_uuid(), secret=host.new_uuid(), now=host.now())
    host.files(name).update(seed.base_files(host.version))
    database.initialised = False
