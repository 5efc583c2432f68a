"""Which moves make servers equally full: few, within all limits, and none once they are done."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.diffs.rebalancing import WORTH_PERCENT, Balance, rebalance
from reconciler.core.model import observed
from reconciler.core.model.inventory import Inventory, Usage
from reconciler.core.model.observed import Observed
from reconciler.core.policies.usage import GIGABYTE
from tests.core.scenes import NOW
from tests.harness.universe import SERVER, fleet, instance, read


@dataclass
class Scene:
    """Servers with what they declare, and what is on them: instances by code, each with its server and its GB."""

    servers: dict[str, dict[str, object]]
    there: dict[str, tuple[str, float]]
    placed: bool = False
    listed: dict[str, str] = field(default_factory=dict)
    documents: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)

    def balance(self, frozen: tuple[str, ...] = ()) -> Balance:
        documents = [
            instance(code, **({} if self.placed else {"server": server})) for code, (server, _) in self.there.items()
        ]
        versions = {code: self.versions.get(code, "19.0") for code in self.servers}
        text = fleet(*documents, *self.documents, servers=versions)
        for code, fields in self.servers.items():
            here = SERVER.format(code=code, version=versions[code])
            more = "".join(f"{key}: {value}\n" for key, value in {"state": "active", **fields}.items())
            text = text.replace(here, here.replace("state: active\n", "") + more)
        names: dict[str, list[str]] = {code: ["template_base"] for code in self.servers}
        for code, (server, _) in self.there.items():
            names[self.listed.get(code, server)].append(code)
        hosts = {code: observed.host(code, tuple(found), version=versions[code]) for code, found in names.items()}
        usage = {code: Usage(1, int(size * GIGABYTE), NOW) for code, (_, size) in self.there.items() if size}
        return rebalance(read(text), Observed(hosts), Inventory(usage=usage), NOW, frozen)

    def done(self, balance: Balance) -> Scene:
        """The same once all of it was carried out."""
        moved = {each.code: each.server for each in balance.moves}
        there = {code: (moved.get(code, server), size) for code, (server, size) in self.there.items()}
        return Scene(self.servers, there, listed={}, documents=self.documents, versions=self.versions)


def many(server: str, number: int, size: float = 0.0) -> dict[str, tuple[str, float]]:
    return {f"{server}-{each:02}": (server, size) for each in range(number)}


def pairs(balance: Balance) -> list[tuple[str, str, str]]:
    return [(each.code, each.origin, each.server) for each in balance.moves]


def test_only_as_many_move_as_it_takes_until_nothing_is_worth_it() -> None:
    scene = Scene({"one": {"max_instances": 10}, "two": {"max_instances": 10}}, many("one", 8))
    found = scene.balance()
    assert pairs(found) == [(f"one-0{n}", "one", "two") for n in range(3)]
    assert (found.now, found.then) == ({"one": 80.0, "two": 0.0}, {"one": 50.0, "two": 30.0})
    assert scene.done(found).balance().moves == ()


def test_a_server_that_is_a_little_fuller_is_left_alone() -> None:
    scene = Scene({"one": {"max_instances": 10}, "two": {"max_instances": 10}}, {**many("one", 5), **many("two", 3)})
    assert scene.balance().moves == ()


def test_one_large_database_moves_before_many_small_ones_where_the_disk_is_full() -> None:
    disks: dict[str, dict[str, object]] = {"one": {"disk_gb": 100}, "two": {"disk_gb": 100}}
    there = {**many("one", 5, 2.0), "large": ("one", 50.0)}
    found = Scene(disks, there).balance()
    assert pairs(found) == [("large", "one", "two")]
    assert found.now["one"] == 60.0
    found = Scene(disks, {**there, "large": ("one", 90.0)}).balance()
    assert "large" not in {each.code for each in found.moves}, "it fits nowhere"
    assert (found.now["one"], found.then["one"]) == (100.0, 90.0)


def test_a_server_with_more_memory_bears_more() -> None:
    servers: dict[str, dict[str, object]] = {"one": {"memory_gb": 16}, "two": {"memory_gb": 48}}
    found = Scene(servers, {**many("one", 30), **many("two", 30)}).balance()
    assert found.now == {"one": 60.0, "two": 30.0}, "of 200 in all a quarter of the memory bears 50"
    assert {each.origin for each in found.moves} == {"one"}
    assert Scene({"one": {}, "two": {}}, {**many("one", 30), **many("two", 30)}).balance().moves == ()


def test_nobody_goes_where_a_move_would_be_refused_or_a_label_is_lacking() -> None:
    full = many("one", 8)
    ten: dict[str, object] = {"max_instances": 10}

    def other(**fields: object) -> Balance:
        return Scene({"one": ten, "two": {**ten, **fields}}, full).balance()

    assert other().moves
    for fields in ({"state": "maintenance"}, {"paused": "true"}, {"active": "false"}):
        assert other(**fields).moves == ()
    assert Scene({"one": ten, "two": ten}, full, versions={"two": "18.0"}).balance().moves == ()
    assert Scene({"one": ten, "two": ten}, full).balance(frozen=("two",)).moves == ()
    here = {**ten, "labels": "{region: eu}"}
    assert Scene({"one": here, "two": {**ten, "labels": "{region: us}"}}, full).balance().moves == ()
    assert Scene({"one": here, "two": {**ten, "labels": "{region: eu, new: x}"}}, full).balance().moves


def test_copies_their_sources_and_what_is_paused_stay() -> None:
    copies = tuple(
        f"kind: instance\ncode: copy-{n}\nclone_of: one-0{n}\nplan: starter\ndatabase_name: copy{n}\n" for n in (0, 1)
    )
    paused = "kind: instance\ncode: held\ntemplate: base\nplan: starter\nserver: one\npaused: true\n"
    scene = Scene(
        {"one": {"max_instances": 8}, "two": {"max_instances": 8}}, many("one", 6), documents=(*copies, paused)
    )
    assert {each.code for each in scene.balance().moves}.isdisjoint({"one-00", "one-01", "copy-0", "copy-1", "held"})


def test_what_is_written_and_not_moved_yet_counts_where_it_goes() -> None:
    scene = Scene({"one": {"max_instances": 10}, "two": {"max_instances": 10}}, many("one", 8), placed=True)
    found = scene.balance()
    assert len(found.moves) == 3
    written = scene.done(found)
    written.listed = {each.code: each.origin for each in found.moves}
    assert written.balance().moves == ()


SERVERS = st.fixed_dictionaries(
    {"max_instances": st.integers(1, 12)},
    optional={
        "disk_gb": st.integers(1, 60),
        "memory_gb": st.integers(1, 64),
        "labels": st.sampled_from(["{region: eu}", "{region: us}", "{region: eu, ring: canary}"]),
        "state": st.sampled_from(["active", "active", "maintenance"]),
    },
)
SIZES = st.one_of(st.just(0.0), st.floats(0.5, 40))


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    codes = ["one", "two", "three", "four"][: draw(st.integers(2, 4))]
    servers = {code: draw(SERVERS) for code in codes}
    there: dict[str, tuple[str, float]] = {}
    for code in codes:
        limit = int(str(servers[code]["max_instances"]))
        for number in range(draw(st.integers(0, limit))):
            there[f"{code}-{number:02}"] = (code, draw(SIZES))
    versions = {code: draw(st.sampled_from(["19.0", "19.0", "18.0"])) for code in codes}
    return Scene(servers, there, draw(st.booleans()), versions=versions)


@settings(max_examples=60, deadline=None)
@given(scenes())
def test_no_limit_is_passed_nobody_moves_twice_and_after_it_nothing_is_worth_it(scene: Scene) -> None:
    found = scene.balance()
    assert found == scene.balance(), "the same each time"
    assert len({each.code for each in found.moves}) == len(found.moves)
    after = scene.done(found)
    for each in found.moves:
        assert scene.there[each.code][0] == each.origin != each.server
        assert scene.versions[each.origin] == scene.versions[each.server]
        assert scene.servers[each.server].get("state", "active") == "active"
        here = {code for code, (server, _) in after.there.items() if server == each.server}
        assert len(here) <= 0.8 * int(str(scene.servers[each.server]["max_instances"]))
        if disk := scene.servers[each.server].get("disk_gb"):
            assert sum(after.there[code][1] for code in here) <= 0.8 * int(str(disk)) + 0.001
        assert found.then[each.server] < max(found.now.values())
    assert max(found.then.values(), default=0) <= max(found.now.values(), default=0)
    again = after.balance()
    assert again.moves == ()
    assert again.now == found.then
    if found.moves:
        assert max(found.now.values()) - min(found.now.values()) > WORTH_PERCENT
