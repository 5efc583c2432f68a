"""Copies of instances: which database a copy is made of, when, and when it is made anew. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.core.diffs.drafts import Draft
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import FieldChange
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.model.verbs import Verb
from reconciler.core.policies import backup_times, claims
from reconciler.core.policies.claims import Doubt
from reconciler.core.policies.endings import CLOCKS_MAY_DIFFER
from schemas.instance import Instance

BACKUP_OF_SOURCE = "source_backup"
"""What an action shows of the backup that a copy is made of: where it is and when it was taken, and its id."""


@dataclass(frozen=True, slots=True)
class Original:
    """What is copied: on which server that is, what it is called when its turn has come, and what has to be done first.

    What comes from another server tells how in `told`; where it comes from a backup, that one is all that is needed.
    """

    server: str
    database: str
    after: tuple[str, ...] = ()
    told: tuple[FieldChange, ...] = ()

    @property
    def is_backup(self) -> bool:
        """Tell whether a backup is copied, and not what is there."""
        return bool(backup_in(self.told))

    def origin(self, server: str) -> str:
        """Name the other server that packs it for a copy on `server`; none where that is the same one, or nobody packs it."""
        return "" if self.is_backup or self.server == server else self.server


def backup_in(changes: Iterable[FieldChange]) -> str:
    """Return the id of the backup that an action shows as what its copy is made of; empty where it is of none."""
    return next((change.desired for change in changes if change.field == BACKUP_OF_SOURCE), "")


def is_copied(instance: Instance) -> bool:
    """Tell whether a database is a copy of another instance's, unless a command says that it comes from a backup."""
    return instance.clone_of is not None and instance.restore_from is None


def original(draft: Draft, copy: Instance) -> Original | Doubt:
    """Find what a copy is made of: what is there, or what this very pass makes or changes first."""
    source = draft.desired.instances[copy.clone_of or ""]
    if source.state == "absent":
        return Doubt(
            f"instance/{source.code}, of which it is a copy, is absent", "end the copy too, or name another source"
        )
    planned = [a for a in draft.actions if a.kind == "instance" and a.code == source.code]
    if planned:
        last = planned[-1]
        found, after = [(last.server, last.becomes)], tuple(a.id for a in planned)
    else:
        found, after = [(f.server, f.name.text) for f in claims.of(draft.desired, draft.observed, source)], ()
    stated = [each for each in found if names.parse(each[1]).state in names.IN_SERVICE]
    if len(found) != 1 or not stated:
        several = ", ".join(f"{name} on {code}" for code, name in found)
        why = f"not one database in service, but {several}" if found else "no database yet"
        return Doubt(f"instance/{source.code}, of which it is a copy, has {why}", "it is made once there is one")
    ((place, database),) = stated
    return Original(place, database, after)


def made_of(
    instance: Instance, spec: DatabaseSpec, copied: Original | None
) -> tuple[Verb, str, tuple[FieldChange, ...]]:
    """Return by which verb a database is built, of what, and what is told of it beside that."""
    if copied is not None:
        will = (
            "it mails nobody and takes no payment"
            if instance.neutralize
            else "no: it mails and is paid as its source is"
        )
        changes = (FieldChange("neutralize", "a live database", will), *copied.told)
        if copied.is_backup:
            return verbs.RESTORE, instance.clone_of or "", changes
        return verbs.COPY, copied.database, changes
    if instance.restore_from is not None:
        return verbs.RESTORE, instance.restore_from.source(instance.code), ()
    return verbs.CLONE, spec.template_db, ()


_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_TIME = "%Y-%m-%dT%H-%M-%SZ"
_TRIED = ", tried at "
_UUID = " uuid "
_INSTANCE = "instance/"
TRIED_AGAIN_AFTER = backup_times.LONGEST_PATIENCE
"""After so long a refresh by rhythm that was begun and has not come to its end is begun again."""


def noted(origin: str, now: datetime, uuid: str = "") -> str:
    """Write what a database notes of what was restored there, when, and the uuid that this had, if that is known.

    `made_at` and `made_of_uuid` read it.
    """
    return f"{origin}{_UUID}{uuid} at {now:{_TIME}}" if uuid else f"{origin} at {now:{_TIME}}"


def made_of_uuid(look: DatabaseLook) -> str:
    """Return the uuid of the database that a copy was made of; empty where none is noted, as before this was."""
    return _parts(look)[0].rpartition(" at ")[0].rpartition(_UUID)[2] if _UUID in look.restored_from else ""


NO_COPY = "nothing in it says that this fleet made it as a copy: it may be a customer's own"


def another(then: str, now: str) -> str:
    """Say that the source of a copy is not the database any more that it was made of."""
    return f"is another database than the one that it was made of ({now or 'it bears no uuid'}, not {then})"


def made_at(look: DatabaseLook) -> datetime | None:
    """Return when what is in a database was restored there; None where nothing that says so is noted."""
    return _moment(_parts(look)[0].rpartition(" ")[2])


def tried(look: DatabaseLook, now: datetime) -> str:
    """Write the same note with a refresh that begins now in it; `put_off` reads it."""
    return f"{_parts(look)[0]}{_TRIED}{now:{_TIME}}"


def put_off(look: DatabaseLook, now: datetime) -> tuple[datetime, datetime] | None:
    """Return when the refresh of a copy was begun that has not come to its end, and until when none is begun by its rhythm.

    None where none was, or long enough ago: what fails, or ends the whole host, is not tried over and over. What a clock that
    was wrong dated later than now holds nothing up.
    """
    begun = _moment(_parts(look)[1])
    if begun is None or not begun - CLOCKS_MAY_DIFFER < now < begun + TRIED_AGAIN_AFTER:
        return None
    return begun, begun + TRIED_AGAIN_AFTER


def _parts(look: DatabaseLook) -> tuple[str, str]:
    origin, _, begun = look.restored_from.partition(_TRIED)
    return origin, begun


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def was_made(instance: Instance, look: DatabaseLook) -> bool:
    """Tell whether a database notes that this fleet made it as a copy of another instance's, or brought such a one back.

    A customer's own that was restored or moved notes itself, or an archive that somebody named; most note nothing.
    """
    origin = _parts(look)[0]
    sources = {word for word in origin.split() if word.startswith(_INSTANCE)}
    own = {_INSTANCE + code for code in (instance.code, instance.renamed_from) if code}
    is_of_another = bool(sources) and not sources & own and made_of_uuid(look) != look.uuid
    return is_of_another or names.parse(origin.partition(" ")[0]).state is NameState.TRASH


def comes_due(instance: Instance, since: datetime, now: datetime) -> bool:
    """Tell whether a copy in service that is made anew by a rhythm was to be so since a moment."""
    if instance.refresh is None or instance.state != "active" or not is_copied(instance):
        return False
    return backup_times.next_time(instance.refresh, instance.timezone, since) <= now


def is_due(instance: Instance, look: DatabaseLook, now: datetime) -> bool:
    """Tell whether a copy is to be made anew by its rhythm, as it says itself when it was made.

    One that names no day, or one that has not come, is due; it is blocked where nothing says that it `was_made` as a copy.
    """
    made = made_at(look)
    if made is None or made >= now + CLOCKS_MAY_DIFFER:
        made = _LONG_AGO
    return comes_due(instance, made, now)
