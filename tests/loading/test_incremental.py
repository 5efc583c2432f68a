"""Reading a fleet again: always what a fresh reading gives, and no more work than the change asks for."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.core.model.specs import instance_digest, instance_spec
from reconciler.fleet.desired import Desired
from reconciler.loading.fleet_directory import load_fleet
from reconciler.loading.incremental import Counts, FleetReader
from tests.loading.fleets import BASE, INSTANCE, write

SECOND = 1_000_000_000


def later() -> int:
    """A clock by which every file was written long ago: its status is proof."""
    return time.time_ns() + 1000 * SECOND


def named(code: str, more: str = "") -> str:
    return INSTANCE.replace("acme", code) + more


def reader(root: Path, files: dict[str, str | bytes], now: Callable[[], int] = later) -> FleetReader:
    """Write a fleet and read it once."""
    write(root, {"fleet.yaml": BASE, **files})
    found = FleetReader(root, now)
    found.read()
    return found


def rewrite(path: Path, text: str) -> None:
    """Write a file anew so that the file system's clock shows it."""
    before = path.stat().st_ctime_ns
    path.write_text(text)
    while path.stat().st_ctime_ns == before:
        path.write_text(text)


def desired(found: FleetReader) -> Desired:
    loaded = found.read()
    assert loaded.desired is not None, loaded.diagnostics
    return loaded.desired


def digests(fleet: Desired) -> dict[str, str]:
    """Fingerprints of all instances on the first server, which must be those of their specs."""
    server = fleet.servers["prod-1"]
    kept = {code: instance_digest(fleet, instance, server) for code, instance in fleet.instances.items()}
    assert kept == {code: instance_spec(fleet, each, server).digest() for code, each in fleet.instances.items()}
    return kept


def test_what_did_not_change_is_neither_read_nor_validated_and_the_result_is_the_same_object(tmp_path: Path) -> None:
    found = reader(tmp_path, {"a.yaml": named("ann"), "b.yaml": named("bob")})
    assert found.counts == Counts(files_read=3, files_parsed=3, documents_validated=7)
    first = found.read()
    assert found.counts == Counts()
    assert found.read() is first


def test_an_edit_costs_one_file_and_leaves_all_other_documents_as_they_were(tmp_path: Path) -> None:
    found = reader(tmp_path, {"a.yaml": named("ann"), "b.yaml": named("bob") + "---\n" + named("cid")})
    before = desired(found)
    rewrite(tmp_path / "a.yaml", named("ann", "lang: fr_BE\n"))
    after = desired(found)
    assert found.counts == Counts(files_read=1, files_parsed=1, documents_validated=1)
    assert after.instances["ann"].lang == "fr_BE"
    for code in ("bob", "cid"):
        assert after.instances[code] is before.instances[code]
    assert after.settings is before.settings
    assert after.servers["prod-1"] is before.servers["prod-1"]


def test_a_file_that_was_only_touched_is_read_but_not_parsed(tmp_path: Path) -> None:
    found = reader(tmp_path, {"a.yaml": named("ann")})
    first = found.read()
    rewrite(tmp_path / "a.yaml", named("ann"))
    assert found.read() is first
    assert found.counts == Counts(files_read=1)


def test_a_file_that_was_renamed_keeps_its_documents_and_is_shown_by_its_new_name(tmp_path: Path) -> None:
    found = reader(tmp_path, {"a.yaml": named("ann")})
    before = desired(found)
    (tmp_path / "a.yaml").rename(tmp_path / "z.yml")
    after = desired(found)
    assert found.counts == Counts(files_read=1)
    assert after.instances["ann"] is before.instances["ann"]
    assert after.range_of("instance", "ann").file == f"{tmp_path}/z.yml"


def test_another_directory_with_the_same_files_is_read_but_not_parsed(tmp_path: Path) -> None:
    found = reader(tmp_path / "one", {"a.yaml": named("ann"), "dir/b.yaml": named("bob")})
    before = desired(found)
    write(tmp_path / "two", {"fleet.yaml": BASE, "a.yaml": named("ann"), "dir/b.yaml": named("bob", "lang: fr_BE\n")})
    after = found.read(tmp_path / "two").desired
    assert after is not None
    assert found.counts == Counts(files_read=3, files_parsed=1, documents_validated=1)
    assert after.instances["ann"] is before.instances["ann"]
    assert after.range_of("instance", "ann").file == f"{tmp_path}/two/a.yaml"
    assert before.range_of("instance", "ann").file == f"{tmp_path}/one/a.yaml", "what is in force keeps its own places"
    found.read()
    assert found.counts == Counts(), "the other directory is the fleet from then on"


def test_defaults_that_change_for_a_kind_are_put_below_all_of_that_kind_and_no_other(tmp_path: Path) -> None:
    found = reader(tmp_path, {"a.yaml": named("ann"), "b.yaml": named("bob", "lang: de_DE\n")})
    before = desired(found)
    with_defaults = BASE.replace("---\n", "defaults: {instance: {lang: fr_BE}}\n---\n", 1)
    rewrite(tmp_path / "fleet.yaml", with_defaults)
    after = desired(found)
    assert (after.instances["ann"].lang, after.instances["bob"].lang) == ("fr_BE", "de_DE")
    # The fleet's file has five documents, all read anew; the two instances are only judged again, with their defaults.
    assert found.counts == Counts(files_read=1, files_parsed=1, documents_validated=7)
    rewrite(tmp_path / "fleet.yaml", with_defaults.replace("code: test", "code: test\ndescription: x"))
    again = desired(found)
    assert found.counts == Counts(files_read=1, files_parsed=1, documents_validated=5)
    assert again.instances["ann"] is after.instances["ann"]
    assert again.range_of("instance", "ann", "lang").line == 6, "where the default stands now"
    assert before.instances["ann"].lang is None
    rewrite(tmp_path / "fleet.yaml", with_defaults.replace("fr_BE", "nl_BE"))
    assert desired(found).instances["ann"].lang == "nl_BE"


def test_a_default_of_another_type_counts_as_another_default(tmp_path: Path) -> None:
    found = reader(tmp_path, {"a.yaml": named("ann")})
    text = BASE.replace("---\n", "defaults: {plan: {max_users: 1}}\n---\n", 1)
    rewrite(tmp_path / "fleet.yaml", text)
    assert desired(found).plans["starter"].max_users == 1
    rewrite(tmp_path / "fleet.yaml", text.replace("max_users: 1", "max_users: true"))
    assert [problem.code for problem in found.read().diagnostics] == ["wrong-type"]


def test_a_fleet_that_is_broken_for_a_while_keeps_what_was_valid(tmp_path: Path) -> None:
    found = reader(tmp_path, {"a.yaml": named("ann"), "b.yaml": named("bob")})
    before = desired(found)
    rewrite(tmp_path / "b.yaml", named("bob", "lang: [\n"))
    broken = found.read()
    assert broken.desired is None
    assert [problem.range.file for problem in broken.diagnostics] == [f"{tmp_path}/b.yaml"]
    assert "lang: [" in broken.texts[f"{tmp_path}/b.yaml"]
    rewrite(tmp_path / "b.yaml", named("bob"))
    after = desired(found)
    assert after.instances["ann"] is before.instances["ann"]


def test_what_databases_should_be_follows_all_that_it_is_made_from(tmp_path: Path) -> None:
    found = reader(tmp_path, {"a.yaml": named("ann"), "b.yaml": named("bob")})
    before = digests(desired(found))
    for old, new in (
        ("code: restaurant", "code: restaurant\nmodules: [base, sale]"),
        ("code: starter", "code: starter\nmodules: [crm]"),
        ("state: active", "state: active\ndomain: example.com"),
        ("{env: KEY}", "{env: OTHER_KEY}"),
    ):
        rewrite(tmp_path / "fleet.yaml", BASE.replace(old, new, 1))
        after = digests(desired(found))
        assert after.keys() == before.keys()
        assert not before.items() & after.items(), new
    rewrite(tmp_path / "fleet.yaml", BASE)
    assert digests(desired(found)) == before


def test_what_is_wrong_is_shown_where_the_file_is_now(tmp_path: Path) -> None:
    found = reader(tmp_path / "one", {"a.yaml": named("ann", "lang: no\n"), "b.yaml": named("bob", "lang: [\n")})
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    found.read(tmp_path / "two")
    (tmp_path / "two/b.yaml").rename(tmp_path / "two/z.yaml")
    loaded = found.read()
    assert found.counts.files_parsed == 0
    assert [problem.range.file for problem in loaded.diagnostics] == [f"{tmp_path}/two/{n}.yaml" for n in "az"]


def test_a_directory_that_is_away_for_a_while_is_not_parsed_again(tmp_path: Path) -> None:
    found = reader(tmp_path / "fleet", {"a.yaml": named("ann")})
    before = desired(found)
    (tmp_path / "fleet").rename(tmp_path / "away")
    assert [problem.code for problem in found.read().diagnostics] == ["missing-directory"]
    (tmp_path / "away").rename(tmp_path / "fleet")
    assert desired(found).instances["ann"] is before.instances["ann"]
    assert found.counts.files_parsed == 0


@pytest.mark.parametrize(("age", "reads"), [(-5, 1), (0, 1), (1, 1), (3, 0)])
def test_a_file_is_trusted_only_if_a_later_write_would_have_another_stamp(tmp_path: Path, age: int, reads: int) -> None:
    """A write within the same tick of a coarse clock, of the same size, leaves the status as it was."""
    write(tmp_path, {"fleet.yaml": BASE})
    written = (tmp_path / "fleet.yaml").stat().st_ctime_ns
    found = FleetReader(tmp_path, lambda: written + age * SECOND)
    found.read()
    found.read()
    assert found.counts.files_read == reads


def test_an_edit_of_the_same_size_with_its_time_set_back_is_seen(tmp_path: Path) -> None:
    found = reader(tmp_path, {"a.yaml": named("ann", "lang: fr_BE\n")}, time.time_ns)
    assert desired(found).instances["ann"].lang == "fr_BE"
    path = tmp_path / "a.yaml"
    status = path.stat()
    for lang in ("de_DE", "nl_NL", "es_ES"):
        path.write_text(named("ann", f"lang: {lang}\n"))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert desired(found).instances["ann"].lang == lang


def test_a_link_that_is_pointed_elsewhere_is_seen(tmp_path: Path) -> None:
    """As Kubernetes does with a ConfigMap: `..data` leads to a directory, and is exchanged as a whole."""
    write(tmp_path / "one", {"fleet.yaml": BASE, "a.yaml": named("ann")})
    write(tmp_path / "two", {"fleet.yaml": BASE, "a.yaml": named("ann", "lang: fr_BE\n")})
    (tmp_path / "current").symlink_to("one")
    found = FleetReader(tmp_path / "current", later)
    assert desired(found).instances["ann"].lang is None
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "current")
    assert desired(found).instances["ann"].lang == "fr_BE"


def test_documents_before_the_fleet_document_wait_for_its_defaults_however_many_they_are(tmp_path: Path) -> None:
    many = {f"a{number // 100}.yaml": "" for number in range(700)}
    for number in range(700):
        many[f"a{number // 100}.yaml"] += "---\n" + named(f"i{number}")
    base = BASE.replace("---\n", "defaults: {instance: {lang: fr_BE}}\n---\n", 1)
    write(tmp_path, {"z.yaml": base, **many})
    loaded = FleetReader(tmp_path).read()
    fresh = load_fleet(tmp_path)
    assert loaded.diagnostics == fresh.diagnostics == ()
    assert loaded.desired == fresh.desired
    assert loaded.desired is not None
    assert {instance.lang for instance in loaded.desired.instances.values()} == {"fr_BE"}


FLEETS = (
    BASE,
    BASE.replace("---\n", "defaults: {instance: {lang: fr_BE}}\n---\n", 1),
    BASE.replace("---\n", "defaults: {instance: {lang: 1}, plan: {code: x, grace_days: 3}}\n---\n", 1),
    BASE.replace("---\n", "defaults: {template: {server: prod-2}, instance: {template: nowhere}}\n---\n", 1),
    BASE.replace("---\n", "description: |\n  moved\n  down\n---\n", 1),
    BASE.replace("format: 1", "format: 2"),
    BASE.replace("state: active", "state: disabled", 1),
    BASE.replace("state: active\n", "state: active\ndomain: example.com\n", 1),
    BASE.replace("secret_key: {env: KEY}\n", ""),
    BASE.replace("kind: fleet", "kind: fleeet", 1),
    BASE.replace("kind: fleet\n", "kind: fleet\nsafety: [\n", 1),
    "kind: fleet\nformat: 1\ncode: other\n",
)
TEXTS = (
    "",
    "# nothing\n",
    *(named(code) for code in ("ann", "bob", "cid")),
    named("ann", "lang: fr_BE\n"),
    named("ann", "lang: de_DE\n"),
    named("ann", "server: prod-1\nsubdomain: shop\n"),
    named("bob", "database_name: acme\n") + "---\n" + named("dan", "database_name: acme\n"),
    named("bob", "renamed_from: ann\n"),
    named("cid", "langg: fr_BE\n"),
    named("cid", "langu: 5\nlabels: {a: 1}\n"),
    INSTANCE.replace("starter", "startr"),
    INSTANCE.replace("restaurant", "big"),
    named("ann") + "---\n" + named("ann") + "---\nkind: plan\ncode: extra\n",
    "kind: plan\ncode: big\n---\nkind: template\ncode: big\nservers: [prod-1, prod-9]\nserver: prod-1\n",
    "kind: plan\ncode: starter\nactive: false\n",
    named("ann") + "admin_password: hunter2\n",
    named("ann") + "lang: [\n",
    named("ann") + "<<<<<<< ours\n",
    "kind: instanc\ncode: ann\n",
    "code: ann\n",
    "- a\n",
    "\ufeff" + named("eve"),
    named("ann").encode() + b"name: \xe9\n",
)
NAMES = ("0.yaml", "a.yaml", "b.yml", "dir/a.yaml", "dir/b.yaml", "dir/deep/a.yaml", "é.yaml")

name = st.sampled_from(NAMES)
step = st.one_of(
    st.tuples(st.just("write"), name, st.sampled_from(TEXTS)),
    st.tuples(st.just("write"), name, st.sampled_from(TEXTS)),
    st.tuples(st.just("write"), st.just("fleet.yaml"), st.sampled_from(FLEETS)),
    st.tuples(st.just("write"), st.just("zz.yaml"), st.sampled_from(FLEETS)),
    st.tuples(st.sampled_from(["remove", "touch", "pipe"]), name),
    st.tuples(st.sampled_from(["rename", "link", "swap"]), name, st.sampled_from((*NAMES, "fleet.yaml"))),
    st.tuples(st.sampled_from(["link", "rename"]), *[st.sampled_from(["linked", "dir", "dir/deep", "moved"])] * 2),
    st.tuples(st.sampled_from(["export", "look", "look"])),
)


def export(root: Path) -> Path:
    """Copy a fleet to another directory; pipes cannot be."""
    new = root.with_name(f"{root.name}'")
    shutil.copytree(root, new, symlinks=True, ignore=lambda at, names: [n for n in names if (Path(at) / n).is_fifo()])
    return new


def apply(path: Path, what: str, word: str | bytes | Path = "") -> None:
    """Do one step to a file, if it can be done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if what in ("remove", "pipe") or (what == "write" and (path.is_symlink() or path.is_fifo())):
        path.unlink(missing_ok=True)
    if what == "write":  # over what is there, so that it keeps its inode
        path.write_bytes(word if isinstance(word, bytes) else str(word).encode())
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "touch":
        os.utime(path)
    elif what == "link":
        path.symlink_to(str(word))
    elif what == "rename":
        path.rename(str(word))
    elif what == "swap":
        aside = path.with_name("aside")
        Path(str(word)).rename(aside)
        path.rename(str(word))
        aside.rename(path)


def wait_for_the_clock(directory: Path) -> None:
    """Let the clock of the file system go on, so that each of the steps has a stamp of its own."""
    probe = directory / "probe"
    probe.touch()
    before = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == before:
        probe.touch()


@given(st.lists(st.lists(step, max_size=3), max_size=6), st.sampled_from([later, time.time_ns]))
@example([[("write", "0.yaml", FLEETS[1])], [("write", "0.yaml", FLEETS[4])], [("remove", "0.yaml")]], later)
@example([[("rename", "a.yaml", "b.yml")], [("export",)], [("write", "a.yaml", TEXTS[3])]], time.time_ns)
@settings(max_examples=150, deadline=None)
def test_any_history_of_a_directory_reads_as_a_fresh_look_at_its_end(
    steps: list[list[tuple[str, ...]]], now: Callable[[], int]
) -> None:
    """Later, a file's status is proof that it did not change; now, each is so new that its bytes must be compared."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "fleet"
        write(root, {"fleet.yaml": BASE, "a.yaml": named("ann"), "dir/b.yaml": named("bob")})
        found = FleetReader(root, now)
        for several in ([], *steps):
            if now is later:
                wait_for_the_clock(Path(directory))
            for what, *words in several:
                if what == "export":
                    root = export(root)
                elif what != "look":
                    word = words[1] if what == "write" else root / str(words[-1])
                    with contextlib.suppress(OSError):
                        apply(root / str(words[0]), what, word)
            loaded, fresh = found.read(root), load_fleet(root)
            assert loaded.diagnostics == fresh.diagnostics
            assert loaded.desired == fresh.desired
            assert loaded.texts == fresh.texts
            if loaded.desired is not None and fresh.desired is not None:
                assert loaded.desired.digest == fresh.desired.digest
                for key in loaded.desired.sources:
                    assert loaded.desired.range_of(*key, "lang") == fresh.desired.range_of(*key, "lang")
