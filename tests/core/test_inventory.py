"""What is remembered: found by document, in a stable order."""

from __future__ import annotations

from reconciler.core.model.inventory import NOTHING_REMEMBERED, Entry, Inventory
from tests.core.scenes import NOW


def entry(kind: str, code: str, server: str) -> Entry:
    return Entry(kind, code, server, code, "digest", NOW)


def test_the_databases_of_a_document_are_found_on_all_servers_in_their_order() -> None:
    entries = [
        entry("instance", "acme", "two"),
        entry("template", "acme", "one"),
        entry("instance", "acme", "one"),
        entry("instance", "acme2", "one"),
    ]
    inventory = Inventory({(e.kind, e.code, e.server): e for e in entries})
    assert [e.server for e in inventory.of("instance", "acme")] == ["one", "two"]
    assert inventory.of("instance", "nobody") == ()


def test_remembering_nothing_is_an_inventory_like_any_other() -> None:
    assert Inventory({}, {}, {}) == NOTHING_REMEMBERED
