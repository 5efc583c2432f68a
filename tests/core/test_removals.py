"""What becomes of databases whose documents were removed: where each is, that it stays, and what its operator can do."""

from __future__ import annotations

import pytest

from reconciler.core.deciding import Limits, decide
from reconciler.core.model.changesets import Changeset, Left, LeftAlone, Removed
from reconciler.core.model.inventory import NOTHING_REMEMBERED, Entry, Inventory
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.model.selection import Selection
from reconciler.core.removals import with_removed
from reconciler.core.revisions import Comparison, Gone, compare
from tests.core.scenes import NOW, changed, observed, offline, online
from tests.harness.universe import fleet, instance, read

SERVERS = {"one": "19.0", "two": "19.0"}
ACME = instance("acme", server="one", partner="Acme SA")
CAFE = instance("cafe")
SPARE = "kind: template\ncode: spare\ntemplate_db: template_spare\nservers: [one]\n"
BEFORE = fleet(ACME, CAFE, SPARE, servers=SERVERS)
NO_LONGER = "is no longer looked after"


def without(*documents: str, text: str = BEFORE) -> str:
    for document in documents:
        text = changed(text, f"---\n{document}", "")
    return text


def known(*addresses: str, server: str) -> Inventory:
    found = [address.split("/") for address in addresses]
    return Inventory({(k, c, server): Entry(k, c, server, f"db-of-{c}", "", NOW) for k, c in found})


def removed(
    after: str, *hosts: ObservedHost, before: str = BEFORE, inventory: Inventory = NOTHING_REMEMBERED
) -> list[Removed]:
    found = compare(read(before), read(after))
    limits = Limits(found.narrow(Selection()), since=found)
    return list(decide(read(after), observed(*hosts), inventory, NOW, limits).changeset.removed)


@pytest.mark.parametrize(
    ("listed", "fate", "advice"),
    [
        (
            "acme",
            f"stays in service as it is, and {NO_LONGER}",
            "if it is meant to go out of service, put the document back with `state: absent`, and remove it once that is applied",
        ),
        ("suspended.acme", f"stays suspended, and {NO_LONGER}", ""),
        (
            "switching.acme",
            "stays between two names, and may hold new databases back",
            "to keep it, put the document back",
        ),
        ("aside-261124110000aaaaa.acme", f"stays as it is, and {NO_LONGER}", ""),
    ],
)
def test_an_instance_without_its_document_stays_as_its_host_lists_it(listed: str, fate: str, advice: str) -> None:
    found = removed(without(ACME), online("one", lists=(listed,)))
    assert found == [Removed("instance", "acme", "one", listed, fate, "Acme SA", advice)]


def test_under_prune_a_reviewer_is_told_that_it_goes_to_the_trash() -> None:
    pruning = changed(BEFORE, "code: demo\n", "code: demo\nprune: true\n")
    (acme,) = removed(without(ACME, text=pruning), online("one", lists=("acme",)), online("two"), before=pruning)
    assert (
        acme.fate
        == "is taken out of service and kept as trash by the next full run (`prune: true`), unless it is protected"
    )
    assert acme.advice == "to keep it, put the document back"


def test_a_database_that_is_not_there_is_said_not_to_be() -> None:
    gone = "no database acme is there, so nothing is left behind"
    assert removed(without(ACME), online("one", lists=("others",))) == [
        Removed("instance", "acme", "one", "", gone, "Acme SA")
    ]


def test_a_template_without_its_document_stays_and_is_not_cloned_any_more() -> None:
    fate = "stays on the host; nothing is cloned from it any more"
    found = removed(without(SPARE), online("one", lists=("template_spare",)))
    assert found == [Removed("template", "spare", "one", "template_spare", fate, "spare")]


def test_a_template_that_leaves_one_of_its_servers_stays_there() -> None:
    after = changed(BEFORE, "servers: [one, two]", "servers: [one]")
    fate = "stays on the host; nothing is cloned from it any more"
    found = removed(after, online("one"), online("two", lists=("template_base",)))
    assert found == [Removed("template", "base", "two", "template_base", fate, "base")]


def test_a_document_that_names_another_database_is_told_how_to_take_the_first_along() -> None:
    after = changed(BEFORE, "code: acme\n", "code: acme\ndatabase_name: acme-new\n")
    fate = f"its document names another database; this one stays as it is, and {NO_LONGER}"
    advice = "to keep it under its new name, write `renamed_from: acme`"
    for listed in ("acme", "suspended.acme"):
        found = removed(after, online("one", lists=(listed,)), online("two"))
        assert found == [Removed("instance", "acme", "one", listed, fate, "Acme SA", advice)]


@pytest.mark.parametrize(
    ("after", "hosts", "why"),
    [
        (without(ACME), [offline("one")], "its server does not answer now"),
        (
            changed(without(ACME), "code: one\n", "code: one\nactive: false\n"),
            [online("two")],
            "its server is not asked while it is out of use",
        ),
    ],
)
def test_a_server_that_cannot_be_seen_is_said_with_what_stays_if_it_is_there(
    after: str, hosts: list[ObservedHost], why: str
) -> None:
    fate = f"{why}: a database acme that is there stays as it is, and {NO_LONGER}"
    assert [r for r in removed(after, *hosts) if r.code == "acme"] == [
        Removed("instance", "acme", "one", "", fate, "Acme SA")
    ]


def test_an_instance_without_a_server_is_told_where_it_is_remembered_to_be() -> None:
    hosts = (online("one"), online("two"))
    memory = known("instance/cafe", "template/base", server="two")
    (only,) = removed(without(CAFE), *hosts, inventory=memory)
    assert (only.server, only.fate) == ("two", "no database cafe is there, so nothing is left behind")


def test_an_instance_without_a_server_is_found_where_it_is() -> None:
    (only,) = removed(without(CAFE), online("one"), online("two", lists=("cafe",)))
    assert (only.server, only.database) == ("two", "cafe")
    nowhere = removed(without(CAFE), online("one"), online("two"))
    assert [(each.server, each.fate) for each in nowhere] == [
        ("", "no database cafe is there, so nothing is left behind")
    ]


def test_a_removed_database_is_told_once() -> None:
    """With a memory it would be an orphan that is left alone, without one a database of others."""
    after = read(without(ACME))
    seen = observed(online("one", lists=("acme", "wiki")))
    orphan = Entry("instance", "acme", "one", "acme", "", NOW)
    memory = Inventory({("instance", "acme", "one"): orphan})
    limits = Limits(since=compare(read(BEFORE), after))
    for inventory in (NOTHING_REMEMBERED, memory):
        found = decide(after, seen, inventory, NOW, limits).changeset
        assert (found.left_alone, found.foreign, len(found.removed)) == ((), 1, 1)
    assert [e.database for e in decide(after, seen, memory, NOW, Limits()).changeset.left_alone] == ["acme"]


TEXT = read(BEFORE)


def told(*gone: Gone, inventory: Inventory = NOTHING_REMEMBERED, hosts: Observed | None = None) -> tuple[Removed, ...]:
    found = Comparison("", "", (), (), gone)
    return with_removed(Changeset(), found, TEXT, hosts or observed(), inventory).removed


def test_a_server_without_its_document_is_not_asked_and_named_with_what_is_known_to_be_there() -> None:
    three = Gone("server", "three", "Three", ("acme",), ("three",))
    fate = "it is no longer asked; known to be there: acme, db-of-cafe. They stay as they are and are no longer looked after"
    advice = "an instance without `server` that is there would be made anew elsewhere: look at what is to be cloned"
    assert told(three, inventory=known("instance/cafe", server="three")) == (
        Removed("server", "three", "three", "", fate, "Three", advice),
    )


def test_a_server_on_which_nothing_is_known_to_be_is_said_so() -> None:
    nothing = "it is no longer asked; no database of this fleet is known to be there"
    assert told(Gone("server", "three", "Three", (), ("three",))) == (
        Removed("server", "three", "three", "", nothing, "Three"),
    )


def test_an_instance_that_went_with_its_server_is_told_of_it() -> None:
    fate = f"its server is no longer declared either: a database dodo that is there stays as it is, and {NO_LONGER}"
    assert told(Gone("instance", "dodo", "Dodo", ("dodo",), ("three",))) == (
        Removed("instance", "dodo", "three", "", fate, "Dodo"),
    )


def test_of_what_is_left_alone_only_what_is_told_as_removed_is_not_told_twice() -> None:
    """A removed database was either left alone by name or counted among those of others: here one of each."""
    orphans = (
        LeftAlone("one", "acme", "orphan", Left.ORPHAN),
        LeftAlone("one", "suspended.zoo", "orphan", Left.ORPHAN),
    )
    gone = (
        Gone("instance", "acme", "Acme SA", ("acme",), ("one",)),
        Gone("instance", "dodo", "Dodo", ("dodo",), ("one",)),
    )
    host = online("one", lists=("acme", "dodo", "wiki", "suspended.zoo"))
    kept = with_removed(
        Changeset(left_alone=orphans, foreign=2), Comparison("", "", (), (), gone), TEXT, observed(host), Inventory()
    )
    assert [r.database for r in kept.removed] == ["acme", "dodo"]
    assert (kept.left_alone, kept.foreign) == (orphans[1:], 1)
