"""What is backed up, as the text says it: which databases, where to, and how many are kept. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from reconciler.core.model.actions import FieldChange
from reconciler.core.model.addressed import Addressed
from reconciler.core.model.names import IN_SERVICE
from reconciler.core.model.observed import DatabaseLook, Mark, Observed
from reconciler.core.model.specs import DatabaseSpec, instance_spec, template_spec
from reconciler.core.policies.claims import Doubt
from reconciler.fleet.desired import Desired
from schemas.backups import BackupPolicy, Keep
from schemas.instance import Instance
from schemas.template import Template

FIELD = "backup"
"""What an action shows that makes a backup before anything else."""


@dataclass(frozen=True, slots=True)
class BackupSubject(Addressed):
    """One database that can be backed up.

    `sites` are the host names under which Odoo's page for backups may answer for it: that of its customers, and for the dotted
    name of a suspended one the name itself, which a `dbfilter` with `%h` looks for.
    """

    kind: str
    code: str
    server: str
    database: str
    spec: DatabaseSpec
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotThere:
    """Why a document has no database that can be backed up."""

    why: str


def policy(desired: Desired, document: Instance | Template) -> BackupPolicy | None:
    """Return how a document is backed up: as itself says, else its plan; None where nobody says, or it says `false`."""
    if isinstance(document, Template) or "backup" in document.model_fields_set:
        return document.backup
    return desired.plans[document.plan].backup


def target_of(desired: Desired, declared: BackupPolicy | None) -> str | None:
    """Return the name of the target that a policy means; None where there is not exactly one to choose from."""
    targets = desired.settings.backup_targets
    if declared is not None and declared.target is not None:
        return declared.target
    return next(iter(targets)) if len(targets) == 1 else None


def keep_of(declared: BackupPolicy | None) -> Keep | None:
    """Return how many backups are kept; None where nothing is removed, since nobody says what may be."""
    return None if declared is None else declared.keep


def subjects(
    desired: Desired, document: Instance | Template, observed: Observed, places: Collection[str]
) -> list[BackupSubject] | NotThere:
    """Find the databases of a document on the servers where they may be: one of an instance, of a template one on each."""
    target = document.template_db if isinstance(document, Template) else document.database_name
    asked = [observed.hosts[code] for code in places if code in observed.hosts]
    if away := [host for host in asked if not host.online]:
        return NotThere(f"{away[0].server} does not answer: {away[0].problem}")
    forms = [(host.server, name) for host in asked for name in host.forms_of(target)]
    found = [subject_of(desired, document, code, name.text) for code, name in forms if name.state in IN_SERVICE]
    if not found:
        return NotThere("it is between two names" if forms else f"it has no database {target!r}")
    if len(found) > 1 and isinstance(document, Instance):
        return NotThere(f"it is there more than once: {', '.join(f'{s.database} on {s.server}' for s in found)}")
    return found


def document_of(desired: Desired, kind: str, code: str) -> Instance | Template | None:
    """Return the document that backups are of; None if it is not declared any more."""
    return desired.templates.get(code) if kind == "template" else desired.instances.get(code)


def beside(desired: Desired, document: Instance | Template, server: str) -> BackupSubject:
    """Return what a backup of a document becomes when it is restored on a server, whether its database is there or not."""
    name = document.template_db if isinstance(document, Template) else document.database_name
    return subject_of(desired, document, server, name)


def not_of(fleet: str, kind: str, code: str, mark: Mark | None, uuid: str) -> str:
    """Say why a database is not the one of a document; nothing if its mark says that it is."""
    if mark is None or mark.uuid != uuid:
        return "it bears no mark of its own, so that it may be anybody's"
    if (mark.fleet, mark.kind, mark.code) != (fleet, kind, code):
        return f"its mark says that it is {mark.address} of fleet {mark.fleet!r}"
    return ""


def not_to_be_taken(fleet: str, given: str | None, mark: Mark | None) -> str:
    """Say why an archive of somebody else's is not taken in; nothing if it is nobody's, this fleet's, or the `given` one's."""
    if mark is None or mark.fleet in (fleet, given):
        return ""
    return f"its mark says that it is {mark.address} of fleet {mark.fleet!r}"


def before_ending(desired: Desired, instance: Instance, look: DatabaseLook | None) -> FieldChange | None:
    """Return what a plan shows of the backup that is made before a database ends; None where none is asked for, or it is made.

    The note that a database was ended is written after its backup: what bears it has one, but for what was to be replaced, which
    can be done without.
    """
    declared = policy(desired, instance)
    noted = look.mark if look is not None else None
    if declared is None or (noted is not None and noted.ended and noted.ended != noted.replaced):
        return None
    return FieldChange(FIELD, "none", f"one in {target_of(desired, declared)}, made first")


def no_target(desired: Desired, instance: Instance) -> Doubt | None:
    """Say that there is nowhere to keep the backup that is made before a database ends, or None."""
    declared = policy(desired, instance)
    if declared is None or target_of(desired, declared) is not None:
        return None
    why = "its text asks for backups, and there is no one target for that which is made before it ends"
    return Doubt(why, "declare `backup_targets`, name the `target`, or take `backup` out of its plan")


def subject_of(desired: Desired, document: Instance | Template, code: str, database: str) -> BackupSubject:
    """Return a database of a document as one that can be backed up, or restored.

    Args:
        desired: the fleet's text.
        document: whose it is.
        code: the server.
        database: its name there.
    """
    server = desired.servers[code]
    spec = (
        instance_spec(desired, document, server)
        if isinstance(document, Instance)
        else template_spec(desired, document, server)
    )
    site = database if "." in database else f"{database}.{server.domain or 'localhost'}"
    return BackupSubject(document.kind, document.code, code, database, spec, (site,))
