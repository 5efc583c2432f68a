"""Whether trash has a successor in service is looked up at the moment at which it is dropped, and where its text has it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.model.failures import PasswordRefused
from reconciler.engine.dropping import drop_trash
from reconciler.engine.worlds import World
from tests.core.scenes import desired, instance, spec
from tests.engine.memory_host import Counting, MemoryHost, Passwords
from tests.harness.universe import DictMemory
from tests.harness.virtual_time import VirtualClock, run

SERVERS = ("one", "two", "three")
TRASH = "trash-261001120000.acme"
MOVED = "moved-261001120000.acme"
REPLACED: dict[str, Any] = {"ended": TRASH, "replaced": TRASH}


class Scene:
    """Three hosts and a document `acme`; the first host has what is to be dropped."""

    def __init__(self, name: str, mark: dict[str, Any], **fields: str) -> None:
        self.text = desired(instance("acme", **fields), servers=SERVERS)
        self.acme = spec(self.text, "instance/acme")
        self.name = name
        self.hosts = {code: MemoryHost(code) for code in SERVERS}
        self.hosts["one"].hold(self.acme, name, **mark)

    def serves(self, name: str = "acme", server: str = "one", **mark: Any) -> Scene:
        """Let a host have another database of the document."""
        self.hosts[server].hold(self.acme, name, **mark)
        return self

    def succeeded(self) -> bool:
        """Have it dropped; tell whether it was said to have a successor."""
        ports = {code: host.port for code, host in self.hosts.items()}
        world = World(ports, Passwords(), VirtualClock(), Counting(), DictMemory(), lambda _event: None)
        run(drop_trash(self.text, world, ports["one"], self.name))
        ((_, name, succeeded),) = self.hosts["one"].done("drop_trash")
        assert name == self.name
        return bool(succeeded)


def replaced(**fields: str) -> Scene:
    return Scene(TRASH, REPLACED, **fields)


def left(**fields: str) -> Scene:
    """Leave behind what was moved to a server of the text, or to whichever."""
    return Scene(MOVED, {"moved": MOVED, "moved_to": fields.get("server", "two")}, **fields)


@pytest.mark.parametrize("name", ["acme", "suspended.acme"])
def test_what_was_replaced_has_a_successor_in_service_beside_it(name: str) -> None:
    assert replaced().serves(name).succeeded()


@pytest.mark.parametrize(
    "mark",
    [{"code": "beta"}, {"fleet": "theirs"}, {"uuid": "its original's"}, {"in_service": False}, {"in_service": None}],
)
@pytest.mark.parametrize("name", ["acme", "suspended.acme"])
def test_what_is_another_a_copy_or_was_never_in_service_is_no_successor(name: str, mark: dict[str, Any]) -> None:
    assert not replaced().serves(name, **mark).succeeded()


def test_without_a_database_under_its_name_nothing_succeeded_it_and_nothing_else_is_opened() -> None:
    for scene in (replaced(), replaced().serves("switching.acme"), replaced().serves("acme", "two")):
        assert not scene.succeeded()
        opened = {name for host in scene.hosts.values() for _, name, _ in host.done("open")}
        assert opened == {TRASH}, "a name that is not listed costs the tries that a host allows"


def test_what_takes_no_password_of_the_document_is_no_successor() -> None:
    scene = replaced().serves()
    scene.hosts["one"].databases["acme"].password = "somebody's"
    assert not scene.succeeded()


@pytest.mark.parametrize("mark", [{}, {"ended": TRASH}, {"ended": TRASH, "replaced": "trash-260901120000.acme"}])
def test_what_nothing_was_put_in_the_place_of_has_no_successor_whatever_bears_its_name(mark: dict[str, Any]) -> None:
    assert not Scene(TRASH, mark).serves().succeeded()


def test_what_is_wanted_by_no_document_needs_no_successor() -> None:
    assert not replaced(state="absent").serves().succeeded()
    assert not Scene(TRASH, {**REPLACED, "code": "gone"}).serves().succeeded()


def test_what_moved_goes_on_where_its_text_has_it_and_nowhere_else() -> None:
    assert left(server="two").serves(server="two").succeeded()
    assert not left(server="two").serves(server="three").succeeded()
    assert not left(server="two").serves(server="one").succeeded()
    assert not left(server="two").serves(server="two", in_service=False).succeeded()


@pytest.mark.parametrize("server", SERVERS)
def test_what_moved_goes_on_anywhere_if_its_text_names_no_server(server: str) -> None:
    assert left().serves(server=server).succeeded()


def test_what_cannot_be_opened_is_not_dropped() -> None:
    scene = replaced().serves()
    scene.hosts["one"].databases[TRASH].password = "somebody's"
    with pytest.raises(PasswordRefused) as caught:
        scene.succeeded()
    failure = caught.value
    assert failure.what == "whether its text ended it cannot be told: it takes no password of this fleet"
    assert (failure.server, failure.database) == ("one", TRASH)
    assert failure.advice == "look inside, and drop it by hand if nobody needs it"
    assert TRASH in scene.hosts["one"].databases
