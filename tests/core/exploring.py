"""Explores the small world breadth-first to its end: real plans, carried out by the real engine, a request at a time.

From a state lead: a plan of any text (an edit, or a second reconciler), of the true list or of one that leaves a form out; a
step of a run under way, whose plan may be old by now; the death of a run, and of a host between the two halves of a rename;
the loss of what is remembered; and hours that pass.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from reconciler.core.deciding import Limits, Planned, decide
from reconciler.core.depths import Depth, Inspection, targets
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action
from reconciler.core.model.changesets import Blocked
from reconciler.core.model.failures import HostError, NoSuchDatabase, UnknownOutcome
from reconciler.core.model.inventory import ORPHANED, PRUNES, Entry, Inventory
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import Access, DatabaseLook, Mark, Observed, host
from reconciler.core.model.selection import EVERYTHING
from reconciler.engine.reconcile import remember
from reconciler.engine.worlds import World as Ports
from reconciler.fleet.desired import Desired
from tests.core.scenes import NOW, as_declared, spec
from tests.core.small_world import (
    KEPT,
    TEMPLATE,
    TEMPLATE_UUID,
    Db,
    Known,
    LawBroken,
    World,
    brought_back,
    canonical,
    cloned,
    days_later,
    discarded,
    ended,
    expired_dropped,
    hours_later,
    opened,
    own_build_dropped,
    renamed,
    trash_dropped,
    two_in_service,
)
from tests.core.stepwise import READS, Answer, Failed, Notes, Remembered, Request, Ways

EXHAUSTIVE = bool(os.environ.get("ODOO_FLEET_EXHAUSTIVE"))
PASSES = 6
"""Within so many passes without a fault everything settles, or is blocked for a reason."""


class Run(NamedTuple):
    """A reconciler at work: its text, the place where it stands in one action, and the actions that follow."""

    text: int
    place: int
    action: Action
    rest: tuple[Action, ...] = ()


class State(NamedTuple):
    world: World
    runs: tuple[Run, ...] = ()


class Move(NamedTuple):
    """One move, told in words when it is asked for."""

    what: tuple[Any, ...]
    to: State


@dataclass
class Bounds:
    """Where the exploration ends."""

    runs: int = 2
    torn: int = 1
    lies: int = 1
    databases: int = 3
    customers: int = 1
    memory: bool = True
    abandoned: bool = True


@dataclass
class Explorer:
    """All that is reached from some states under some texts."""

    texts: dict[str, Desired]
    bounds: Bounds = field(default_factory=Bounds)
    parents: dict[State, tuple[State | None, tuple[Any, ...]]] = field(default_factory=dict)
    moves: int = 0
    broken: dict[str, State] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.codes = list(self.texts)
        self.ways = Ways(tuple(self.texts.values()))
        self._plans: dict[Any, tuple[World, tuple[Action, ...], tuple[Blocked, ...]]] = {}
        self._specs = {
            (code, server): spec(desired, f"instance/{code}", server)
            for desired in self.texts.values()
            for code in desired.instances
            for server in desired.servers
        }
        first = next(iter(self.texts.values()))
        self._template = {s: as_declared(spec(first, "template/base", s)) for s in first.servers}
        self._template = {s: _of_itself(look) for s, look in self._template.items()}
        self._known = {
            ("template", "base", s): Entry(
                "template", "base", s, TEMPLATE, spec(first, "template/base", s).digest(), NOW
            )
            for s in first.servers
        }
        self._looks: dict[Any, DatabaseLook] = {}

    # -- what a pass sees and plans ----------------------------------------------------------------------------------

    def template_mark(self, server: str) -> Mark:
        mark = self._template[server].mark
        assert mark is not None
        return mark

    def look(self, world: World, db: Db, access: Access = Access.CURRENT) -> DatabaseLook:
        key = (db, world.has_files(db), access)
        if key not in self._looks:
            made = self._specs.get((db.settings, db.server)) or next(iter(self._specs.values()))
            self._looks[key] = replace(
                as_declared(made, db.name),
                access=access,
                uuid=db.uuid,
                mark=db.mark(self.template_mark(db.server)),
                missing_files=0 if world.has_files(db) else 1,
                active_crons=(),
                quiesced_crons=None,
            )
        return self._looks[key]

    def inventory(self, world: World) -> Inventory:
        entries = {("instance", k.code, k.server): Entry("instance", *k, NOW) for k in world.known}
        listings: dict[str, tuple[str, ...]] = {}
        for server, target in sorted(world.listed):
            listings[server] = (*listings.get(server, ()), target)
        states = {**dict.fromkeys(self._template, "active"), **({PRUNES: "yes"} if world.prunes else {})}
        return Inventory({**self._known, **entries}, states, listings)

    def observe(self, world: World, desired: Desired, hidden: Db | None) -> Observed:
        hosts = {}
        for server in desired.servers:
            listed = {d.name for d in world.dbs - {hidden} if d.server == server}
            trash = {t for s, t in world.trash if s == server}
            hosts[server] = host(server, (*sorted(listed | trash), TEMPLATE), version="19.0", clock=NOW)
        for wanted in targets(desired, Observed(hosts), self.inventory(world), NOW, Depth(), EVERYTHING):
            seen = hosts[wanted.server]
            before = seen.looks.get(wanted.database)
            if before is None or not before.opened:
                look = self._deep(world, wanted)
                hosts[wanted.server] = replace(seen, looks={**seen.looks, wanted.database: look})
        return Observed(hosts)

    def _deep(self, world: World, wanted: Inspection) -> DatabaseLook:
        if wanted.database == TEMPLATE:
            return self._template[wanted.server]
        if (wanted.server, wanted.database) in world.trash:
            return _discarded_build(wanted.server, wanted.database)
        db = world.at(wanted.server, wanted.database)
        assert db is not None
        if wanted.builders:
            accounts = {_password(b.kind, b.code) for b in wanted.builders}
            if db.password not in accounts:
                return DatabaseLook(db.name, Access.REFUSED)
            mark = db.mark(self.template_mark(db.server))
            return DatabaseLook(db.name, Access.CURRENT, uuid=db.uuid, mark=mark)
        if db.password == _password(wanted.spec.kind, wanted.spec.code):
            return self.look(world, db, Access.FORMER if wanted.is_gone else Access.CURRENT)
        if wanted.former_code and db.password == _password("instance", wanted.former_code):
            return self.look(world, db, Access.FORMER)
        return DatabaseLook(db.name, Access.REFUSED)

    def plan(
        self, world: World, text: int, hidden: Db | None = None
    ) -> tuple[World, tuple[Action, ...], tuple[Blocked, ...]]:
        """Return what a pass plans, what it says is blocked, and the world with what it remembers."""
        seen = world._replace(torn=0, lies=0)
        key = (seen, text, hidden)
        if key not in self._plans:
            desired = self.texts[self.codes[text]]
            inventory = self.inventory(seen)
            planned = decide(desired, self.observe(seen, desired, hidden), inventory, NOW, Limits())
            for action in planned.changeset.actions:
                self._require_lawful(world, action, desired)
            after = self._remembered(seen, planned, desired)
            self._plans[key] = (after, planned.changeset.actions, planned.changeset.blocked)
        after, actions, blocked = self._plans[key]
        if not self.bounds.memory:
            after = after._replace(known=frozenset(), listed=frozenset(), prunes=False)
        return after._replace(torn=world.torn, lies=world.lies), actions, blocked

    def _remembered(self, world: World, planned: Planned, desired: Desired) -> World:
        notes = _Listing()
        remember(
            planned,
            desired,
            cast(
                "Ports",
                SimpleNamespace(memory=notes, note=lambda write: write(), clock=SimpleNamespace(now=lambda: NOW)),
            ),
        )
        forms = {
            (server, parsed.target)
            for server, listed in notes.listed.items()
            for parsed in map(names.parse, listed)
            if parsed.state in names.FORMS
        }
        kept = {(s, t) for s, t in world.listed if s not in notes.listed}
        prunes = {"yes": True, "no": False}.get(notes.states.get(PRUNES, ""), world.prunes)
        return noted(world, notes.written)._replace(listed=frozenset(forms | kept), prunes=prunes)

    def _require_lawful(self, world: World, action: Action, desired: Desired) -> None:
        """The diff plans nothing that the law forbids, and takes away nothing that was in service, unless its text ends it."""
        db = world.at(action.server, action.database)
        if action.verb in (verbs.SWEEP, verbs.DISCARD):
            if db is None or db.served:
                raise LawBroken(f"{action.id} of what was in service")
            goal = names.trash(db.target, NOW)
            if action.verb is verbs.DISCARD and names.forbidden_trash(db.name, goal):
                raise LawBroken(f"{action.id} is forbidden")
        elif action.verb in (verbs.END, verbs.DROP):
            _require_over(db, action, desired)
        elif action.verb in (verbs.RENAME, verbs.SUSPEND, verbs.RESUME):
            lock = names.switching(names.parse(action.becomes).target)
            for old, new in ((action.database, lock), (lock, action.becomes)):
                if old != new and (forbidden := names.forbidden_rename(old, new)):
                    raise LawBroken(f"{action.id}: {forbidden}")

    # -- requests ----------------------------------------------------------------------------------------------------

    def perform(self, world: World, ask: Request) -> tuple[World, Any, Any]:
        """Carry a request out; return the world after it, what tells the answer from others, and the answer."""
        try:
            world, answer = self._perform(world, ask)
        except HostError as error:
            return world, f"{type(error).__name__}: {error}", Failed(error)
        return world, answer.key if isinstance(answer, Answer) else answer, answer

    def _perform(self, world: World, ask: Request) -> tuple[World, Any]:
        if ask.what in _OF_HOSTS:
            return _OF_HOSTS[ask.what](world, ask)
        db = opened(world, ask.server, ask.name, ask.password)
        match ask.what:
            case "look":
                look = self.look(world, db)
                return world, Answer((db, look.missing_files), look)
            case "files":
                return world, world.has_files(db)
            case "furnish" | "begin service":
                return _in_one_transaction(world, db, ask), world.has_files(db)
            case "store files":
                return world._replace(folders=world.folders | {(db.server, db.name, db.number)}), None
            case "discard" | "end" | "bring back" | "drop trash":
                return _OF_TRASH[ask.what](world, db, ask.argument), None
            case "drop expired":
                return expired_dropped(world, db, self.template_mark(db.server)), None
        return world.put(db, _written(db, ask)), None

    def step(self, state: State, index: int) -> Iterator[State]:
        """Take a run as far as it goes without changing a name or a note; then each end of the one change that follows."""
        run, world = state.runs[index], state.world
        standing = self.ways.places[run.place]
        ask = standing.request
        assert ask is not None
        if self.ways.begins(run.place):
            world = self.noted(world, standing.noted)
        self._require_alone(state, run, ask)
        ends = [self.perform(world, ask)]
        if ask.what in _RENAMES and world.torn < self.bounds.torn and not isinstance(ends[0][2], Failed):
            lost = UnknownOutcome("no answer", server=ask.server, database=ask.name)
            ends.append((_torn(world, ask), "torn", Failed(lost)))
        for after, key, value in ends:
            yield self._read_on(state, index, after, self.ways.answer(run.place, key, value))

    def _require_alone(self, state: State, run: Run, ask: Request) -> None:
        """With one run at a time nothing new comes into service while the customer's own is there under the former name."""
        db = state.world.at(ask.server, ask.name)
        if len(state.runs) > 1 or ask.what != "rename" or db is None or db.served:
            return
        former = {i.renamed_from for i in self.texts[self.codes[run.text]].instances.values()}
        own = any(d.served and d.target in former and d.state in names.FORMS for d in state.world.dbs)
        if own and names.parse(ask.argument).state in names.IN_SERVICE:
            self.broken.setdefault(f"a second database of a renamed customer: {run.action.id}", state)

    def _read_on(self, state: State, index: int, world: World, place: int) -> State:
        run = state.runs[index]
        while True:
            standing = self.ways.places[place]
            world = self.noted(world, standing.noted)
            ask = standing.request
            if ask is None:
                following = self._following(world, run, state, index, done=standing.done)
                if following is None:
                    world = self.plan(world, run.text)[0]  # a pass ends with a look at what it did
                return _with(state, world, index, following)
            if ask.what not in READS:
                return _with(state, world, index, run._replace(place=place))
            world, key, value = self.perform(world, ask)
            place = self.ways.answer(place, key, value)

    def noted(self, world: World, notes: Iterable[Remembered]) -> World:
        return noted(world, notes) if self.bounds.memory else world

    def _following(self, world: World, run: Run, state: State, index: int, *, done: bool) -> Run | None:
        failed = set() if done else {run.action.id}
        rest = []
        for action in run.rest:
            if failed & set(action.after):
                failed.add(action.id)
            else:
                rest.append(action)
        others = [r for i, r in enumerate(state.runs) if i != index]
        return self.begin(world, run.text, tuple(rest), others)

    def begin(self, world: World, text: int, actions: tuple[Action, ...], others: Iterable[Run]) -> Run | None:
        if not actions:
            return None
        taken = {_letter(self.ways, r) for r in others}
        used = world.tokens()
        letter = next(x for x in "abcdefgh" if x not in taken and f"{x}000" not in used)
        return Run(text, self.ways.begin(text, actions[0], letter), actions[0], actions[1:])

    # -- moves -------------------------------------------------------------------------------------------------------

    def successors(self, state: State) -> Iterator[Move]:
        world, bounds = state.world, self.bounds
        for index in range(len(state.runs)):
            for number, after in enumerate(self.step(state, index)):
                yield Move(("step", index, number), after)
            if bounds.abandoned or not self._builds(state, index):
                yield Move(("dies", index), _with(state, world, index, None))
        if len(state.runs) < bounds.runs:
            for text in range(len(self.codes)):
                forms = [d for d in world.dbs if d.state in names.FORMS] if world.lies < bounds.lies else []
                for hidden in (None, *forms):
                    yield from self._planned(state, text, hidden)
        if world.known or world.listed:
            yield Move(
                ("memory is lost",),
                _sorted(state._replace(world=world._replace(known=frozenset(), listed=frozenset(), prunes=False))),
            )
        if not state.runs:
            yield Move(("hours pass",), _sorted(State(hours_later(world))))
            if any(d.state is NameState.TRASH for d in world.dbs):
                yield Move(("days pass",), _sorted(State(days_later(world))))

    def _planned(self, state: State, text: int, hidden: Db | None) -> Iterator[Move]:
        after, actions, _ = self.plan(state.world, text, hidden)
        if hidden is not None:
            after = after._replace(lies=after.lies + 1)
        if any(a.verb is verbs.CLONE for a in actions) and self._is_full(state):
            return
        run = self.begin(after, text, actions, state.runs)
        what = ("pass", text, hidden and hidden.name, tuple(a.id for a in actions))
        yield Move(what, _sorted(state._replace(world=after, runs=(*state.runs, *([run] if run else ())))))

    def _builds(self, state: State, index: int) -> bool:
        letter = f"{self.ways.letter(state.runs[index].place)}000"
        return any(d.state is NameState.BUILDING and letter in d.name for d in state.world.dbs)

    def _is_full(self, state: State) -> bool:
        """Tell whether one more build would add nothing: beside an abandoned one, which nobody touches before it is swept."""
        builds = [d.name for d in state.world.dbs if d.state is NameState.BUILDING]
        held = sum(any(f"{self.ways.letter(r.place)}000" in name for r in state.runs) for name in builds)
        return held < len(builds) or len(state.world.dbs) >= self.bounds.databases

    def explore(self, starts: Iterable[World], most: int = 10**9) -> None:
        """Go everywhere; each state is checked when it is first met."""
        queue: deque[State] = deque()
        for world in starts:
            first = State(world)
            self.parents[first] = (None, ())
            queue.append(first)
        while queue and len(self.parents) < most:
            state = queue.popleft()
            try:
                for move in self.successors(state):
                    self.moves += 1
                    if move.to not in self.parents:
                        self.parents[move.to] = (state, move.what)
                        self.check(move.to)
                        if sum(d.served for d in move.to.world.dbs) <= self.bounds.customers:
                            queue.append(move.to)
            except LawBroken as broken:
                self.broken.setdefault(str(broken), state)

    # -- checks ------------------------------------------------------------------------------------------------------

    def check(self, state: State) -> None:
        """The law, in one state."""
        for db in state.world.dbs:
            if db.served and db.state not in names.FORMS and not (db.state is NameState.TRASH and db.ended == db.name):
                self.broken.setdefault(f"{db.name} was in service and bears a droppable name", state)
        for target in two_in_service(state.world):
            self.broken.setdefault(f"two databases that were in service bear a form of {target}", state)

    def settle(self, world: World, text: int) -> tuple[World, tuple[Blocked, ...]] | None:
        """Run passes to their end without a fault until nothing is planned; None if that never happens."""
        for _ in range(PASSES):
            world, actions, blocked = self.plan(world, text)
            if not actions:
                return world, blocked
            state = State(world, tuple(r for r in [self.begin(world, text, actions, ())] if r))
            while state.runs:
                state = next(self.step(state, 0))
            world = state.world
        return None

    # -- telling -----------------------------------------------------------------------------------------------------

    def path(self, state: State) -> str:
        """Tell a shortest way to a state."""
        told: list[str] = []
        at: State | None = state
        while at is not None:
            before, what = self.parents[at]
            told.append(f"{self._tell(before, what)}\n      {_shown(at.world)}")
            at = before
        return "\n".join(f"{number:>3} {line}" for number, line in enumerate(reversed(told)))

    def _tell(self, before: State | None, what: tuple[Any, ...]) -> str:
        if before is None:
            return "start"
        if what[0] == "pass":
            return f"pass of '{self.codes[what[1]]}'" + (f" without {what[2]}" if what[2] else "") + f": {what[3]}"
        if what[0] in ("step", "dies"):
            run = before.runs[what[1]]
            ask = self.ways.places[run.place].request
            torn = " TORN" if what[-1] == 1 and what[0] == "step" else ""
            asks = f"{ask.what} {ask.name} {ask.argument if isinstance(ask.argument, str) else ''}" if ask else ""
            return f"{run.action.id} of '{self.codes[run.text]}' {what[0]}: {asks}{torn}"
        return str(what[0])


class _Listing(Notes):
    def __init__(self) -> None:
        super().__init__()
        self.listed: dict[str, tuple[str, ...]] = {}
        self.states: dict[str, str] = {}

    def server_state(self, server: str, state: str) -> None:
        self.states[server] = state

    def listing(self, server: str, names: Iterable[str], at: object) -> None:
        self.listed[server] = tuple(names)


def noted(world: World, notes: Iterable[Remembered]) -> World:
    """Write into memory what a run noted."""
    known = {(k.code, k.server): k for k in world.known}
    for kind, code, server, target, digest in notes:
        if kind != "instance":
            continue
        if digest is not None:
            known[code, server] = Known(code, server, target, digest)
        elif (code, server) in known:
            known[code, server] = known[code, server]._replace(digest="")
    return world._replace(known=frozenset(known.values()))


def _may_open(world: World, ask: Request) -> tuple[World, bool]:
    db = world.at(ask.server, ask.name)
    if db is None:
        raise NoSuchDatabase(f"there is no {ask.name}", server=ask.server, database=ask.name)
    return world, db.password == ask.password


_OF_HOSTS: dict[str, Callable[[World, Request], tuple[World, Any]]] = {
    "exists": lambda world, ask: (world, world.at(ask.server, ask.name) is not None),
    "listed": lambda world, ask: (world, frozenset(d.name for d in world.dbs if d.server == ask.server)),
    "clone": lambda world, ask: (cloned(world, ask.server, ask.name, _password("template", "base")), None),
    "rename": lambda world, ask: (renamed(world, ask.server, ask.name, ask.argument), None),
    "drop own build": lambda world, ask: (own_build_dropped(world, ask.server, ask.name), None),
    "open": _may_open,
}


_TO_AND_FROM_TRASH = {"end": ended, "bring back": brought_back}
_OF_TRASH = {**_TO_AND_FROM_TRASH, "discard": discarded, "drop trash": trash_dropped}
_RENAMES = ("rename", *_TO_AND_FROM_TRASH)


def _of_itself(look: DatabaseLook) -> DatabaseLook:
    """Give a template the uuid that its clones are told from it by."""
    assert look.mark is not None
    return replace(look, uuid=TEMPLATE_UUID, mark=replace(look.mark, uuid=TEMPLATE_UUID))


def _torn(world: World, ask: Request) -> World:
    """Let the host die between the two halves of a rename."""
    if ask.what == "rename":
        return renamed(world, ask.server, ask.name, ask.argument, torn=True)
    db = opened(world, ask.server, ask.name, ask.password)
    return _TO_AND_FROM_TRASH[ask.what](world, db, ask.argument, torn=True)


def _require_over(db: Db | None, action: Action, desired: Desired) -> None:
    """What its text wants is not ended, and what was not ended, or not long enough ago, is not dropped."""
    wanted = {n for i in desired.instances.values() if i.state != "absent" for n in (i.code, i.database_name)}
    is_wanted = action.code in wanted or names.parse(action.database).target in wanted
    if action.verb is verbs.END and is_wanted:
        raise LawBroken(f"{action.id} of what its text wants")
    is_over = db is not None and db.ended == db.name and names.is_expired_trash(names.parse(db.name), NOW, KEPT)
    if action.verb is verbs.DROP and not is_over:
        raise LawBroken(f"{action.id} of what was not ended, or not long enough ago")


def _discarded_build(server: str, name: str) -> DatabaseLook:
    target, uuid = names.parse(name).target, f"uuid of {name} on {server}"
    mark = Mark("demo", "instance", target, target, uuid, in_service=False)
    return DatabaseLook(name, Access.CURRENT, uuid=uuid, mark=mark)


def _written(db: Db, ask: Request) -> Db:
    argument = ask.argument
    match ask.what:
        case "set password":
            return db._replace(password=argument)
        case "set settings":
            return db._replace(settings=argument)
        case "clear digest":
            return db._replace(digest="")
        case "note move":
            is_over = not argument and db.state is not NameState.TRASH
            return db._replace(moving_from=argument, ended="" if is_over else db.ended)
        case "note ended":
            return db._replace(ended=argument)
        case "note in service" | "begin service":
            return db._replace(in_service=True)
        case "write mark":
            assert argument.uuid == db.uuid
            return _marked(db, argument)
        case "furnish":
            password, settings, mark = argument
            furnished = db._replace(password=password, settings=settings)
            return furnished if mark is None else _marked(furnished, mark)
    raise AssertionError(f"{ask.what} is not modelled")


def _in_one_transaction(world: World, db: Db, ask: Request) -> World:
    begins = ask.what == "begin service"
    return world if begins and not (ask.argument and world.has_files(db)) else world.put(db, _written(db, ask))


def _marked(db: Db, mark: Mark) -> Db:
    return db._replace(
        code=mark.code,
        digest=mark.digest,
        moving_from=mark.moving_from,
        in_service=mark.in_service,
        owner="?" if mark.owner is None else mark.owner,
    )


def _with(state: State, world: World, index: int, run: Run | None) -> State:
    runs = (*state.runs[:index], *((run,) if run else ()), *state.runs[index + 1 :])
    return _sorted(State(world, runs))


def _sorted(state: State) -> State:
    """Two runs are the same two, whichever began first; and databases are told apart by what they are."""
    if not state.runs:
        return State(canonical(state.world))
    return state._replace(runs=tuple(sorted(state.runs, key=lambda r: (r.text, r.place, [a.id for a in r.rest]))))


def _letter(ways: Ways, run: Run) -> str:
    return ways.letter(run.place)


def _password(kind: str, code: str) -> str:
    return f"admin_password of {kind}/{code}"


def _shown(world: World) -> str:
    dbs = [
        f"{d.name}#{d.number}({'served' if d.served else 'new'} mark={d.code or 'template'} said={d.in_service}"
        f"{' from=' + d.moving_from if d.moving_from else ''}"
        f"{' ended=' + d.ended if d.ended else ''}{'' if world.has_files(d) else ' NOFILES'}"
        f"{'' if d.password.endswith('/' + d.code) else ' pw=' + d.password[18:]})"
        for d in sorted(world.dbs)
    ]
    known = [
        f"{k.code}:{k.target}:{k.digest[:10] if k.digest.startswith(ORPHANED) else k.digest[:3]}"
        for k in sorted(world.known)
    ]
    return f"{' '.join(dbs)} known={known} listed={sorted(t for _, t in world.listed if t != TEMPLATE)}"
