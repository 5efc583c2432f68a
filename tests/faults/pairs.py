"""Two of everything: each pair of faults in one life of a small fleet, with something between them, and customers at work.

The second fault hits the run that repairs what the first one left. Then the trouble ends, and a few runs later all is as
declared. A case is a `Pair`, told by its coordinates as one line of text; `drawn` gives the same one for the same number.
Which second faults can come to pass is found out by living the beginning once without one: all runs alike until it strikes.

Faults, as written in coordinates:

    death@rename.database#2   the host dies when it has made this step durable for the second time; it is back 20 s later
    kill-before@db#3          the reconciler is killed before its third request that changes which databases there are,
    kill-after@db#3           or after the host has answered it; or the answer is lost on its way
    lost@db#3
    kill-before@any#57        the same of its 57th request, whatever it is
    lost@change#12            the same of its 12th request that changes anything
"""

import asyncio
import functools
import random
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.core.deciding import Limits
from reconciler.engine.reconcile import Passed
from reconciler.fleet.desired import Desired
from reconciler.simulator import STEPS, ConnectionDropped
from reconciler.simulator.wire import RpcCall
from tests.faults.stories import PLOTS, Text, begun
from tests.harness import promises
from tests.harness.customers import Customers
from tests.harness.universe import DictMemory, Killed, Meddler, Process, Universe, read
from tests.harness.virtual_time import run

VERSIONS = ("19.0", "14.0")
BETWEEN = (
    "nothing",
    "store deleted",
    "old store",
    "edit",  # the other text is in force from here on
    "revert",  # the former text for one run, then this one again
    "revert for good",
    "other first",  # a second reconciler, which never ran before: it has run before the repair begins
    "other beside",  # or it runs at the same time
    "former first",  # an old one, with the former text and a store of its own
    "former beside",
)
EDITS: dict[str, tuple[str, str | None]] = {
    "edit": ("other", "other"),
    "revert": ("former", None),
    "revert for good": ("former", "back"),
}
"""Which text of the plot is in force in the run that repairs, and which one afterwards (None: the one before)."""
LISTS = ("true", "short", "shorter", "another's")
"""What the hosts list in the run that repairs: the truth, names left out, or those of another host (a proxy gone astray)."""

MAKES_AND_MOVES = ("create_database", "duplicate_database", "rename", "drop")
READS = ("search", "read", "search_read", "search_count", "read_group", "fields_get", "get_param")
REQUESTS = {"kill-before": "any", "kill-after": "any", "lost": "change"}
"""What may happen at a request, and at which ones beside those that change which databases there are."""
_HOST_IS_AWAY = 20.0
_FEW_MINUTES, _BUILD_LIMIT = 300.0, 3 * 3600.0


@dataclass(frozen=True)
class Fault:
    """One fault: what, where (a step of the host, or which kind of requests), and at which time that this comes."""

    what: str
    where: str
    which: int

    def __str__(self) -> str:
        return f"{self.what}@{self.where}#{self.which}"

    @classmethod
    def parse(cls, text: str) -> "Fault":
        what, _, rest = text.partition("@")
        where, _, which = rest.partition("#")
        return cls(what, where, int(which))


@dataclass(frozen=True)
class Pair:
    """The coordinates of one case."""

    version: str
    plot: str
    first: Fault
    between: tuple[str, ...]
    lists: str
    second: Fault | None = None
    speed: float = 0.0
    seed: int = 0

    def __str__(self) -> str:
        between = "+".join(self.between)
        parts = (self.version, self.plot, self.first, between, self.lists, self.second, self.speed, self.seed)
        return "/".join(map(str, parts))

    @classmethod
    def parse(cls, text: str) -> "Pair":
        version, plot, first, between, lists, second, speed, seed = text.split("/")
        strikes = None if second == "None" else Fault.parse(second)
        return cls(
            version, plot, Fault.parse(first), tuple(between.split("+")), lists, strikes, float(speed), int(seed)
        )


class Striking(Meddler):
    """Counts the requests of a process, and strikes at the one that a fault means; sends lists astray where that is wanted."""

    def __init__(self, fault: Fault | None, decoy: str = "") -> None:
        self.fault, self.decoy = fault, decoy
        self.seen: Counter[str] = Counter()
        self.struck = False
        self._due: set[int] = set()

    def reaches(self, code: str, call: RpcCall) -> str:
        return self.decoy if self.decoy and call.service == "db" and call.method == "list" else code

    def before(self, process: Process, call: RpcCall) -> None:
        self.seen["any"] += 1
        self.seen["db"] += moves(call)
        self.seen["change"] += changes(call)
        fault = self.fault
        if fault is None or self.struck or fault.what == "death" or self.seen[fault.where] != fault.which:
            return
        self.struck = True
        if fault.what == "kill-before":
            process.die()
        self._due.add(id(call))

    def after(self, process: Process, call: RpcCall) -> None:
        if id(call) not in self._due or self.fault is None:
            return
        self._due.discard(id(call))
        if self.fault.what == "kill-after":
            process.die()
        raise ConnectionDropped("after")


def moves(call: RpcCall) -> bool:
    """Tell whether a call changes which databases there are, or their names."""
    return call.service == "db" and call.method in MAKES_AND_MOVES


def changes(call: RpcCall) -> bool:
    """Tell whether a call changes anything."""
    method = (call.model_method or "").rpartition(".")[2]
    return moves(call) or (call.service == "object" and method not in READS)


# -- what there is to enumerate --------------------------------------------------------------------------------------


@dataclass
class Met:
    """How often each step of the host and each kind of request came in one run: so many faults of it can come to pass."""

    steps: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)

    def faults(self, *, of_names: bool) -> tuple[Fault, ...]:
        """List them all, or those at what makes, moves and drops databases."""
        naming = {step for operation in MAKES_AND_MOVES for step in STEPS[operation]}
        steps = [step for step in sorted(self.steps) if not of_names or step in naming]
        found = [Fault("death", step, n) for step in steps for n in range(1, self.steps[step] + 1)]
        for what, beyond in REQUESTS.items():
            for kind in ("db",) if of_names else ("db", beyond):
                found += [Fault(what, kind, n) for n in range(1, self.requests[kind] + 1)]
        return tuple(found)


@functools.cache
def first_faults(version: str, plot: str, *, of_names: bool) -> tuple[Fault, ...]:
    """List the faults that a plot may begin with: those of its undisturbed run."""
    world, striking = begun(version, plot, 0), Striking(None)
    met = Met(requests=striking.seen)
    world.hosts["one"].watchers.append(lambda step: met.steps.update([step]))
    run(world.reconcile(PLOTS[plot].after(version), Process(meddler=striking)))
    return met.faults(of_names=of_names)


def second_faults(opening: Pair, *, of_names: bool) -> tuple[Fault, ...]:
    """List the faults that can come to pass in the run that repairs what the first one left."""
    return _met_in_repair(opening).faults(of_names=of_names)


@functools.lru_cache(maxsize=4)
def _met_in_repair(opening: Pair) -> Met:
    life = Life(opening)
    _run(life, life.until_repaired())
    return life.met_in_repair


ALIKE = 8
EXHAUSTIVE_PLOTS = ("from a template", "edits", "renames")


@functools.cache
def openings() -> tuple[Pair, ...]:
    """List how the lives begin that are tried all: with a fault at what makes, moves or drops databases."""
    return tuple(
        Pair("19.0", plot, first, (between,), "true")
        for plot in EXHAUSTIVE_PLOTS
        for first in first_faults("19.0", plot, of_names=True)
        for between in BETWEEN
    )


def lives_of(opening: Pair) -> Iterator[Pair]:
    """Yield all lives that begin so, with each second fault at what makes, moves or drops databases."""
    return (replace(opening, second=second) for second in second_faults(opening, of_names=True))


def drawn(seed: int) -> Pair:
    """Draw a life: any pair of any plot, half of them at what moves databases, now and then with two things between.

    A few with neighbouring numbers begin alike: how lives may go on is found out once.
    """
    chance = random.Random(seed // ALIKE)
    version, plot, of_names = chance.choice(VERSIONS), chance.choice(list(PLOTS)), chance.random() < 0.5
    first = chance.choice(first_faults(version, plot, of_names=of_names))
    between = tuple(chance.sample(BETWEEN, chance.choice([1, 1, 1, 2])))
    lists = chance.choice(["true", "true", *LISTS])
    opening = Pair(version, plot, first, between, lists, None, chance.choice([0.0, 0.0, 0.3]), seed // ALIKE)
    return _with_a_second(opening, random.Random(seed))


def _with_a_second(opening: Pair, chance: random.Random) -> Pair:
    """Draw the second fault, half of the times one at what moves databases if there is any."""
    of_names = second_faults(opening, of_names=True) if chance.random() < 0.5 else ()
    return replace(opening, second=chance.choice(of_names or second_faults(opening, of_names=False)))


def sample(seed: int) -> Iterator[Pair]:
    """Go on for ever: lives that differ with the seed, every other one of them a pair of those that are tried all."""
    chance = random.Random(seed)
    while True:
        if of_names := tuple(lives_of(chance.choice(openings()))):
            yield chance.choice(of_names)
        yield drawn(chance.randrange(10**9))


# -- one life --------------------------------------------------------------------------------------------------------


@dataclass
class Life:
    """One case under way."""

    pair: Pair
    story: list[str] = field(default_factory=list)
    met: int = 0
    met_in_repair: Met = field(default_factory=Met)

    def __post_init__(self) -> None:
        pair = self.pair
        self.plot = PLOTS[pair.plot]
        self.world = begun(pair.version, pair.plot, pair.seed, speed=pair.speed)
        decoy = begun(pair.version, "from nothing", 1)
        self.world.hosts["decoy"] = decoy.hosts["one"]
        self.host = self.world.hosts["one"]
        self.text = self.plot.after(pair.version)
        self.old = self.world.memory.copy() if self.world.memory else DictMemory()
        self.ours = {"one": self.host}
        self.customers = Customers(self.ours, seed=pair.seed)

    async def whole(self) -> None:
        """Live it."""
        foreign = promises.foreign_state(self.ours)
        await self.until_repaired()
        await self.settle()
        promises.check(self.ours, self.desired, foreign=foreign)

    async def until_repaired(self) -> None:
        """Live it until the run has ended that repairs what the first fault left."""
        plot, version = self.plot, self.pair.version
        texts = [t(version) for t in (plot.before, plot.after, plot.other, plot.former, plot.back) if t is not None]
        self.customers.join(*map(read, texts))
        self.customers.begin()
        self.customers.visit()
        await self.run(self.text, self.pair.first)
        await self.repair()

    @property
    def desired(self) -> Desired:
        return read(self.text)

    async def repair(self) -> None:
        """Do what lies between, then run with the second fault."""
        now = self.text
        for what in self.pair.between:
            if what == "old store" or (what == "store deleted" and not self.takes_a_rename_back()):
                self.world.memory = DictMemory() if what == "store deleted" else self.old
            if what in EDITS:
                now, self.text = (self.text if which is None else self.written(which) for which in EDITS[what])
        first = [self.second(w.partition(" ")[0]) for w in self.pair.between if w.endswith(" first")]
        beside = [self.second(w.partition(" ")[0]) for w in self.pair.between if w.endswith(" beside")]
        for text, memory in first:
            await self.another(text, memory)
        async with asyncio.TaskGroup() as group:
            for text, memory in beside:
                group.create_task(self.another(text, memory))
            group.create_task(self.run(now, self.pair.second, alone=not beside, repairing=True))

    def second(self, which: str) -> tuple[str, DictMemory]:
        """Give a second reconciler its text and store: one with the former text is an old daemon, and remembers that."""
        return self.written(which), self.old.copy() if which == "former" else DictMemory()

    def written(self, which: str) -> str:
        """Give one of the plot's texts by its name."""
        text: Text = getattr(self.plot, which)
        return text(self.pair.version)

    def takes_a_rename_back(self) -> bool:
        """Tell whether a rename is reverted in the text: that it was done is known from the store alone (G11's limit)."""
        return self.pair.plot == "renames" and any(what.startswith("revert") for what in self.pair.between)

    async def another(self, text: str, memory: DictMemory) -> None:
        """Run a second reconciler that shares nothing with ours but the host."""
        self.story.append("another reconciler runs")
        alone = Universe(self.world.hosts, self.world.clock, memory, seed=self.pair.seed + 77, _runs=7)
        await alone.reconcile(text, limits=Limits(allowed=["removals"]))
        self.story.append("the other one has ended")

    async def run(self, text: str, fault: Fault | None, *, alone: bool = True, repairing: bool = False) -> None:
        """Run once, with a fault."""
        lists = self.pair.lists if repairing else "true"
        if lists.startswith("short"):
            self.host.faults.add(f"db.list:shrink={1 if lists == 'short' else 2}")
        meddler = Striking(fault, "decoy" if lists == "another's" else "")
        self.arrange(fault, meddler)
        promises.watch(self.ours, read(text), self.customers, alone=alone)
        self.story.append(f"{fault} in a run, lists are {lists}")
        try:
            passed = await self.world.reconcile(text, Process(meddler=meddler), Limits(allowed=["removals"]))
            self.tell(passed)
            if passed.ok and alone and lists == "true" and self.host.alive:
                self.customers.served_as_declared(read(text))
        except Killed:
            self.story.append("killed")
        except BaseExceptionGroup as group:
            if group.subgroup(Killed) is None:
                raise
            self.story.append("killed")
        self.host.faults.clear()
        self.host.on_step = lambda _step: None
        self.met += meddler.struck
        if repairing:
            self.met_in_repair.requests.update(meddler.seen)
        await asyncio.sleep(_HOST_IS_AWAY + 1)
        self.customers.sure()

    def arrange(self, fault: Fault | None, meddler: Striking) -> None:
        """Have the host die where a fault says so, or count its steps where none is to strike."""
        steps, loop = Counter[str](), asyncio.get_running_loop()
        if fault is None:
            self.met_in_repair.steps = steps
        elif fault.what != "death":
            return

        def on_step(step: str) -> None:
            steps[step] += 1
            if fault is not None and step == fault.where and steps[step] == fault.which:
                meddler.struck = True
                self.host.kill()
                loop.call_later(_HOST_IS_AWAY, self.host.start)

        self.host.on_step = on_step

    def tell(self, passed: Passed) -> None:
        """Note what a run did, for whoever has to understand a failure."""
        self.story += [f"  {o.action.id}: {o.result} {o.detail}".rstrip() for o in passed.outcomes]
        self.story += [f"  blocked {b.code}: {b.why}" for b in passed.after.changeset.blocked]

    async def settle(self) -> None:
        """The trouble is over: a few runs later all is as declared, and nothing is left of what was cut short."""
        promises.watch(self.ours, self.desired, self.customers)
        confirmed = Limits(confirmed_listings=("one",), allowed=["removals"])
        pause = _FEW_MINUTES
        for _ in range(5):
            await asyncio.sleep(pause)
            self.customers.sure()
            passed = await self.world.reconcile(self.text, limits=confirmed)
            self.story.append("a run without trouble")
            self.tell(passed)
            self.customers.sure()
            if passed.ok:
                self.customers.served_as_declared(self.desired)
                if passed.after.changeset.is_converged:
                    break
            waits = any("were lost on their way into service" in b.why for b in passed.after.changeset.blocked)
            pause = _BUILD_LIMIT if waits else _FEW_MINUTES  # two builds lost at the lock: no third before they are old
        else:
            raise promises.Broken(f"it does not converge: {self.host.listed()}")
        self.customers.everything_is_there(self.desired)
        await asyncio.sleep(_BUILD_LIMIT)
        await self.world.reconcile(self.text, limits=confirmed)
        self.customers.everything_is_there(self.desired)
        if left := [name for name in self.host.listed() if name.startswith("building-")]:
            raise promises.Broken(f"{left} is left")


def live(pair: Pair) -> int:
    """Live one case; returns how many of its faults came to pass. What goes wrong says the coordinates and what happened."""
    life = Life(pair)
    _run(life, life.whole())
    return life.met


def _run(life: Life, main: Coroutine[Any, Any, None]) -> None:
    try:
        run(main)
    except BaseException as error:
        listed = {name: len(db.rows("customer.order")) for name, db in life.host.databases.items()}
        error.add_note(f"ODOO_FLEET_PAIR='{life.pair}'\n  " + "\n  ".join([*life.story, f"the host has {listed}"]))
        raise
