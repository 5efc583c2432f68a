"""Spec against look, field by field: the facts of drift, with no word on what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from reconciler.core.model import module_operations
from reconciler.core.model.actions import FieldChange
from reconciler.core.model.module_operations import INSTALLED
from reconciler.core.model.names import KEPT, ON_ITS_WAY, NameState
from reconciler.core.model.observed import NEUTRALIZED, Access, DatabaseLook
from reconciler.core.model.settings import SETTINGS
from reconciler.core.model.specs import DatabaseSpec
from reconciler.fleet.counting import count
from reconciler.fleet.documents import Hints

_FOLLOW = ("files", "schedule")
"""What is as its name says when a database comes to rest, whatever a look found on its way."""

NOT_NOTED = "not noted"
"""What is shown of a row of the mark that earlier versions of this tool did not write."""

QUIET = "quiet"


def differences(spec: DatabaseSpec, look: DatabaseLook, state: NameState) -> tuple[FieldChange, ...]:
    """List the fields in which a database differs from its spec. Passwords are not among them: see `rotation`.

    Args:
        spec: what is declared.
        look: a deep look that succeeded.
        state: what the database's name says; a database in service is awake, every other is quiet.
    """
    found = [*_modules(spec, look), *_settings(spec, look), *_parameters(spec, look), *_schedule(spec, look, state)]
    return tuple(sorted([*found, *_asleep(spec, look), *_server_actions(look), *_mark(spec, look)]))


def differences_at_birth(spec: DatabaseSpec, look: DatabaseLook, state: NameState) -> tuple[FieldChange, ...]:
    """List as well the fields in which a database that was just built differs from what it is given only then."""
    return tuple(sorted({*differences(spec, look, state), *_settings(spec.at_birth(), look)}))


def rotation(spec: DatabaseSpec, look: DatabaseLook) -> FieldChange | None:
    """Name the password that is to be replaced, if the database still answers to a former one."""
    had = {Access.FORMER: "a former password", Access.GIVEN: "what `adopt` says"}.get(look.access)
    if had is None:
        return None
    return FieldChange("admin_password", had, f"the declared one ({spec.admin_password})")


def adopted_with(spec: DatabaseSpec, look: DatabaseLook, state: NameState) -> tuple[FieldChange, ...]:
    """List what is written in the very transaction by which a database is taken over; its modules come after that."""
    found = (change for change in differences(spec, look, state) if is_adopted(change))
    told = [*not_done(spec, look, adopted=True), rotation(spec, look)]
    return tuple(sorted([*found, *(change for change in told if change is not None)]))


def is_adopted(change: FieldChange) -> bool:
    """Tell whether a field that differs is settled as a database is taken over."""
    if change.field == "schedule":
        return change.desired == QUIET
    return change.field.partition(".")[0] in {"admin_login", "languages", "parameters", *SETTINGS}


def not_done(spec: DatabaseSpec, look: DatabaseLook, *, adopted: bool = False) -> Iterator[FieldChange]:
    """List edits of the text that change nothing in a database in service: the plan tells each once, and that nothing is done.

    Args:
        spec: what is declared.
        look: a deep look that succeeded.
        adopted: it is taken over, so that an owner of whom nothing is noted is told too.
    """
    mark = look.mark
    if mark is not None and mark.digest == spec.digest():  # this very text was applied to it
        return
    owner, noted = (spec.owner.login if spec.owner else ""), (mark.owner if mark else None)
    if noted != owner and (noted is not None or (adopted and (mark or owner))):
        made_for = NOT_NOTED if noted is None else noted or "nobody"
        becomes = f"{owner} (no account is made" if owner else "nobody (no account goes"
        yield FieldChange("owner", made_for, f"{becomes}, and nobody's login changes)")
    if mark and mark.template and mark.template != spec.template:
        yield FieldChange(
            "template", mark.template, f"{spec.template} (what was cloned stays; only its modules and parameters)"
        )
    if is_neutralized(look) and not spec.neutralize:
        yield FieldChange(
            "neutralize", "true", "false (it stays neutralized: what Odoo switched off, Odoo's users switch on)"
        )
    yield from unknown(spec, look.unknown, look.modules)
    for name in (mark and mark.modules) or ():
        is_kept = name not in spec.modules and name not in spec.modules_absent
        if is_kept and look.modules.get(name) == INSTALLED:
            stays = "no longer declared (it stays, with its data; `modules_absent` uninstalls it)"
            yield FieldChange(f"modules.{name}", INSTALLED, stays)


def unknown(spec: DatabaseSpec, unheard_of: Collection[str], there: Iterable[str]) -> Iterator[FieldChange]:
    """List what is to be absent and is no module at all, with the nearest of the modules that are `there`."""
    for name in spec.modules_absent:
        if name in unheard_of:
            near = Hints().nearest(name, there)
            hint = f"; did you mean {near!r}?" if near else ""
            yield FieldChange(
                f"modules.{name}", "unknown there", f"absent (no module has this name: nothing goes{hint})"
            )


def is_neutralized(look: DatabaseLook) -> bool:
    """Tell whether Odoo says of a database that it was neutralized."""
    return look.parameters.get(NEUTRALIZED, "").lower() in ("true", "t", "1")


def not_shown(shown: Collection[FieldChange], found: Iterable[FieldChange]) -> tuple[str, ...]:
    """Name the fields that differ otherwise than a changeset shows; the mark follows what is done, and is not among them."""
    return tuple(
        c.field for c in found if c not in shown and c.field not in _FOLLOW and not c.field.startswith("mark.")
    )


def is_old_mark(changes: Iterable[FieldChange]) -> bool:
    """Tell whether nothing differs but that an earlier version of this tool noted less in the mark."""
    fields = {change.field: change.observed for change in changes}
    return NOT_NOTED in fields.values() and fields.keys() <= {
        "mark.in_service",
        "mark.owner",
        "mark.protected",
        "mark.digest",
    }


def digest_after_rotation(spec: DatabaseSpec) -> FieldChange:
    """Name what a rotation leaves to be done: it clears the mark's digest before it writes."""
    return FieldChange("mark.digest", "cleared by the rotation", spec.digest())


def _modules(spec: DatabaseSpec, look: DatabaseLook) -> Iterator[FieldChange]:
    for name in spec.modules:
        state = look.modules.get(name, "not installed")
        if state != INSTALLED:
            yield FieldChange(f"modules.{name}", state, INSTALLED)
    left = module_operations.pending(look.modules)
    for name in left:
        if name not in spec.modules:
            yield FieldChange(f"modules.{name}", look.modules[name], "no operation left half-way")
    if look.noted_modules and not left:
        yield FieldChange("modules", f"an install of {', '.join(look.noted_modules)} is noted", "no install under way")


def _settings(spec: DatabaseSpec, look: DatabaseLook) -> Iterator[FieldChange]:
    for lang in spec.languages:
        if lang not in look.languages:
            yield FieldChange(f"languages.{lang}", "not active", "active")
    if look.login != spec.admin_login:
        yield FieldChange("admin_login", look.login, spec.admin_login)
    for name, value in spec.settings.items():
        if (observed := look.settings.get(name, "")) != value:
            yield FieldChange(name, observed, value)


def _parameters(spec: DatabaseSpec, look: DatabaseLook) -> Iterator[FieldChange]:
    for key, value in spec.all_parameters.items():
        observed = look.parameters.get(key)
        if observed != value:
            yield FieldChange(f"parameters.{key}", "not set" if observed is None else observed, value)


def _schedule(spec: DatabaseSpec, look: DatabaseLook, state: NameState) -> Iterator[FieldChange]:
    in_service = spec.kind == "instance" and state is NameState.PUBLISHED and not spec.sleeps
    if in_service and look.quiesced_crons is not None:
        yield FieldChange("schedule", f"{count(len(look.quiesced_crons), 'scheduled action')} held back", "awake")
    quiet = spec.kind == "template" or state in (NameState.SUSPENDED, *KEPT, *ON_ITS_WAY)
    if quiet and look.active_crons:
        yield FieldChange("schedule", f"{count(len(look.active_crons), 'scheduled action')} active", QUIET)


def _asleep(spec: DatabaseSpec, look: DatabaseLook) -> Iterator[FieldChange]:
    if look.asleep:
        becomes = "proven neutralized once more" if spec.neutralize else "let go"
        yield FieldChange("asleep", "new scheduled actions are kept off", becomes)


def _server_actions(look: DatabaseLook) -> Iterator[FieldChange]:
    if look.server_actions:
        yield FieldChange("server_actions", f"{look.server_actions} left by a run cut short", "none")


def _mark(spec: DatabaseSpec, look: DatabaseLook) -> Iterator[FieldChange]:
    mark = look.mark
    if mark is None:
        return
    if mark.name != spec.target:
        yield FieldChange("mark.name", mark.name, spec.target)
    if mark.code != spec.code:
        yield FieldChange("mark.code", mark.code, spec.code)
    if spec.kind == "instance" and mark.in_service is None:
        yield FieldChange("mark.in_service", NOT_NOTED, "yes")
    if bool(mark.protected) != spec.protected:
        observed = "no" if mark.protected is not None else NOT_NOTED
        yield FieldChange("mark.protected", "yes" if mark.protected else observed, "yes" if spec.protected else "no")
    if mark.owner is None:
        yield FieldChange("mark.owner", NOT_NOTED, spec.owner.login if spec.owner else "nobody")
    if mark.digest != spec.digest():
        yield FieldChange("mark.digest", mark.digest or "cleared before a change that did not end", spec.digest())
    if mark.moving_from:
        yield FieldChange("files", f"a move from {mark.moving_from} was cut short", "complete")
