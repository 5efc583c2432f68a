"""What was restored, copied or moved becomes the database of its text: in which order, with which mark, in whose place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.diffs.server_moves import Moved
from reconciler.core.model.failures import DatabaseExists, HostError, ProofFailed
from reconciler.core.model.observed import Mark
from reconciler.core.model.specs import DatabaseSpec
from reconciler.engine.building import Room
from reconciler.engine.moves import SAMPLE
from tests.core.scenes import mark_for
from tests.engine.memory_host import Kept, MemoryDatabase, MemoryHost
from tests.engine.test_building_refusals import BARE, builder, said
from tests.harness.virtual_time import run

NAME = "building-26112412000000001.bare"
STAGING = replace(BARE, neutralize=True)
RESTORED = ["settings", "modules", "verifying", "publishing"]


def restored(spec: DatabaseSpec = BARE, **seen: Any) -> MemoryHost:
    """A host on which a database was restored under a building name, asleep, with its people's passwords."""
    host = MemoryHost()
    kept = host.hold(spec, NAME)
    kept.mark, kept.password, kept.seen = None, "of the source", dict(seen)
    return host


def take_in(host: MemoryHost, spec: DatabaseSpec = BARE, steps: list[str] | None = None, **more: Any) -> Kept:
    """Make it the spec's own; return what bears the spec's name then."""
    database: Any = MemoryDatabase(host, NAME, "of the source")
    run(builder(host, steps).take_in(database, spec, spec.target, more.pop("former", None), **more))
    return host.databases[spec.target]


def fails(host: MemoryHost, spec: DatabaseSpec = BARE, **more: Any) -> tuple[type[HostError], str, str, str]:
    with pytest.raises(HostError) as caught:
        take_in(host, spec, **more)
    return said(caught.value)


CHANGES = (
    "neutralize",
    "keep_asleep",
    "let_go",
    "set_credentials",
    "apply_settings",
    "install",
    "quiesce",
    "write_mark",
)


def changes(host: MemoryHost) -> list[str]:
    return [call[0] for call in host.done(*CHANGES)]


OWN = ["set_credentials", "apply_settings"]
MODULES = ["install", "apply_settings"]
KEPT_NEUTRAL = ["keep_asleep", *MODULES, "neutralize", "let_go"]


def test_it_is_asleep_until_it_is_whole_and_proven_and_says_what_it_is_at() -> None:
    host = restored()
    steps: list[str] = []
    kept = take_in(host, steps=steps)
    assert steps == RESTORED
    assert changes(host) == [*OWN, *MODULES, "quiesce", "write_mark"]
    assert (kept.password, kept.quiet) == ("admin_password of instance/bare", False)
    assert kept.mark == mark_for(BARE, kept.uuid)


def test_what_is_to_be_neutralized_is_so_before_anything_is_written_and_after_its_modules() -> None:
    host = restored(STAGING)
    steps: list[str] = []
    kept = take_in(host, STAGING, steps)
    assert steps == ["neutralizing", *RESTORED]
    assert changes(host) == ["neutralize", *OWN, *MODULES, "neutralize", "write_mark"]
    assert kept.quiet


@pytest.mark.parametrize(
    "modules",
    [
        {"base": "installed", "web": "installed"},
        {"base": "installed", "web": "installed", "mail": "to upgrade"},
        {"base": "installed", "web": "installed", "mail": "installed", "sale": "to install"},
    ],
)
def test_nothing_that_modules_bring_runs_in_what_is_neutralized_whether_they_are_lacking_or_left_half_way(
    modules: dict[str, str],
) -> None:
    host = restored(STAGING, modules=modules)
    kept = take_in(host, STAGING)
    assert changes(host) == ["neutralize", *OWN, *KEPT_NEUTRAL, "neutralize", "write_mark"]
    assert kept.quiet


def test_what_is_not_neutralized_in_the_end_is_not_published() -> None:
    host = restored(STAGING)
    host.answers["still_live"] = ("1 mail server",)
    assert fails(host, STAGING) == (ProofFailed, "it is not neutralized: 1 mail server", "", NAME)
    assert list(host.databases) == [NAME]


def test_whoever_was_let_into_the_source_for_support_is_not_let_into_this() -> None:
    host = restored(support=("support-1",))
    take_in(host)
    assert host.done("end_support") == [("end_support", NAME, "support-1")]


def noted(host: MemoryHost, **more: Any) -> Mark | None:
    """Take it in; return the mark that it bears when it begins to leave its building name."""
    seen: list[Mark | None] = []
    rename = host.rename

    async def watched(old: str, new: str) -> None:
        seen.append(host.databases[old].mark)
        await rename(old, new)

    host.rename = watched  # type: ignore[method-assign]
    take_in(host, **more)
    return seen[0]


def test_before_its_first_rename_it_notes_whence_it_goes_and_that_it_never_served_anybody() -> None:
    """Whatever dies from here on, the next pass can tell that it may be thrown away, and where its files are."""
    on_its_way = replace(mark_for(BARE, f"uuid of {NAME}"), moving_from=NAME, in_service=False)
    assert noted(restored()) == on_its_way
    moved = replace(on_its_way, uuid="the customer's", moved_from="two")
    assert noted(restored(), moved=Moved("two", "the customer's")) == moved


def test_it_still_says_which_version_of_its_template_it_came_from() -> None:
    """Or else nobody is told that it was made of an earlier one."""
    host = restored()
    host.databases[NAME].mark = replace(mark_for(BARE, "uuid of the source"), made_of="1a2b3c4d")
    kept = take_in(host)
    assert kept.mark == replace(mark_for(BARE, kept.uuid), made_of="1a2b3c4d")


def test_of_its_files_the_newest_are_looked_for_at_the_lock_and_where_it_rests() -> None:
    host = restored()
    files = {f"{number}/{number:x}": "10" for number in range(1, SAMPLE + 4)}
    host.databases[NAME].files = files
    take_in(host)
    assert host.done("file_sizes")[0] == ("file_sizes", NAME, SAMPLE, None)


def test_it_does_not_go_into_service_beside_the_one_that_bears_its_former_name() -> None:
    host = restored()
    host.hold(BARE, "suspended.old-bare")
    kind, why, *_ = fails(host, former="old-bare")
    assert (kind, "suspended.old-bare" in why) == (DatabaseExists, True)
    assert set(host.databases) == {NAME, "suspended.old-bare"}


def test_before_the_work_a_form_of_the_former_name_is_found_too() -> None:
    host = MemoryHost()
    host.hold(BARE, "suspended.old-bare")
    with pytest.raises(DatabaseExists) as caught:
        run(builder(host).require_room(BARE, "old-bare"))
    assert caught.value.database == "suspended.old-bare"
    run(builder(host).require_room(BARE, None))


def making_way(host: MemoryHost, name: str, steps: list[str]) -> Room:
    """Take what bears a name out of the way, as the room of a replacement does; note when."""

    @asynccontextmanager
    async def room() -> AsyncIterator[None]:
        steps.append("out of the way")
        host.databases["trash"] = host.databases.pop(name)
        yield
        steps.append("in its place")

    return room()


def test_what_it_takes_the_place_of_is_out_of_the_way_only_once_it_is_proven() -> None:
    host = restored()
    steps: list[str] = []
    host.hold(BARE)
    kept = take_in(host, steps=steps, room=making_way(host, "bare", steps))
    assert steps == ["settings", "modules", "verifying", "out of the way", "publishing", "in its place"]
    assert kept.uuid == f"uuid of {NAME}"
    assert set(host.databases) == {"bare", "trash"}
