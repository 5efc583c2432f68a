"""Verbs: what can be done to a server or a database, and all that is said of it. A new verb is one value here.

What it does is in `reconciler.engine.carrying_out`, when it is planned in the diff of its kind; all others go by what stands
here: order, safety, saved plans, reports, history, metrics.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic_core import core_schema


class Verb(str):
    """The name of a verb, with what others need to know of it."""

    __slots__ = (
        "alike",
        "alters",
        "at_once",
        "goal",
        "happens",
        "is_housekeeping",
        "loses_data",
        "needs_master_password",
        "new",
        "passes_out_of_reach",
        "stage",
        "symbol",
        "takes_out_of_service",
        "whereby",
    )

    stage: int
    """Where it stands in a changeset among actions that do not wait for one another; the lowest come first."""
    symbol: str
    """`+` brings something into service, `~` changes it, `-` takes it out of service or away."""
    goal: str
    """How a summary counts it: `5 to clone`."""
    happens: str
    """What becomes of the document or database, as Markdown; with names as in `whereby`."""
    new: str
    """Why it is planned if nothing but the text asks for it."""
    whereby: str
    """From what to what; `{database}` is the name before, `{becomes}` the one after, `{former}` and `{target}` without the state,
    `{trash}` the trash's, `{moved}` that of what a move leaves behind, `{quiet}` says that it is suspended then; `{origin}` and
    `{server}` are servers, where it comes from and where it is."""
    takes_out_of_service: bool
    """Whether customers no longer reach the database afterwards: the removal thresholds count those."""
    loses_data: bool
    """Whether something of a database in service is gone afterwards, which stays in service: counted as a removal too."""
    alters: bool
    """Whether a database that is there is another one afterwards, and still in service: the change thresholds count those."""
    passes_out_of_reach: bool
    """Whether customers do not reach a database in service while it lasts, and do again afterwards."""
    is_housekeeping: bool
    """Whether it is done to a database that no document declares, and when its time has come."""
    needs_master_password: bool
    """Whether the host does it for its master password alone: what makes, renames and drops databases, and the tests before."""
    at_once: int
    """How many of it one host bears at once; 0: as many as of all others together."""
    alike: str
    """What it has in common with the verbs that share this limit; its own name where none does."""

    def __new__(
        cls,
        name: str,
        *,
        stage: int,
        symbol: str,
        goal: str = "",
        happens: str,
        new: str = "declared",
        whereby: str = "",
        takes_out_of_service: bool = False,
        loses_data: bool = False,
        alters: bool = False,
        passes_out_of_reach: bool = False,
        is_housekeeping: bool = False,
        needs_master_password: bool = True,
        at_once: int = 0,
        alike: str = "",
    ) -> Self:
        """Make the verb of a name, known to all from now on."""
        verb = super().__new__(cls, name)
        verb.stage, verb.symbol, verb.goal, verb.happens, verb.new = stage, symbol, goal or name, happens, new
        verb.whereby, verb.takes_out_of_service, verb.at_once = whereby, takes_out_of_service, at_once
        verb.alike, verb.loses_data = alike or name, loses_data
        verb.alters, verb.passes_out_of_reach = alters, passes_out_of_reach
        verb.is_housekeeping, verb.needs_master_password = is_housekeeping, needs_master_password
        VERBS[name] = verb
        return verb

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Copy as itself: there is one verb of a name."""
        return named, (str(self),)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> core_schema.CoreSchema:
        """Read and write it as its name."""
        return core_schema.no_info_plain_validator_function(named, serialization=core_schema.to_string_ser_schema())


VERBS: dict[str, Verb] = {}
"""All verbs by their names."""

UNPACKS = "unpacks"
"""Of verbs that bring a whole archive in: up to twice the size of the database is in the host's /tmp meanwhile."""


def named(name: str) -> Verb:
    """Return the verb of a name.

    Raises:
        ValueError: this version knows none.
    """
    if name not in VERBS:
        raise ValueError(f"there is no verb {name!r}")
    return VERBS[name]


def in_order() -> list[Verb]:
    """List all verbs as they come in a changeset."""
    return sorted(VERBS.values(), key=lambda verb: verb.stage)


ACTIVATE = Verb("activate", stage=10, symbol="+", new="new: its tests come first", happens="tested, then put to use")
MAINTAIN = Verb(
    "set-maintenance",
    stage=20,
    symbol="~",
    goal="set to maintenance",
    happens="set to maintenance: nothing new is placed on it",
    needs_master_password=False,
)
DISABLE = Verb("disable", stage=30, symbol="-", happens="disabled", needs_master_password=False)
CREATE = Verb(
    "create",
    stage=40,
    symbol="+",
    new="new",
    whereby="database {becomes}",
    happens="database {becomes} created",
    at_once=1,  # two at once gain nothing (measured on 19, threaded)
)
REBUILD = Verb(
    "rebuild",
    stage=42,
    symbol="~",
    new="by command",
    whereby="{database} becomes {trash}",
    happens="**built anew** as its text says now; {database} serves until then and becomes {trash}, kept for"
    " `retention.trash_days` and then dropped",
    alters=True,
    at_once=1,
    alike=CREATE,
)
CLONE = Verb(
    "clone",
    stage=50,
    symbol="+",
    new="new",
    whereby="from {database}{quiet}",
    happens="new database {target}, cloned from {database}{quiet}",
)
ADOPT = Verb(
    "adopt",
    stage=45,
    symbol="~",
    new="as `adopt` says: this fleet did not make it",
    happens="database {database} taken over with all that is in it",
    needs_master_password=False,
)
RESTORE = Verb(
    "restore",
    stage=55,
    symbol="+",
    new="new",
    whereby="from a backup of {database}{quiet}",
    happens="new database {target}, restored from a backup of {database}{quiet}",
    at_once=1,
    alike=UNPACKS,
)
COPY = Verb(
    "copy",
    stage=57,
    symbol="+",
    new="new",
    whereby="of {database} as it is then{quiet}",
    happens="new database {target}, a copy of {database} as it is then{quiet}",
    at_once=1,
    alike=UNPACKS,
)
DISCARD = Verb(
    "discard",
    stage=60,
    symbol="-",
    whereby="{database} becomes {trash}: it was never in service",
    happens="build {database} kept as {trash}: it was never in service",
)
REPLACE = Verb(
    "replace",
    stage=65,
    symbol="~",
    new="by command",
    whereby="{database} becomes {trash}",
    happens="**replaced** by command or rhythm: {database} becomes {trash}, kept for `retention.trash_days` and then dropped",
    takes_out_of_service=True,
    at_once=1,
    alike=UNPACKS,
)
MOVE = Verb(
    "move",
    stage=67,
    symbol="~",
    new="its text names another server",
    whereby="{origin} → {server}{quiet}",
    happens="moved from {origin} to {server}, with all that is in it; what was there is kept as {moved}",
    alters=True,
    passes_out_of_reach=True,
    at_once=1,
    alike=UNPACKS,
)
RENAME = Verb(
    "rename",
    stage=70,
    symbol="~",
    happens="database renamed: {former} → {target}",
    alters=True,
    passes_out_of_reach=True,
)
SUSPEND = Verb(
    "suspend",
    stage=80,
    symbol="-",
    new="declared suspended",
    happens="**out of reach**: suspended, its data kept",
    takes_out_of_service=True,
)
END = Verb(
    "end",
    stage=82,
    symbol="-",
    new="declared absent",
    whereby="{database} becomes {trash}",
    happens="**out of service**: {database} becomes {trash}, which is kept for `retention.trash_days` and then dropped",
    takes_out_of_service=True,
)
RETURN = Verb(
    "untrash",
    stage=84,
    symbol="+",
    new="declared again",
    whereby="{database} becomes {becomes}",
    happens="back from the trash, with all that is in it: {database} becomes {becomes}",
    alters=True,
)
RESUME = Verb("resume", stage=90, symbol="+", new="declared active", happens="back in service", alters=True)
ROTATE = Verb(
    "rotate-password",
    stage=100,
    symbol="~",
    goal="change",
    happens="password of the admin account changed",
    alters=True,
    needs_master_password=False,
)
CONFIGURE = Verb(
    "configure", stage=110, symbol="~", goal="change", happens="changed", alters=True, needs_master_password=False
)
END_SUPPORT = Verb(
    "end-support",
    stage=42,
    symbol="-",
    happens="the operator's account for support taken out of use",
    new="its text forbids it",
    needs_master_password=False,
)
UPGRADE = Verb(
    "upgrade",
    stage=105,
    symbol="~",
    new="its host's code is newer",
    happens="modules upgraded to the code of its host",
    alters=True,
    needs_master_password=False,
)
UNINSTALL = Verb(
    "uninstall",
    stage=107,
    symbol="-",
    new="`modules_absent` names it",
    goal="have modules uninstalled",
    happens="**loses modules**, with what is stored in them",
    loses_data=True,
    alters=True,
    needs_master_password=False,
)
SWEEP = Verb("sweep", stage=120, symbol="-", happens="dropped", is_housekeeping=True)
DROP = Verb("drop", stage=130, symbol="-", happens="**dropped for good**, with all that is in it", is_housekeeping=True)
