"""A backup is whole and catalogued, or it is not there: whatever host, target and this machine do meanwhile."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.model.checks import CheckResult
from reconciler.core.model.failures import HostError, LastingError, MasterPasswordRefused, Refused, StorageFailure
from reconciler.simulator import wire
from reconciler.simulator.wire import HttpResponse
from tests.backups.stage import Stage, stage
from tests.harness.universe import read
from tests.harness.virtual_time import run

both = pytest.mark.parametrize("version", ["19.0", "14.0"])


@both
def test_a_backup_is_catalogued_beside_itself_for_people_and_programs(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        kept = await made.back_up()
        (entry,) = await made.entries()
        assert entry == kept.entry
        assert made.files() == [f"demo/instance/acme/{entry.id}.json", f"demo/instance/acme/{entry.id}.zip"]
        told = json.loads((made.root / f"demo/instance/acme/{entry.id}.json").read_text())
        assert (told["database"], told["server"], told["odoo"], told["door"]) == ("acme", "one", version, "page")
        assert told["rows"]["res_users"] > 0
        with zipfile.ZipFile(made.root / entry.place) as archive:
            assert archive.testzip() is None

    run(story())


def test_two_at_once_are_two_whole_backups(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        both = await asyncio.gather(made.back_up(), made.back_up())
        assert {e.id for e in await made.entries()} == {kept.entry.id for kept in both}
        assert len({kept.entry.id for kept in both}) == 2
        for entry in await made.entries():
            assert hashlib.sha256((made.root / entry.place).read_bytes()).hexdigest() == entry.sha256

    run(story())


@both
def test_a_suspended_one_and_a_template_are_backed_up_too(tmp_path: Path, version: str) -> None:
    """The page of a 19 answers for no dotted name under `^%d$`: there Odoo's call is taken."""

    async def story() -> None:
        made = await stage(tmp_path / "target", version, state="suspended")
        suspended = (await made.back_up(state="suspended")).entry
        template = (await made.back_up("template", "base")).entry
        assert (suspended.database, template.database) == ("suspended.acme", "template_base")
        assert suspended.door == ("call" if version == "19.0" else "page")
        assert template.door == "page"
        assert {e.address for e in await made.entries()} == {"instance/acme", "template/base"}

    run(story())


def test_what_is_too_large_for_the_call_is_refused_with_what_the_host_needs(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", state="suspended")
        for row in list(made.universe.hosts["one"].databases["suspended.acme"].rows("ir.attachment").values())[:1]:
            made.universe.hosts["one"].databases["suspended.acme"].update(
                "ir.attachment", row["id"], {"file_size": 500_000_000}
            )
        with pytest.raises(Refused, match=r"5\d\d MB are more than the 400 MB .*dbfilter = \^\(%d\|%h\)\$"):
            await made.back_up(state="suspended")
        assert made.files() == []

    run(story())


def test_a_filter_that_knows_whole_names_opens_the_page_for_suspended_ones(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", state="suspended")
        host = made.universe.hosts["one"]
        object.__setattr__(host.spec, "dbfilter", "^(%d|%h)$")
        assert (await made.back_up(state="suspended")).entry.door == "page"

    run(story())


@both
def test_where_a_proxy_closes_the_page_the_call_is_taken_and_check_says_so(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        host = made.universe.hosts["one"]
        whole = host.respond

        async def closed(request: wire.HttpRequest) -> HttpResponse:
            is_form = request.path.startswith("/web/database/") and request.path != "/web/database/list"
            return wire.html_response("<html>not for you</html>", 503) if is_form else await whole(request)

        host.respond = closed  # type: ignore[method-assign]
        assert (await made.back_up()).entry.door == "call"
        found = await made.world(read(made.text())).hosts["one"].check_backups()
        assert (found.answer, found.for_activation) == (CheckResult.FAILED, False)
        assert "keeps its pages for databases closed (HTTP 503): only by Odoo's call, up to 400 MB" in found.seen
        host.respond = whole  # type: ignore[method-assign]
        assert (await made.world(read(made.text())).hosts["one"].check_backups()).answer is CheckResult.PASSED

    run(story())


@both
def test_an_answer_that_was_cut_is_no_backup(tmp_path: Path, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is killed while it sends ends its answer cleanly: status, kind and connection look as always."""

    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        host = made.universe.hosts["one"]
        whole = host.respond

        async def cut(request: wire.HttpRequest) -> HttpResponse:
            answer = await whole(request)
            if request.path != "/web/database/backup":
                return answer
            return HttpResponse(answer.status, answer.headers, answer.body[: len(answer.body) * 2 // 3])

        monkeypatch.setattr(host, "respond", cut)
        with pytest.raises(LastingError, match=r"no whole backup: it has no end.*limit_time_real"):
            await made.back_up()
        assert made.files() == []

    run(story())


def test_a_program_in_the_dump_is_never_kept(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        host = made.universe.hosts["one"]
        whole = host.respond

        async def tampered(request: wire.HttpRequest) -> HttpResponse:
            answer = await whole(request)
            if request.path != "/web/database/backup":
                return answer
            from tests.archives.samples import DUMP, archive  # noqa: PLC0415 -- of this story alone

            return HttpResponse(answer.status, answer.headers, archive(b"\\! id\n" + DUMP).getvalue())

        host.respond = tampered  # type: ignore[method-assign]
        with pytest.raises(LastingError, match="could not be restored: its dump holds a command for psql"):
            await made.back_up()
        assert made.files() == []

    run(story())


def test_a_strangers_database_of_the_same_name_is_not_kept(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        host = made.universe.hosts["one"]
        host.databases.pop("acme")
        host.add_database("acme")
        with pytest.raises(LastingError, match="it is not backed up: it bears no mark"):
            await made.back_up()
        assert made.files() == []

    run(story())


@both
def test_a_wrong_master_password_is_told_before_any_form_is_sent(tmp_path: Path, version: str) -> None:
    """A host whose own is still `admin` would take the one that comes with a form for its new one."""

    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        host = made.universe.hosts["one"]
        object.__setattr__(host.spec, "master_password", "admin")
        with pytest.raises(MasterPasswordRefused):
            await made.back_up()
        assert not [call for call in host.calls if call.method.startswith("/web/database/backup")]

    run(story())


def test_a_target_that_fails_at_any_step_leaves_nothing_in_the_catalogue(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        steps: list[str] = []
        made.before = lambda what, _place: steps.append(what)
        await made.back_up()
        before = [entry.id for entry in await made.entries()]
        for number in range(sum(what == "write" for what in steps)):
            writes = 0

            def fail(what: str, _place: str, at: int = number) -> None:
                nonlocal writes
                writes += what == "write"
                if what == "write" and writes > at:
                    raise StorageFailure("the disk is full")

            made.before = fail
            made.universe.clock.skew += timedelta(minutes=1)
            with pytest.raises(StorageFailure):
                await made.back_up()
            made.before = lambda _what, _place: None
            assert [entry.id for entry in await made.entries()] == before

    run(story())


def test_what_no_rule_keeps_goes_after_a_good_one_and_never_before(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        done = []
        for _ in range(3):
            done.append(await made.back_up())
            made.universe.clock.skew += timedelta(hours=1)
        ids = [each.entry.id for each in done]
        assert [entry.id for entry in await made.entries()] == ids[1:]
        assert [entry.id for entry in done[-1].removed] == ids[:1]
        assert len(made.files()) == 4, "the archives go with their entries"
        made.universe.hosts["one"].kill()
        with pytest.raises((HostError, AssertionError)):
            await made.back_up()
        assert [entry.id for entry in await made.entries()] == ids[1:]

    run(story())


def test_a_removal_that_is_cut_short_never_leaves_an_entry_without_its_archive(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        for _ in range(2):
            await made.back_up()
            made.universe.clock.skew += timedelta(hours=1)

        def fail(what: str, place: str) -> None:
            if what == "remove" and place.endswith(".zip"):
                raise StorageFailure("the network is gone")

        made.before = fail
        kept = await made.back_up()
        assert (kept.removed, kept.not_thinned) == ((), "the network is gone")
        entries = await made.entries()
        assert kept.entry in entries
        for entry in entries:
            assert (made.root / entry.place).is_file()

    run(story())


def store(made: Stage, content: bytes) -> str:
    """Store a file in the customer's database, as somebody does who works there."""
    host, digest = made.universe.hosts["one"], hashlib.sha1(content).hexdigest()
    name = f"{digest[:2]}/{digest}"
    row = {"name": "new", "type": "binary", "store_fname": name, "file_size": len(content), "public": False}
    host.databases["acme"].insert("ir.attachment", row)
    host.files("acme")[name] = len(content)
    return name


@both
def test_files_that_were_stored_while_the_host_packed_are_fetched_and_added(tmp_path: Path, version: str) -> None:
    """The host copies files first and reads rows later: what is stored in between has a row and no file."""

    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        object.__setattr__(made.universe.hosts["one"].spec, "speed", 1.0)
        work = asyncio.ensure_future(made.back_up())
        host = made.universe.hosts["one"]
        while not [call for call in host.calls if call.method == "/web/database/backup"]:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        name = store(made, bytes(3000))
        kept = await work
        assert (kept.missing, kept.entry.missing_files) == ((), 0)
        with zipfile.ZipFile(made.root / kept.entry.place) as archive:
            assert archive.testzip() is None
            assert archive.read(f"filestore/{name}") == bytes(3000)

    run(story())


def test_files_that_nobody_has_any_more_are_told(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        name = store(made, b"lost")
        made.universe.hosts["one"].files("acme").pop(name)
        kept = await made.back_up()
        assert kept.missing == (name,)
        assert kept.entry.missing_files == 1

    run(story())


def test_an_encrypted_one_is_read_again_with_its_key_alone(tmp_path: Path) -> None:
    import pyrage  # noqa: PLC0415 -- of this story alone

    key = pyrage.x25519.Identity.generate()
    (tmp_path / "age").write_text(f"# created: today\n# public key: {key.to_public()}\n{key}\n")

    async def story() -> None:
        made = await stage(tmp_path / "target")
        made.encryption = f", encrypt_to: ['{key.to_public()}'], decrypt_with: {{file: {tmp_path / 'age'}}}"
        entry = (await made.back_up()).entry
        assert entry.encrypted
        content = (made.root / entry.place).read_bytes()
        assert content.startswith(b"age-encryption.org/v1")
        assert base64.b64encode(b"PK\x03\x04")[:4] not in content[:200]

    run(story())
