"""Any fleet, and any state of its hosts: what the properties of the diff are tried on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import strategies as st

from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import Access, DatabaseLook, Mark
from reconciler.core.model.specs import DatabaseSpec
from reconciler.fleet.desired import Desired
from tests.core.model import Held, Host, Model
from tests.core.scenes import EXPIRED, NOW, as_declared, seen_as, spec
from tests.harness.universe import FLEET, instance, read

SERVERS = ("one", "three", "two")
CODES = ("acme", "beta", "delta", "gamma")

UNDECLARED = (
    "shop",
    "Bad Name!",
    "a.b.c",
    "suspended.Bad",
    "building-000000000000.acme",
    "suspended.ghost",
    "switching.ghost",
    "trash-261101120000.acme",
    "moved-261101120000.beta",
    "trash-261101120000.ghost",
    names.building("acme", NOW - timedelta(hours=1), "aaaaa"),
    names.building("acme", NOW - timedelta(hours=3), "bbbbb"),
    names.building("ghost", NOW - timedelta(hours=3), "ccccc"),
    names.building("beta", NOW + timedelta(hours=5), "ddddd"),
)
"""Names that no document declares, whoever they once belonged to."""

OURS = (
    "whole",
    "unused",
    "unused without files",
    "drifted",
    "former",
    "interrupted",
    "moving",
    "half installed",
    "loud",
    "held back",
    "ended as another",
)
NOT_OURS = ("refused", "failed", "unmarked", "copy", "of another fleet", "of another document")


@dataclass(frozen=True, repr=False)
class Scene:
    """A fleet's documents and the hosts that it meets."""

    documents: tuple[str, ...]
    model: Model

    @property
    def desired(self) -> Desired:
        return self.model.desired

    def __repr__(self) -> str:
        """Show a failing example in few lines."""
        lines = [join(self.documents)]
        for code, host in self.model.hosts.items():
            lines.append(f"{code}: online={host.online} version={host.version}")
            lines += [f"  {name}: ours={d.ours} {d.look}" for name, d in host.databases.items()]
        lines += [f"remembered {key}: {entry.digest}" for key, entry in self.model.entries.items()]
        return "\n".join([*lines, f"states {self.model.states}"])


def join(documents: tuple[str, ...]) -> str:
    return "---\n".join(documents)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, ...]:
    """Write a valid fleet: some servers in some states, a template or two, and instances of them."""
    codes = draw(st.lists(st.sampled_from(SERVERS), min_size=1, unique=True))
    states = {c: draw(st.sampled_from(["active"] * 9 + ["maintenance", "disabled", "draft"])) for c in codes}
    usable = [c for c in codes if states[c] in ("active", "maintenance")]
    servers = [_server(c, states[c], draw(st.integers(4, 6)), draw(st.sampled_from([0, 10]))) for c in codes]
    on = {
        "base": draw(st.lists(st.sampled_from(codes), min_size=1, unique=True)),
        "other": draw(st.lists(st.sampled_from(codes), min_size=1, unique=True)),
    }
    templates = [_template(code, servers_) for code, servers_ in on.items()]
    instances = [
        _instance(draw, code, on, usable)
        for code in draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=4, unique=True))
    ]
    minimum = draw(st.sampled_from([0, 20, 60]))
    settings = f"{FLEET}placement: {{min_capacity_percent: {minimum}}}\n"
    return (settings, *servers, *templates, "kind: plan\ncode: starter\n", *instances)


def _server(code: str, state: str, most: int, sequence: int) -> str:
    return (
        f"kind: server\ncode: {code}\nserver_url: http://{code}.invalid\nodoo_version: '19.0'\nsequence: {sequence}\n"
        f"master_password: {{env: MASTER}}\nstate: {state}\ndomain: {code}.example\nmax_instances: {most}\n"
    )


def _template(code: str, servers: list[str]) -> str:
    return f"kind: template\ncode: {code}\nservers: [{', '.join(servers)}]\nmodules: [base, web]\n"


def _instance(draw: st.DrawFn, code: str, on: dict[str, list[str]], usable: list[str]) -> str:
    template = draw(st.sampled_from(sorted(on)))
    fields: dict[str, object] = {"state": draw(st.sampled_from(["active", "active", "suspended", "absent"]))}
    places = [c for c in on[template] if c in usable]
    if draw(st.booleans()) and places:
        fields["server"] = draw(st.sampled_from(places))
    if draw(st.booleans()):
        fields |= {"modules": "[contacts]", "company": "Some SA", "timezone": "Europe/Brussels", "lang": "fr_BE"}
    if draw(st.booleans()):
        fields["parameters"] = '{"fleet.note": "1"}'
    if draw(st.booleans()):
        fields["admin_password"] = "{derived: {generation: 2}}"
    if draw(st.sampled_from([False, False, True])):
        fields["renamed_from"] = f"old-{code}"
    return instance(code, **fields).replace("template: base", f"template: {template}")


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Choose a fleet, then hosts with any mixture of names, looks and memories."""
    written = draw(documents())
    desired = read(join(written))
    model = Model(desired, {code: _host(draw, desired, code) for code in desired.servers})
    _remember(draw, model)
    return Scene(written, model)


def _host(draw: st.DrawFn, desired: Desired, code: str) -> Host:
    found = Host(
        online=draw(st.sampled_from([True] * 11 + [False])), version=draw(st.sampled_from(["19.0"] * 13 + ["18.0"]))
    )
    for name in draw(st.lists(st.sampled_from(UNDECLARED), max_size=3, unique=True)):
        found.databases[name] = Held(draw(st.sampled_from(looks_of_undeclared(name))), ours=False)
    for template in desired.templates.values():
        if code in template.server_codes and draw(st.booleans()):
            _hold(draw, found, spec(desired, f"template/{template.code}", code), template.template_db)
    for one in desired.instances.values():
        name = draw(st.sampled_from(["", *_forms(one.database_name), *_forms(one.renamed_from or one.code)]))
        ended = draw(st.sampled_from(["", "", *_trash(one.database_name)]))
        for held in filter(None, (name, ended)):
            _hold(draw, found, spec(desired, f"instance/{one.code}", code), held)
    return found


def looks_of_undeclared(name: str) -> list[DatabaseLook]:
    """List what a look may find in a database that no document declares."""
    refused = DatabaseLook(name, Access.REFUSED)
    if names.parse(name).state not in (NameState.BUILDING, NameState.TRASH):
        return [refused]
    mark = Mark("demo", "instance", names.parse(name).target, names.parse(name).target, "own")
    marks = [None, replace(mark, uuid="its template's"), mark]
    marks += [replace(mark, in_service=said) for said in (True, False)]
    opened = [DatabaseLook(name, Access.CURRENT, uuid="own", mark=each) for each in marks]
    return [refused, DatabaseLook(name, Access.HALF_MADE), DatabaseLook(name, Access.FAILED, "no answer"), *opened]


def _forms(target: str) -> tuple[str, ...]:
    return (*names.fixed_forms(target), names.aside(target, NOW, "eeeee"))


def _trash(target: str) -> tuple[str, ...]:
    """Name trash that is to be kept, and trash past its time."""
    return (names.trash(target, NOW - timedelta(days=3)), names.trash(target, NOW - timedelta(days=33)))


def _hold(draw: st.DrawFn, found: Host, wanted: DatabaseSpec, name: str) -> None:
    kind = draw(st.sampled_from((*OURS, *OURS, *NOT_OURS)))
    found.databases[name] = Held(look_of(wanted, name, kind), ours=kind in OURS)


def look_of(wanted: DatabaseSpec, name: str, kind: str) -> DatabaseLook:
    """Make the look of one kind of database: as declared, but for what the kind says."""
    look = as_declared(wanted, name)
    assert look.mark is not None
    former = names.parse(name).target
    mark = replace(look.mark, code=former, name=former) if former.startswith("old-") else look.mark
    mark = replace(mark, ended=name) if names.parse(name).state is NameState.TRASH else mark
    look = replace(look, mark=mark)
    unused = replace(mark, in_service=False) if names.parse(name).state is NameState.SWITCHING else mark
    variants: dict[str, DatabaseLook] = {
        "unused": replace(look, mark=unused),
        "unused without files": replace(look, mark=replace(unused, moving_from=EXPIRED), missing_files=2),
        "refused": DatabaseLook(name, Access.REFUSED),
        "failed": DatabaseLook(name, Access.FAILED, "no answer"),
        "unmarked": replace(look, mark=None),
        "copy": replace(look, uuid="another"),
        "of another fleet": replace(look, mark=replace(mark, fleet="theirs")),
        "of another document": replace(look, mark=replace(mark, code="somebody")),
        "drifted": seen_as(look, company="Drifted", parameters={}, languages=frozenset(), lang="xx_XX"),
        # A declared rotation changes the digest. One of the fleet's key does not: see test_template_diffs.
        "former": replace(look, access=Access.FORMER, mark=replace(mark, digest="before")),
        "interrupted": replace(look, mark=replace(mark, digest="")),
        "moving": replace(look, mark=replace(mark, moving_from=names.switching(wanted.target)), missing_files=2),
        "half installed": replace(look, modules={"base": "installed", "web": "to install", "crm": "to upgrade"}),
        "loud": replace(look, active_crons=(1, 2, 3)),
        "held back": replace(look, quiesced_crons=(4,)),
        "ended as another": replace(
            look, mark=replace(mark, ended=names.trash(wanted.target, NOW - timedelta(days=70)))
        ),
    }
    return variants.get(kind, look)


def _remember(draw: st.DrawFn, model: Model) -> None:
    """Remember servers, databases that are really ours (some with another digest), and some that are gone."""
    for code in model.hosts:
        if draw(st.booleans()):
            model.states[code] = draw(st.sampled_from(["active", "maintenance", "disabled"]))
        for one in model.desired.instances.values():
            wanted = spec(model.desired, f"instance/{one.code}", code)
            held = [h for f in _forms(wanted.target) if (h := model.hosts[code].databases.get(f))]
            ours = all(h.ours and h.look.access is Access.CURRENT for h in held)
            if ours and draw(st.sampled_from([False, False, True])):
                model._verified(wanted)
                if draw(st.booleans()):
                    key = ("instance", one.code, code)
                    model.entries[key] = replace(model.entries[key], digest="")


@st.composite
def changesets(draw: st.DrawFn) -> Changeset:
    """Make a changeset of suspensions and other changes, some of which need one another, in a valid order."""
    actions: list[Action] = []
    for number in range(draw(st.integers(0, 14))):
        verb = draw(st.sampled_from([verbs.SUSPEND, verbs.SUSPEND, verbs.CONFIGURE, verbs.CLONE]))
        earlier = st.sampled_from([a.id for a in actions]) if actions else st.nothing()
        after = draw(st.lists(earlier, max_size=2 if actions else 0, unique=True))
        server = draw(st.sampled_from(SERVERS))
        actions.append(
            Action(verb, "instance", f"i{number}", server, Reason.DECLARED, f"i{number}", after=tuple(after))
        )
    return Changeset(tuple(actions))


any_target = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,35}", fullmatch=True)
any_moment = st.datetimes(
    min_value=NOW.replace(tzinfo=None) - timedelta(days=9000), max_value=NOW.replace(tzinfo=None)
).map(lambda moment: moment.replace(microsecond=0, tzinfo=NOW.tzinfo))
any_nonce = st.from_regex(r"[a-z0-9]{5}", fullmatch=True)
any_text = st.text(max_size=70) | st.from_regex(r"(building|trash|moved|suspended|switching)[-.0-9a-z_A-Z]{0,40}")


@st.composite
def our_names(draw: st.DrawFn) -> str:
    """Make any name that this tool can make or that a document can declare."""
    target, moment = draw(any_target), draw(any_moment)
    stamp = moment.strftime("%y%m%d%H%M%S")
    return draw(
        st.sampled_from(
            [
                target,
                names.switching(target),
                names.suspended(target),
                names.building(target, moment, draw(any_nonce)),
                names.aside(target, moment, draw(any_nonce)),
                f"trash-{stamp}.{target}",
                f"moved-{stamp}.{target}",
            ]
        )
    )


SERVING = names.FORMS
DROPPABLE = (NameState.BUILDING, NameState.TRASH)
