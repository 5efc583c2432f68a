"""What happens to a small fleet in one run: the texts before and after it, and the world that it begins in."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from tests.harness.universe import Killed, Process, Universe, fleet, instance, universe
from tests.harness.virtual_time import run

Text = Callable[[str], str]


def nothing(version: str) -> str:
    """The servers and the template alone."""
    return fleet(servers={"one": version})


BOSS = "{name: Boss, login: boss@acme.example}"


def text(version: str) -> str:
    return fleet(
        instance("acme", server="one", modules="[contacts]", lang="fr_BE", owner=BOSS),
        instance("sleepy", server="one", state="suspended"),
        servers={"one": version},
    )


def changed(version: str) -> str:
    """The same fleet after a day of edits: suspend, resume, rename, rotate and new settings."""
    return fleet(
        instance(
            "acme", server="one", state="suspended", company="Acme NV", modules="[contacts]", lang="fr_BE", owner=BOSS
        ),
        instance("sleepy", server="one", admin_password="{derived: {generation: 2}}"),
        servers={"one": version},
    )


def renamed(version: str) -> str:
    return fleet(
        instance("acme2", server="one", renamed_from="acme", modules="[contacts]", lang="fr_BE"),
        instance("sleepy2", server="one", renamed_from="sleepy", state="suspended"),
        servers={"one": version},
    )


def renamed_back(version: str) -> str:
    """What the documentation says to write after a rename that is not wanted any more."""
    return fleet(
        instance("acme", server="one", renamed_from="acme2", modules="[contacts]", lang="fr_BE"),
        instance("sleepy", server="one", renamed_from="sleepy2", state="suspended"),
        servers={"one": version},
    )


STORIES: dict[str, tuple[Text | None, Text]] = {
    "from nothing": (None, text),
    "edits": (text, changed),
    "renames": (text, renamed),
}


@dataclass(frozen=True)
class Plot:
    """A story with what people may do to its text in the midst of it.

    `other` differs from `after` in who is suspended; `former` is what a checkout of the day before says; `back` is how the
    edit is taken back for good.
    """

    before: Text | None
    after: Text
    other: Text
    former: Text
    back: Text


def _swapped(version: str) -> str:
    return fleet(
        instance("acme", server="one", state="suspended", modules="[contacts]", lang="fr_BE", owner=BOSS),
        instance("sleepy", server="one"),
        servers={"one": version},
    )


def _renamed_and_swapped(version: str) -> str:
    return fleet(
        instance("acme2", server="one", renamed_from="acme", state="suspended", modules="[contacts]", lang="fr_BE"),
        instance("sleepy2", server="one", renamed_from="sleepy"),
        servers={"one": version},
    )


PLOTS = {
    "from nothing": Plot(None, text, _swapped, nothing, text),
    "from a template": Plot(nothing, text, _swapped, nothing, text),
    "edits": Plot(text, changed, text, text, text),
    "renames": Plot(text, renamed, _renamed_and_swapped, text, renamed_back),
}


async def prepared(version: str, before: str | None, seed: int, *, speed: float = 0.0) -> Universe:
    """Put up a host with somebody else's database on it, and the fleet of a text."""
    world = universe({"one": version}, seed=seed, speed=speed)
    world.hosts["one"].add_database("shop")
    if before is not None:
        passed = await world.reconcile(before)
        assert passed.ok, [o for o in passed.outcomes if o.detail]
    return world


@functools.cache
def _begun(version: str, plot: str, speed: float) -> Universe:
    before = PLOTS[plot].before
    return run(prepared(version, before and before(version), 0, speed=speed))


def begun(version: str, plot: str, seed: int, *, speed: float = 0.0) -> Universe:
    """Return a world of its own in which a plot may begin; making one takes as long as a whole run, so each is made once."""
    world = _begun(version, plot, speed).branch()
    world.seed = seed
    return world


async def killed_pass(world: Universe, fleet_text: str, process: Process) -> None:
    """Run a pass that may be killed."""
    try:
        await world.reconcile(fleet_text, process)
    except Killed:
        pass
    except BaseExceptionGroup as group:
        if group.subgroup(Killed) is None:
            raise
