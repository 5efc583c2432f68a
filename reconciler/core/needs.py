"""Which secrets carrying a changeset out takes, so that a plan can say which of them are not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.core.diffs import copies
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action
from reconciler.core.model.changesets import Changeset
from reconciler.core.policies import replacements
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.references import KeyReference, SecretReference
from schemas.template import Template

ADOPT_FIELD = "adopt.admin_password"
"""The secret that opens a database which is not this fleet's yet."""


@dataclass(frozen=True, slots=True)
class Need:
    """One secret that an action takes: the reference, and the document and field that name it."""

    reference: SecretReference | KeyReference
    kind: str
    code: str
    field: str


def secrets_needed(changeset: Changeset, desired: Desired) -> tuple[Need, ...]:
    """List the secrets that the actions of a changeset take, each once, in the order in which they are needed first."""
    needs = [need for action in changeset.actions for need in _needs(action, desired)]
    return tuple({(need.kind, need.code, need.field): need for need in reversed(needs)}.values())[::-1]


def _needs(action: Action, desired: Desired) -> Iterator[Need]:
    brings_files_together = any(change.field == "files" for change in action.changes)  # by renames
    if action.verb.needs_master_password or brings_files_together:
        for code in action.servers:
            yield Need(desired.servers[code].master_password, "server", code, "master_password")
    if action.kind == "template":
        yield from _of_adoption(action, desired.templates[action.code])
        yield _of_template(action.code, desired)
    elif action.kind == "instance":
        instance = desired.instances.get(action.code)
        if instance is None:  # removed: its password is derived
            return
        if action.verb is verbs.CLONE:
            yield _of_template(desired.template_of(instance), desired)
            if instance.owner is not None:
                yield Need(instance.owner.initial_password, "instance", action.code, "owner.initial_password")
        if _is_made_of_its_source(action, instance):
            source = desired.instances[instance.clone_of or ""]
            yield Need(source.admin_password, "instance", source.code, "admin_password")
        yield from _of_adoption(action, instance)
        yield Need(instance.admin_password, "instance", action.code, "admin_password")


def _is_made_of_its_source(action: Action, instance: Instance) -> bool:
    if action.verb is verbs.REPLACE and replacements.trash_in(action.changes):
        return False  # it is brought back as it was
    return action.verb in (verbs.COPY, verbs.RESTORE, verbs.REPLACE) and copies.is_copied(instance)


def _of_adoption(action: Action, document: Instance | Template) -> Iterator[Need]:
    if (
        action.verb in (verbs.ADOPT, verbs.RESTORE)
        and document.adopt is not None
        and document.adopt.admin_password is not None
    ):
        yield Need(document.adopt.admin_password, document.kind, document.code, ADOPT_FIELD)


def _of_template(code: str, desired: Desired) -> Need:
    return Need(desired.templates[code].admin_password, "template", code, "admin_password")
