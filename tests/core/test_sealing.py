"""The seal of a saved changeset: every edit breaks it, only the key makes it, and writing it otherwise does not matter."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.fleet.secrets import derive
from reconciler.planfile.sealing import fits, key_name, seal, seal_key

KEY = seal_key(b"k" * 32, "saved changeset/demo")
DOCUMENT: dict[str, Any] = {
    "format": 1,
    "name": "Café \ud83c\udfea \udc80",
    "nothing": None,
    "yes": True,
    "list": [1, 2.5, "3", {"deep": [""]}],
}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from leaves(inner, (*path, key))


@pytest.mark.parametrize("path", [path for path in leaves(DOCUMENT) if path], ids=str)
@pytest.mark.parametrize("edit", ["other", 7, None, "gone"])
def test_every_edit_of_every_value_breaks_it(path: tuple[Any, ...], edit: object) -> None:
    changed = copy.deepcopy(DOCUMENT)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    if edit == "gone":
        del inner[path[-1]]
    elif inner[path[-1]] == edit and type(inner[path[-1]]) is type(edit):
        return
    else:
        inner[path[-1]] = edit
    assert not fits(changed, KEY, seal(DOCUMENT, KEY))


def test_an_added_value_breaks_it() -> None:
    assert not fits({**DOCUMENT, "more": 0}, KEY, seal(DOCUMENT, KEY))


def test_order_spaces_and_escapes_do_not() -> None:
    again = json.loads(json.dumps(dict(reversed(DOCUMENT.items())), indent=4, ensure_ascii=True))
    assert fits(again, KEY, seal(DOCUMENT, KEY))


def test_another_key_or_another_fleet_makes_another_seal() -> None:
    given = seal(DOCUMENT, KEY)
    assert not fits(DOCUMENT, seal_key(b"l" * 32, "saved changeset/demo"), given)
    assert not fits(DOCUMENT, seal_key(b"k" * 32, "saved changeset/other"), given)


@pytest.mark.parametrize("given", ["", "é", "\ud800", "0" * 64, "ab" * 31])
def test_what_is_no_seal_does_not_fit(given: str) -> None:
    assert not fits(DOCUMENT, KEY, given)


def test_the_key_is_named_and_not_told() -> None:
    assert len(key_name(KEY)) == 8
    assert key_name(KEY) not in KEY.hex()
    assert key_name(KEY) != key_name(seal_key(b"l" * 32, "saved changeset/demo"))


def test_it_is_no_password_and_stays_what_it_is() -> None:
    """Files that were saved by an earlier version with the same format must keep their seals."""
    assert derive(b"k" * 32, "saved changeset", "demo", "", 1).reveal() not in KEY.hex()
    assert seal({"a": 1}, KEY) == "3107cb74699a7a418c2dcfdbdd104c528b3dadabb345304cdd6544e809041d9e"
