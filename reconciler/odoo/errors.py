"""What Odoo's errors mean: one table from the names and words of faults to the tree in `core.model.failures`.

Pure. The first rule that fits decides; a fault that fits none is `UnexpectedAnswer`, never silently something milder. One
name can mean several things, so rules may ask for the service, the method and words of the message. The words are Odoo's
and PostgreSQL's English ones: sessions ask for `en_US`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
from reconciler.odoo.cleaning import one_line
from reconciler.odoo.protocol import Call, Fault


@dataclass(frozen=True, slots=True)
class Rule:
    """What faults of these names mean, on this service and method and with these words; empty means any."""

    names: str
    failure: type[HostError]
    words: str = ""
    calls: str = ""
    advice: str = ""

    def fits(self, fault: Fault, call: Call) -> bool:
        """Tell whether this rule speaks of that fault."""
        return (
            fault.name in self.names.split()
            and re.search(self.words, fault.message) is not None
            and re.match(self.calls, f"{call.service}.{call.method}") is not None
        )


_LISTED_NOT = "either the master password is wrong or the host has list_db = False"
_OTHER_ROLE = "it belongs to another PostgreSQL role"
_OTHER_SESSION = (
    "a scheduled action that has just begun ends by itself: run again; or else another program of the host is connected to it (a"
    " backup, pgAdmin, a metrics exporter): see pg_stat_activity, and end it or connect it to another database"
)
_LACKS_RIGHTS = "give the operator's account (base.user_admin) its groups back, base.group_system above all"
_DISK = "is the host's disk full? what was being made may be left behind"
_STALE = (
    "the host's code is newer than the database and its modules are to be upgraded, the database is of another Odoo series, or a"
    " worker remembers another database of this name"
)
_TIMEZONE = (
    "correct `timezone`: the host's Odoo or its pytz does not know that name (an older one knows Europe/Kiev, say)"
)
_MEANWHILE = (
    "another run, or somebody by hand, may have renamed it meanwhile: run again to begin with what is there now"
)
_COOLDOWN = "Odoo refuses all logins from here for a minute after ten wrong ones"

RULES: tuple[Rule, ...] = (
    # Who may speak to the host. `dispatch` checks the master password before `list_db`, so on most calls the answer does
    # not tell which of the two failed (14 to 19, service/db.py).
    Rule("odoo.exceptions.AccessDenied", ListingDisabled, calls=r"db\.list$|web\."),
    Rule("odoo.exceptions.AccessDenied", MasterPasswordRefused, calls=r"db\.list_countries$"),
    Rule("odoo.exceptions.AccessDenied", MasterPasswordRefused, calls=r"db\.", advice=_LISTED_NOT),
    # Who may speak to a database.
    Rule("odoo.exceptions.AccessDenied", PasswordRefused, "Too many login failures", advice=_COOLDOWN),
    Rule("odoo.exceptions.AccessDenied", PasswordRefused),
    Rule("odoo.exceptions.AccessError", AccessRefused, r"Private methods"),
    Rule("odoo.exceptions.AccessError", AccessRefused, advice=_LACKS_RIGHTS),
    # The connection from Odoo to PostgreSQL, and what it says on opening.
    Rule("psycopg2.OperationalError", NoSuchDatabase, r"database .* does not exist"),
    Rule("psycopg2.OperationalError", AccessRefused, r"permission denied for database", advice=_OTHER_ROLE),
    Rule(
        "psycopg2.OperationalError psycopg2.DatabaseError",
        ConnectionCut,
        r"server closed the connection|terminating connection|connection (already|has been) closed|could not receive data"
        r"|SSL SYSCALL|lost synchronization",
    ),
    Rule("psycopg2.InterfaceError psycopg2.errors.AdminShutdown psycopg2.errors.CrashShutdown", ConnectionCut),
    Rule(
        "psycopg2.OperationalError psycopg2.errors.CannotConnectNow psycopg2.errors.TooManyConnections "
        "psycopg2.pool.PoolError odoo.sql_db.PoolError",
        DatabaseServerDown,
    ),
    # Databases and their names.
    Rule("psycopg2.errors.ObjectInUse", SourceBusy, advice=_OTHER_SESSION),
    Rule("psycopg2.errors.DuplicateDatabase odoo.service.db.DatabaseExists", DatabaseExists),
    Rule("psycopg2.errors.UniqueViolation", DatabaseExists, calls=r"db\."),  # two creates of one name at once
    Rule("psycopg2.errors.InvalidCatalogName", NoSuchDatabase),
    Rule("builtins.Exception", DatabaseExists, r"Couldn't rename database .* already exists", advice=_MEANWHILE),
    Rule("builtins.Exception", NoSuchDatabase, r"Couldn't (rename|drop) database .* does not exist", advice=_MEANWHILE),
    Rule(
        "builtins.Exception",
        SourceBusy,
        r"Couldn't (rename|drop) database .* being accessed by other users",
        advice=_OTHER_SESSION,
    ),
    Rule("builtins.Exception", AccessRefused, r"Couldn't (rename|drop) database .* must be owner", advice=_OTHER_ROLE),
    Rule("psycopg2.errors.InsufficientPrivilege", AccessRefused, advice=_OTHER_ROLE),
    Rule("builtins.KeyError", Unsupported, r"^'?(db|common|object)'?$"),  # 19.1+: the service is gone
    Rule("builtins.KeyError", HalfMadeDatabase, r"^'?(res|ir|base)\.[a-z_.]+'?$"),
    Rule("psycopg2.errors.UndefinedTable", HalfMadeDatabase, r'relation "(res|ir|base)_\w+" does not exist'),
    Rule("psycopg2.errors.UndefinedTable psycopg2.errors.UndefinedColumn", LacksColumn, advice=_STALE),
    # Held by somebody else at this moment; nothing was written.
    Rule(
        "odoo.exceptions.UserError odoo.exceptions.Warning",
        RecordLocked,
        r"cannot be modified right now|another module operation|currently processing a scheduled action|not fully loaded",
    ),
    Rule(
        "psycopg2.errors.InFailedSqlTransaction psycopg2.errors.LockNotAvailable psycopg2.errors.SerializationFailure "
        "psycopg2.errors.DeadlockDetected psycopg2.extensions.TransactionRollbackError odoo.exceptions.LockError "
        "odoo.exceptions.ConcurrencyError",
        RecordLocked,
    ),
    # What this version or this database does not have.
    Rule("odoo.exceptions.UserError", Unsupported, r"Object \S+ doesn't exist"),
    Rule("builtins.AttributeError", Unsupported, r"method '\S+' does not exist|type object '\S+' has no attribute"),
    Rule("builtins.TypeError", Unsupported, r"positional argument|unexpected keyword|required (positional|keyword)"),
    Rule("builtins.ValueError", Unsupported, r"Invalid field"),
    Rule("builtins.NameError builtins.KeyError builtins.Exception", Unsupported, r"Method not (available|found)"),
    Rule("builtins.IndexError builtins.TypeError builtins.AttributeError", UnexpectedAnswer),
    Rule("werkzeug.exceptions.NotFound", NotOdoo, advice="this Odoo offers no RPC: is the module rpc loaded?"),
    # Odoo's own rules.
    Rule("builtins.ValueError", Rejected, r"Wrong value for res\.(users|partner)\.tz", advice=_TIMEZONE),
    Rule(
        "odoo.exceptions.ValidationError odoo.exceptions.UserError odoo.exceptions.MissingError "
        "odoo.exceptions.RedirectWarning odoo.exceptions.Warning builtins.ValueError psycopg2.errors.UniqueViolation "
        "psycopg2.errors.NotNullViolation psycopg2.errors.ForeignKeyViolation psycopg2.errors.CheckViolation",
        Rejected,
    ),
    Rule("psycopg2.errors.DiskFull shutil.Error builtins.OSError", UnexpectedAnswer, advice=_DISK),
)


def failure(fault: Fault, call: Call, *, server: str) -> HostError:
    """Tell what a fault means for the call that met it."""
    rule = next((rule for rule in RULES if rule.fits(fault, call)), None)
    kind = rule.failure if rule else UnexpectedAnswer
    known = fault.name.startswith("odoo.exceptions.")
    message = re.split(r"\s+while evaluating\s", fault.message)[0]  # a server action's code follows, whole
    words = message if known and message else f"{fault.name.rpartition('.')[2]}: {message}"
    what = one_line(f"{call.operation}: {words}")
    return kind(what, server=server, database=call.database, advice=rule.advice if rule else "")
