"""What becomes of databases whose documents were removed: each stays as it is, or with `prune: true` goes to the trash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from reconciler.core.model.changesets import Changeset, Removed
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import DatabaseName, NameState
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.revisions import Comparison, Gone
from reconciler.fleet.desired import Desired

_FATES = {
    ("instance", NameState.PUBLISHED): "stays in service as it is, and is no longer looked after",
    ("instance", NameState.SUSPENDED): "stays suspended, and is no longer looked after",
    ("instance", NameState.SWITCHING): "stays between two names, and may hold new databases back",
    ("template", NameState.PUBLISHED): "stays on the host; nothing is cloned from it any more",
}
_PRUNED = "is taken out of service and kept as trash by the next full run (`prune: true`), unless it is protected"
_OTHER_FATE = "stays as it is, and is no longer looked after"
_FIRST = "if it is meant to go out of service, put the document back with `state: absent`, and remove it once that is applied"
_RETURNING = (
    "instance/{code} has its former name: write `renamed_from: {database}` there, or it gets a new, empty database"
)
_PUT_BACK = "to keep it, put the document back"
_RENAME = "to keep it under its new name, write `renamed_from: {database}`"


def with_removed(
    changeset: Changeset, since: Comparison, desired: Desired, observed: Observed, inventory: Inventory
) -> Changeset:
    """Add to a changeset what becomes of the databases that the text no longer declares; no database is told of twice."""
    removed = tuple(sorted(each for gone in since.gone for each in _removed(gone, desired, observed, inventory)))
    there = {(each.server, each.database) for each in removed if each.database}
    left_alone = tuple(e for e in changeset.left_alone if (e.server, e.database) not in there)
    # What the diff did not leave alone by name, it counted among those of others.
    counted = len(there) - (len(changeset.left_alone) - len(left_alone))
    return replace(changeset, removed=removed, left_alone=left_alone, foreign=changeset.foreign - counted)


def _removed(gone: Gone, desired: Desired, observed: Observed, inventory: Inventory) -> Iterator[Removed]:
    if gone.kind == "server":
        yield _server(gone, inventory)
        return
    target = gone.targets[0]
    places = gone.servers or tuple(e.server for e in inventory.of(gone.kind, gone.code)) or tuple(desired.servers)
    found = [each for place in places for each in _on(place, gone, target, observed.hosts.get(place), desired)]
    if found:
        yield from found
    else:
        where = places[0] if len(places) == 1 else ""
        yield _entry(gone, where, "", f"no database {target} is there, so nothing is left behind")


def _on(server: str, gone: Gone, target: str, host: ObservedHost | None, desired: Desired) -> Iterable[Removed]:
    stays = f"a database {target} that is there stays as it is, and is no longer looked after"
    if server not in desired.servers:
        return [_entry(gone, server, "", f"its server is no longer declared either: {stays}")]
    if host is None:
        return [_entry(gone, server, "", f"its server is not asked while it is out of use: {stays}")]
    if not host.online:
        return [_entry(gone, server, "", f"its server does not answer now: {stays}")]
    return [_found(gone, server, name, prunes=desired.settings.prune) for name in host.forms_of(target)]


def _found(gone: Gone, server: str, name: DatabaseName, *, prunes: bool) -> Removed:
    if gone.still_declared and gone.kind == "instance":
        fate = f"its document names another database; this one {_OTHER_FATE}"
        return _entry(gone, server, name.text, fate, _RENAME.format(database=name.target))
    if prunes and gone.kind == "instance" and not gone.returning:
        return _entry(gone, server, name.text, _PRUNED, _PUT_BACK)
    fate = _FATES.get((gone.kind, name.state), _OTHER_FATE)
    advice = _FIRST if (gone.kind, name.state) == ("instance", NameState.PUBLISHED) else ""
    if name.state is NameState.SWITCHING:
        advice = _PUT_BACK
    if gone.returning:
        advice = _RETURNING.format(code=gone.returning, database=name.target)
    return _entry(gone, server, name.text, fate, advice)


def _server(gone: Gone, inventory: Inventory) -> Removed:
    remembered = {entry.target for entry in inventory.on(gone.code)}
    known = sorted(remembered.union(gone.targets))
    if not known:
        return _entry(gone, gone.code, "", "it is no longer asked; no database of this fleet is known to be there")
    fate = f"it is no longer asked; known to be there: {', '.join(known)}. They stay as they are and are no longer looked after"
    advice = "an instance without `server` that is there would be made anew elsewhere: look at what is to be cloned"
    return _entry(gone, gone.code, "", fate, advice)


def _entry(gone: Gone, server: str, database: str, fate: str, advice: str = "") -> Removed:
    return Removed(gone.kind, gone.code, server, database, fate, gone.name, advice)
