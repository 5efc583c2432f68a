"""Whose accounts may open what no document declares, or none any more: builds, trash, what was left between two names.

A password that is derived needs no document: what a removed one would have had can still be worked out. Every other is gone
with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from reconciler.core.model.actions import Action
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import NameState, parse
from reconciler.core.model.specs import DatabaseSpec, instance_spec, template_spec
from reconciler.fleet.desired import Desired
from schemas.references import DerivedSecret


def builders_of(desired: Desired, server: str, database: str) -> tuple[DatabaseSpec, ...]:
    """List whose accounts may open a build: its document's, or those that a removed one would have, and the templates'.

    A build answers to its template until it gets credentials of its own, or to what it is restored from, a copy of, or moves in.
    """
    here = desired.servers[server]
    target = parse(database).target
    templates = [template_spec(desired, t, here) for t in desired.templates.values() if server in t.server_codes]
    named = [i for i in desired.instances.values() if i.database_name == target]
    of_here = [i for i in named if i.server in (None, server)]
    instances = of_here or named  # one was to move here, and its text was reverted
    own = [*(instance_spec(desired, i, here) for i in instances), *(t for t in templates if t.target == target)]
    sources = [i.restore_from.of for i in instances if i.restore_from is not None and i.restore_from.of is not None]
    sources += [i.clone_of for i in instances if i.clone_of is not None]
    own += [instance_spec(desired, desired.instances[code], here) for code in sources if code in desired.instances]
    gone = [("instance", code) for code in sources if code not in desired.instances]
    if not own or instances != of_here:
        gone += [each for each in guesses(target) if each not in [("instance", i.code) for i in instances]]
    own += as_gone(desired, server, target, gone)
    return (*own, *(t for t in templates if t.target != target))


def owners_of_trash(desired: Desired, inventory: Inventory, server: str, database: str) -> tuple[DatabaseSpec, ...]:
    """List whose accounts may open trash: its document's, or those that removed ones would have, the remembered ones first.

    What a move left behind is of an instance that is on another server by now.
    """
    here, target = desired.servers[server], parse(database).target
    is_left_behind = parse(database).state is NameState.MOVED
    templates = [t for t in desired.templates.values() if server in t.server_codes and t.template_db == target]
    named = [i for i in desired.instances.values() if i.database_name == target]
    instances = [i for i in named if is_left_behind or i.server in (None, server)]
    known = [(e.kind, e.code) for e in inventory.on(server) if e.target == target]
    declared = {"instance": desired.instances, "template": desired.templates}
    gone = [(kind, code) for kind, code in dict.fromkeys((*known, *guesses(target))) if code not in declared[kind]]
    return (
        *(instance_spec(desired, i, here) for i in instances),
        *(template_spec(desired, t, here) for t in templates),
        *as_gone(desired, server, target, gone),
    )


def spec_of(desired: Desired, action: Action) -> DatabaseSpec | None:
    """Return what the database of an action is to be; of a removed document, the account that its database would have.

    Nothing for what has no database, and for a removed document where the fleet has no key or no template.
    """
    if action.kind not in ("instance", "template"):
        return None
    server = desired.servers[action.server]
    if action.kind == "template" and action.code in desired.templates:
        return template_spec(desired, desired.templates[action.code], server)
    if action.kind == "instance" and action.code in desired.instances:
        return instance_spec(desired, desired.instances[action.code], server)
    return next(as_gone(desired, server.code, parse(action.database).target, [(action.kind, action.code)]), None)


def guesses(target: str) -> tuple[tuple[str, str], ...]:
    """Name the documents, by kind and code, that would have a database of this name if they left it to be named by their code."""
    template = target.removeprefix("template_").replace("_", "-")
    return tuple(dict.fromkeys([("instance", target), ("template", target), ("template", template)]))


def as_gone(desired: Desired, server: str, target: str, documents: Iterable[tuple[str, str]]) -> Iterator[DatabaseSpec]:
    """Yield the accounts that documents which are not in the text any more would have, with a password that is derived."""
    if desired.settings.secret_key is None:
        return
    for template in [*desired.templates.values()][:1]:  # whichever: nothing of it but what the fleet has is kept
        some = template_spec(desired, template, desired.servers[server])
        some = replace(some, target=target, admin_login="admin", admin_password=DerivedSecret())
        yield from (replace(some, kind=kind, code=code) for kind, code in documents)
