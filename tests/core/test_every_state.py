"""Every state that an instance's names can come into, reached step by step by the real plans and the real moves.

What is explored is in `exploring`, and what it leaves out in `small_world`. Each test is one closed part of the whole: with a
list that lies, with hosts that die between the two halves of a rename, with two reconcilers of different texts. With
ODOO_FLEET_EXHAUSTIVE=1 the parts are larger and take minutes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.fleet.desired import Desired
from tests.core.exploring import EXHAUSTIVE, Bounds, Explorer, State
from tests.core.scenes import NOW, desired, instance
from tests.core.small_world import LATER, TRASH_LATER, Db, World

OWNER, ANOTHER = (f"{{name: Manager, login: manager@{place}.example}}" for place in ("here", "other"))


def texts(*servers: str) -> dict[str, Desired]:
    """All that one customer's text may say: acme, or shop, which is acme renamed (and back)."""
    written = {
        "acme": instance("acme"),
        "acme suspended": instance("acme", state="suspended"),
        "shop renamed from acme": instance("shop", renamed_from="acme"),
        "shop renamed from acme, suspended": instance("shop", renamed_from="acme", state="suspended"),
        "acme renamed from shop": instance("acme", renamed_from="shop"),
        "nothing": "",
        "acme of an owner": instance("acme", owner=OWNER),
        "acme of another": instance("acme", owner=ANOTHER),
        "acme of another, adopted": instance("acme", owner=ANOTHER, adopt="{}"),
        "shop": instance("shop"),
        "acme absent": instance("acme", state="absent"),
        "shop absent": instance("shop", state="absent"),
        "acme on one": instance("acme", server="one"),
        "acme on two": instance("acme", server="two"),
    }
    kept = {name: text for name, text in written.items() if len(servers) > 1 or not name.startswith("acme on")}
    declared = {name: desired(*filter(None, [text]), servers=servers) for name, text in kept.items()}
    safety = "{max_removals_percent: 100}"  # of one customer every removal is that of all
    pruning = {"prune": "true", "safety": safety}
    return {
        **declared,
        "acme, and prune": desired(instance("acme"), servers=servers, **pruning),
        "nothing, and prune": desired(servers=servers, **pruning),
    }


ONE_HOST = texts("one")
TWO_HOSTS = texts("one", "two")


FROZEN = "a list that lost a name"
REFUSED = "another password"
OF_ANOTHER = "another document's mark"
SEVERAL = "several of them"
AWAY = "renamed away"
UNCLAIMED = "between two names"
LEFT = "left behind by an earlier document"
LOST = "builds lost again and again"
UNMOVED = "not moved, since nothing here tells modules"
REASONS = {
    FROZEN: (r"changes on \w+ are frozen: it no longer lists|may be on \w+, which is frozen", "--confirm-listing"),
    REFUSED: ("does not answer to the fleet's password|no longer answers to the declared password", "password"),
    OF_ANOTHER: ("it belongs to instance/", "write `renamed_from: "),
    SEVERAL: ("several databases claim to be it", "decide which one it is"),
    AWAY: ("the database of this code was renamed to", "write `renamed_from: "),
    UNCLAIMED: ("no document claims it: it may be this one", "restore the document that declared"),
    LEFT: ("left it behind|its text named (another owner|one|none) then", "write `adopt: {}`"),
    LOST: ("builds of it were lost on their way", "look why the host dies"),
    UNMOVED: (r"it is not moved from \w+: what modules \w+ has, .* was not looked into", "run without --shallow"),
}
"""Why something may be blocked for good, and what its operator is told to do."""


@dataclass(frozen=True)
class Part:
    """A part of the whole that is explored to its end: some texts, some faults; and what may be blocked at its end."""

    texts: tuple[str, ...]
    bounds: Bounds
    blocked: frozenset[str] = frozenset()
    from_nothing: bool = False
    hosts: int = 1

    def explore(self) -> Explorer:
        every = TWO_HOSTS if self.hosts > 1 else ONE_HOST
        explorer = Explorer({name: every[name] for name in self.texts}, self.bounds)
        explorer.explore([World()] if self.from_nothing else [published(explorer)])
        return explorer


def published(explorer: Explorer) -> World:
    """Begin where the first text is in force."""
    settled = explorer.settle(World(), 0)
    assert settled is not None
    return settled[0]


def part(*texts: str, blocked: Iterable[str] = (), from_nothing: bool = False, hosts: int = 1, **bounds: int) -> Part:
    """Bound a part: by default one run that dies anywhere, without any other fault."""
    chosen = Bounds(**{"runs": 1, "torn": 0, "lies": 0, "databases": 1, "abandoned": False, **bounds})  # type: ignore[arg-type]
    return Part(texts, chosen, frozenset(blocked), from_nothing, hosts)


SWITCHED = ("acme", "acme suspended")
ENDED = ("acme", "acme absent")
RENAMED = ("acme", "shop renamed from acme")
SMALL = {
    "all edits, and a run dies": part(
        "acme",
        "acme suspended",
        "shop renamed from acme",
        "acme renamed from shop",
        "nothing",
        memory=False,
        blocked=[OF_ANOTHER, REFUSED],
    ),
    "owners": part("acme of an owner", "nothing", "acme of another", "acme of another, adopted", blocked=[LEFT]),
    "builds left behind": part(*SWITCHED, from_nothing=True, databases=3, abandoned=True),
    "the list lies while it is renamed": part(*RENAMED, lies=1, blocked=[AWAY, FROZEN]),
    "the host dies while it is renamed": part(*RENAMED, torn=1, memory=False, blocked=[REFUSED]),
    "the list lies and the host dies": part(*SWITCHED, torn=1, lies=1, databases=3),
    "the host dies three times": part(*SWITCHED, torn=3, memory=False),
    "two build": part("acme", runs=2, from_nothing=True, databases=3, memory=False),
    "ended and brought back": part(*ENDED, "acme suspended", memory=False, blocked=[LOST]),
    "the list lies while it is ended or brought back": part(*ENDED, lies=1, databases=2, blocked=[LOST]),
    "removed, and brought back": part("acme, and prune", "nothing, and prune", blocked=[LOST, LEFT]),
}
LARGE = {
    "the list lies, and something is cloned": part(
        *RENAMED, lies=1, databases=2, blocked=[AWAY, FROZEN, LOST, SEVERAL]
    ),
    "two reconcilers, in and out of service": part(*SWITCHED, runs=2, memory=False),
    "a build is lost": part(*SWITCHED, from_nothing=True, databases=3, torn=2, memory=False, blocked=[LOST]),
    "renamed with memory": part(*RENAMED, from_nothing=True, databases=3, blocked=[AWAY, FROZEN, LOST, SEVERAL]),
    "the host dies five times while it is renamed": part(*RENAMED, torn=5, memory=False, blocked=[REFUSED]),
    "two build, in and out of service": part(*SWITCHED, runs=2, from_nothing=True, databases=2, memory=False),
    "ended while it is renamed": part(
        *RENAMED, "acme absent", "shop absent", memory=False, blocked=[OF_ANOTHER, REFUSED, LOST]
    ),
    "the host dies while it is ended or brought back": part(*ENDED, torn=1, memory=False, blocked=[LOST]),
    "the host dies three times while it is ended or brought back": part(*ENDED, torn=3, memory=False, blocked=[LOST]),
    "removed, with a list that lies": part(
        "acme, and prune", "nothing, and prune", lies=1, databases=2, blocked=[LOST, LEFT]
    ),
    "two hosts": part(
        "acme on one", "acme on two", "acme", hosts=2, databases=2, from_nothing=True, blocked=[LOST, UNMOVED]
    ),
}
PARTS = SMALL | (LARGE if EXHAUSTIVE else {})


@pytest.mark.parametrize("name", PARTS)
def test_no_state_breaks_the_law_and_every_state_has_a_way_out(name: str) -> None:
    """What was in service bears no droppable name, is never dropped, and no two of it bear forms of one name.

    From each state in which no run is under way, under each text, passes without a fault lead to what the text says, or to
    one of the reasons of this part.
    """
    explorer = PARTS[name].explore()
    ends = Ends(explorer)
    print(f"{name}: {len(explorer.parents)} states, {explorer.moves} moves; at the end: {sorted(ends.blocked)}")
    wrong = {**explorer.broken, **ends.wrong}
    assert not wrong, "\n".join(f"{what}\n{explorer.path(state)}" for what, state in wrong.items())
    assert ends.blocked == PARTS[name].blocked


class Ends:
    """Where passes without a fault lead, from all states of an exploration and under all its texts."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer
        self.blocked: set[str] = set()
        self.wrong: dict[str, State] = {}
        for state in [s for s in explorer.parents if not s.runs]:
            for text, name in enumerate(explorer.codes):
                for what in self._end(state, text):
                    self.wrong.setdefault(f"under '{name}': {what}", state)

    def _end(self, state: State, text: int) -> Iterator[str]:
        bounds = self._explorer.bounds
        settled = self._explorer.settle(state.world._replace(torn=bounds.torn, lies=bounds.lies), text)
        if settled is None:
            yield "it never settles"
            return
        world, blocked = settled
        reasons = [_reason(b.why, b.advice) for b in blocked if b.kind != "server"]
        self.blocked.update(reason for reason in reasons if reason)
        if None in reasons:
            yield f"blocked for no known reason: {blocked}"
        elif not blocked:
            yield from self._odd(state.world, world, text)

    def _odd(self, before: World, world: World, text: int) -> Iterator[str]:
        for wanted in self._explorer.texts[self._explorer.codes[text]].instances.values():
            if wanted.state == "absent":
                yield from self._not_ended(before, world, wanted.database_name)
                continue
            state = NameState.SUSPENDED if wanted.state == "suspended" else NameState.PUBLISHED
            name = names.resting(wanted.database_name, state)
            found = [d for d in world.dbs if d.name == name]
            if len(found) != 1 or not world.has_files(found[0]):
                yield "it is not there, or without its files"
            elif not found[0].in_service or found[0].code != wanted.code:
                yield "its mark is not what its name says"
            own = [d for d in before.dbs if d.served and d.target in (wanted.database_name, wanted.renamed_from)]
            if own and sum(d.served for d in world.dbs) > sum(d.served for d in before.dbs):
                yield "another was made beside it"

    def _not_ended(self, before: World, world: World, target: str) -> Iterator[str]:
        there = [d for d in world.dbs if d.target == target]
        if any(d.state in names.FORMS for d in there):
            yield "it is absent, and still there"
        kept = [d for d in before.dbs if d.served and d.target == target and not d.name.startswith(TRASH_LATER)]
        if len(kept) > sum(d.served and d.ended == d.name and world.has_files(d) for d in there):
            yield "it is absent, and not whole in the trash"


def _reason(why: str, advice: str) -> str | None:
    found = (r for r, (said, told) in REASONS.items() if re.search(said, why) and told in advice)
    return next(found, None)


FORMS = [
    name
    for target in ("acme", "shop")
    for name in (
        *names.fixed_forms(target),
        names.aside(target, NOW, "a0001"),
        names.building(target, NOW, "b0001"),
        names.building(target, NOW - LATER, "c0001"),
    )
]


def held(name: str, number: int, code: str, *, in_service: bool | None, moving_from: str = "") -> Db:
    """Make a database of ours; what says that it was in service, or nothing at all, may have been."""
    template = f"admin_password of {'instance' if code else 'template'}/{code or 'base'}"
    served = bool(code) and in_service is not False
    return Db("one", name, number, template, code, code, "", moving_from, in_service, "?", served)


def every_world() -> Iterator[World]:
    """Each form with each mark, with its files and without; and each two forms."""
    for name, code, said, origin in itertools.product(
        FORMS, ("", "acme", "shop"), (True, False, None), ("", *(FORMS if EXHAUSTIVE else FORMS[1:5:2]))
    ):
        db = held(name, 0, code, in_service=said, moving_from=origin)
        for folder in (name, origin) if origin else (name,):
            yield World(frozenset({db}), frozenset({("one", folder, 0)}))
    for one, two in itertools.combinations(FORMS, 2):
        for first, second in itertools.product((True, False, None) if EXHAUSTIVE else (True, False), repeat=2):
            for codes in (("acme", "acme"), ("acme", "shop")):
                dbs = [held(one, 0, codes[0], in_service=first), held(two, 1, codes[1], in_service=second)]
                yield World(frozenset(dbs), frozenset({("one", one, 0), ("one", two, 1)}))


def test_the_diff_never_plans_what_the_law_refuses() -> None:
    """Every form with every mark under every text; the explorer looks at each plan that is made."""
    explorer = Explorer(ONE_HOST)
    planned = sum(len(explorer.plan(world, text)[1]) for world in every_world() for text in range(len(explorer.codes)))
    assert planned
