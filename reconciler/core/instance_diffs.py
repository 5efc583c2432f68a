"""The diff's part on instances: find each one's database, or place and clone it; then rename, configure, suspend, resume.

Pinned instances come before those that are placed automatically, so that capacity counts what is certain first.
"""

from __future__ import annotations

from reconciler.core import claims, fields, names
from reconciler.core.actions import Action, FieldChange, Reason, Verb
from reconciler.core.claims import Doubt, Found
from reconciler.core.drafts import Draft
from reconciler.core.names import NameState
from reconciler.core.observed import DatabaseLook
from reconciler.core.placement import Candidate, Placing, place
from reconciler.core.specs import DatabaseSpec, instance_spec
from reconciler.core.template_diffs import why_configured
from schemas.instance import Instance
from schemas.server import Server

FIRST_WITH_NEUTRALIZE = 17.0
"""The first Odoo series whose `duplicate_database` takes `neutralize` (service/db.py of 17.0; late builds of 16 do too)."""


def diff_instances(draft: Draft) -> None:
    """Plan what instances need."""
    wanted = [i for i in draft.desired.instances.values() if i.state != "absent"]
    for instance in sorted(wanted, key=lambda i: (i.server is None, i.code)):
        _diff_instance(draft, instance)


def find(draft: Draft, instance: Instance) -> tuple[Found, ...]:
    """List where an instance's database may be: on its server if it names one, else on any."""
    places = (instance.server,) if instance.server else draft.desired.servers
    found = claims.find(draft.observed, places, instance.database_name, instance.renamed_from)
    return claims.narrow(found, draft.inventory, "instance", instance.code)


def placing(draft: Draft, instance: Instance) -> Placing:
    """Apply the placement rule to an instance, with what this pass has planned so far counted as there."""
    candidates = [_candidate(draft, instance, s) for s in draft.desired.servers.values() if s.active]
    return place(candidates, draft.desired.settings.placement.min_capacity_percent)


def _candidate(draft: Draft, instance: Instance, server: Server) -> Candidate:
    return Candidate(
        server=server,
        online=draft.hold(server) is None,
        has_template=not isinstance(draft.templates.get((instance.template, server.code), Doubt("")), Doubt),
        supports=not instance.neutralize or float(server.odoo_version) >= FIRST_WITH_NEUTRALIZE,
        used=draft.used.get(server.code, 0),
        paused=("server", server.code) in draft.pauses,
    )


def _diff_instance(draft: Draft, instance: Instance) -> None:
    if instance.server and (doubt := draft.hold(draft.desired.servers[instance.server])):
        draft.block("instance", instance.code, instance.server, doubt)
        return
    found = find(draft, instance)
    if len(found) > 1:
        found = _only_ours(draft, instance, found)
    if len(found) > 1:
        where = ", ".join(f"{f.name.text} on {f.server}" for f in found)
        doubt = Doubt(f"several databases claim to be it: {where}", "decide which one it is and rename the others")
        draft.block("instance", instance.code, found[0].server, doubt)
    elif found:
        _keep(draft, instance, found[0])
    else:
        _clone(draft, instance)


def _only_ours(draft: Draft, instance: Instance, found: tuple[Found, ...]) -> tuple[Found, ...]:
    """Of namesakes on several hosts keep those that were proven ours; two forms on one host stay a conflict."""
    proven = [f for f in found if _doubt(draft, instance, f) is None and _look(draft, f) is not None]
    servers = [f.server for f in found]
    if proven and len(set(servers)) == len(servers):
        return tuple(proven)
    return found


def _look(draft: Draft, found: Found) -> DatabaseLook | None:
    return draft.observed.hosts[found.server].looks.get(found.name.text)


def _doubt(draft: Draft, instance: Instance, found: Found) -> Doubt | None:
    look = _look(draft, found)
    if look is None:
        return None
    spec = instance_spec(draft.desired, instance, draft.desired.servers[found.server])
    remembered = ("instance", instance.code, found.server) in draft.inventory.entries
    return claims.doubt(look, spec, instance.renamed_from, remembered=remembered)


def _keep(draft: Draft, instance: Instance, found: Found) -> None:
    """Plan what an existing database needs: renamed first, taken out of service before it is configured, put back after."""
    server = draft.desired.servers[found.server]
    if held := draft.hold(server):
        draft.block("instance", instance.code, server.code, held)
        return
    if doubt := _doubt(draft, instance, found):
        draft.block("instance", instance.code, server.code, Doubt(f"{found.name.text}: {doubt.why}", doubt.advice))
        return
    look = _look(draft, found)
    if look is not None and (busy := claims.others_work(look, draft.now)):
        draft.block("instance", instance.code, server.code, Doubt(f"{found.name.text}: {busy.why}", busy.advice))
        return
    if look is None and not found.renamed and found.name.state is _wanted_state(instance):
        return  # nothing is known against it: most instances of most passes
    spec = instance_spec(draft.desired, instance, server)
    chain = _Chain(draft, spec, found.name.text, draft.first(server.code))
    if look is None and _is_unproven(draft, instance, found):
        draft.block("instance", instance.code, server.code, _never_looked_at(found))
        return
    if found.renamed:
        renamed = FieldChange("database_name", found.name.target, spec.target)
        chain.add(Verb.RENAME, Reason.RENAMED, names.switching(spec.target), (renamed,))
    state = names.parse(chain.name).state
    if instance.state == "suspended" and state is not NameState.SUSPENDED:
        chain.add(Verb.SUSPEND, _why_switched(found), names.suspended(spec.target))
    _configure(chain, spec, look)
    if instance.state == "active" and names.parse(chain.name).state is not NameState.PUBLISHED:
        chain.add(Verb.RESUME, _why_switched(found), spec.target)


def _is_unproven(draft: Draft, instance: Instance, found: Found) -> bool:
    """Tell whether something would be done to a database that neither a look nor memory has proven to be ours."""
    if found.renamed:
        return True
    return (
        found.name.state is not _wanted_state(instance)
        and ("instance", instance.code, found.server) not in draft.inventory.entries
    )


def _wanted_state(instance: Instance) -> NameState:
    return NameState.SUSPENDED if instance.state == "suspended" else NameState.PUBLISHED


def _never_looked_at(found: Found) -> Doubt:
    why = "a rename needs a deep look" if found.renamed else "it was never looked at"
    return Doubt(why, "run without --shallow")


def _why_switched(found: Found) -> Reason:
    if found.renamed:
        return Reason.RENAMED
    return Reason.INTERRUPTED if found.name.state is NameState.SWITCHING else Reason.DECLARED


class _Chain:
    """The actions of one database, each after the one before; `name` is what it is called at that point."""

    def __init__(self, draft: Draft, spec: DatabaseSpec, name: str, after: tuple[str, ...]) -> None:
        self._draft, self._spec, self._after = draft, spec, after
        self.name = name

    def add(self, verb: Verb, reason: Reason, becomes: str, changes: tuple[FieldChange, ...] = ()) -> None:
        spec = self._spec
        action = Action(verb, spec.kind, spec.code, spec.server, reason, self.name, becomes, changes, self._after)
        self._after = (self._draft.plan(action),)
        self.name = becomes


def _configure(chain: _Chain, spec: DatabaseSpec, look: DatabaseLook | None) -> None:
    if look is None:
        return
    state = names.parse(look.database).state
    changes = fields.differences(spec, look, state)
    if password := fields.rotation(spec, look):
        chain.add(Verb.ROTATE, Reason.ROTATED, chain.name, (password,))
        changes = changes or (fields.digest_after_rotation(spec),)
    if names.parse(chain.name).state is not state:  # suspending and resuming see to the schedule themselves
        changes = tuple(c for c in changes if c.field != "schedule")
    if changes:
        chain.add(Verb.CONFIGURE, why_configured(spec, look), chain.name, changes)


def _clone(draft: Draft, instance: Instance) -> None:
    doubt = (
        _unclaimed_switching(draft)
        or _renamed_away(draft, instance)
        or _elsewhere(draft, instance)
        or _hidden(draft, instance)
    )
    if doubt:
        draft.block("instance", instance.code, instance.server or "", doubt)
        return
    code = instance.server or _former_place(draft, instance) or placing(draft, instance).server
    if not code:
        reasons = "; ".join(f"{s}: {why}" for s, why in placing(draft, instance).passed_over)
        draft.block(
            "instance", instance.code, "", Doubt(f"no server can take it ({reasons})", "see `odoo-fleet place`")
        )
        return
    server = draft.desired.servers[code]
    template = draft.templates.get((instance.template, code), Doubt("it is not declared there"))
    if doubt := draft.hold_new(server):
        draft.block("instance", instance.code, code, doubt)
    elif isinstance(template, Doubt):
        why = f"template {instance.template} cannot be cloned on {code}: {template.why}"
        draft.block("instance", instance.code, code, Doubt(why, template.advice))
    elif draft.used.get(code, 0) >= server.max_instances:
        full = Doubt(f"server {code} is full: max_instances is {server.max_instances}")
        draft.block("instance", instance.code, code, full)
    else:
        spec = instance_spec(draft.desired, instance, server)
        becomes = names.suspended(spec.target) if instance.state == "suspended" else spec.target
        after = draft.first(code, template)
        draft.plan(
            Action(Verb.CLONE, "instance", spec.code, code, Reason.DECLARED, spec.template_db, becomes, after=after)
        )
        draft.used[code] = draft.used.get(code, 0) + 1


def _former_place(draft: Draft, instance: Instance) -> str:
    """Where an instance without a server was before: it goes back there, so that a host that lies makes no second one."""
    return next(
        (e.server for e in draft.inventory.of("instance", instance.code) if e.server in draft.desired.servers), ""
    )


def _hidden(draft: Draft, instance: Instance) -> Doubt | None:
    """A server that cannot be seen may hold the database: nothing is cloned elsewhere unless its last listing says not."""
    for code, server in sorted(draft.desired.servers.items()):
        host = draft.host(code)
        if not server.active or server.state == "draft" or (host and host.online):
            continue
        remembered = any(e.server == code for e in draft.inventory.of("instance", instance.code))
        listed = draft.inventory.listed(code)
        unseen = not instance.server and (listed is None or instance.database_name in listed)
        if remembered or unseen:
            return Doubt(f"it may be on {code}, which cannot be seen now", "bring the server back, or set it inactive")
    return None


def _unclaimed_switching(draft: Draft) -> Doubt | None:
    """A database between two names that no document claims may be anyone's: nothing is cloned until that is settled."""
    for host, name in draft.observed.switching:
        if not draft.desired.names.claims(name.target):
            return Doubt(
                f"{name.text} on {host.server} is on its way between two names and no document claims it: it may be"
                " this one",
                f"restore the document that declared {name.target}, or rename that database by hand",
            )
    return None


def _renamed_away(draft: Draft, instance: Instance) -> Doubt | None:
    """A rename that was reverted in the text leaves the database under the name that no document declares any more."""
    claimed = draft.desired.names.places
    for entry in draft.inventory.of("instance", instance.code):
        host = draft.host(entry.server)
        if entry.target not in claimed and host and host.forms_of(entry.target):
            why = f"its database was renamed to {entry.target} on {entry.server}"
            return Doubt(why, f"write `renamed_from: {entry.target}` to rename it back, or declare it under that name")
    return None


def _elsewhere(draft: Draft, instance: Instance) -> Doubt | None:
    """Nothing empty is made for an instance whose database seems to be on another server than its text now says."""
    if not instance.server:
        return None
    pinned = draft.desired.names.places[instance.database_name]
    known = {e.server for e in draft.inventory.of("instance", instance.code)}
    for host in draft.observed.holding(instance.database_name):
        code = host.server
        forms = [] if code in pinned else host.forms_of(instance.database_name)
        certain = code in known or any(f.state is not NameState.PUBLISHED for f in forms)
        if forms and (certain or not draft.inventory.entries):
            return Doubt(
                f"a database {forms[0].text} is on {code}, and may be this instance's",
                f"databases are not moved between servers yet: set `server: {code}`, or rename one of the two",
            )
    return None
