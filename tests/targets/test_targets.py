"""Whatever a target is, what lies under its name is whole; what goes wrong is said without secrets."""

from __future__ import annotations

import asyncio
import getpass
import io
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from reconciler.core.model.failures import StorageFailure
from reconciler.engine.storage import Storage
from reconciler.targets import folders
from reconciler.targets.buckets import Bucket, Credentials
from reconciler.targets.directories import PARTIAL, Directory
from reconciler.targets.folders import Folder, Login
from reconciler.targets.opening import open_target
from schemas.backups import BackupTarget
from schemas.references import EnvSecret
from schemas.secrets import Secret
from tests.hosts import debian
from tests.hosts.fixtures import DID_NOT_RUN
from tests.targets.servers import BUCKET, SftpServer, openssh_server, s3_server, sftp_server

SECRET = "a-secret-of-the-store"
LARGE = 20 * 1024 * 1024
Make = Callable[[], Storage]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Make]]:
    with ExitStack() as exits:
        made: dict[str, Make] = {}
        root = tmp_path_factory.mktemp("directory")
        made["directory"] = lambda: Directory("main", root)
        url = exits.enter_context(s3_server(tmp_path_factory.mktemp("s3") / "log"))
        credentials = Credentials(Secret("an-id"), Secret(SECRET))
        made["bucket"] = lambda: Bucket(
            "main", BUCKET, "a/prefix", endpoint=url, region="us-east-1", credentials=credentials
        )
        made["folder"] = _folder(exits.enter_context(sftp_server(tmp_path_factory.mktemp("sftp"))))
        yield made


@pytest.fixture(scope="module")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """The server that most machines have: Debian's OpenSSH, which root installs where it is missing."""
    try:
        debian.require_programs({"sshd": "openssh-server"})
    except debian.OdooUnavailable as reason:
        pytest.skip(f"SFTP {DID_NOT_RUN}: {reason}")
    with ExitStack() as exits:
        yield _folder(exits.enter_context(openssh_server(tmp_path_factory.mktemp("openssh"), debian.program("sshd"))))


def _folder(sftp: SftpServer) -> Make:
    login = Login("127.0.0.1", sftp.port, sftp.user, sftp.known_hosts, Secret(sftp.key.read_text()))
    return lambda: Folder("main", str(sftp.root), login)


@pytest.fixture(params=["directory", "bucket", "folder", pytest.param("openssh", marks=pytest.mark.deploy)])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "openssh":
        made: Make = request.getfixturevalue("openssh")
        return made
    servers: dict[str, Make] = request.getfixturevalue("servers")
    return servers[request.param]


def _connections(port: int) -> int:
    """Count what this process holds open to a port."""
    found = psutil.Process().net_connections("tcp")
    return sum(bool(each.raddr) and each.raddr.port == port and each.status == "ESTABLISHED" for each in found)


def use(make: Make, work: Callable[[Storage], Awaitable[None]]) -> None:
    async def story() -> None:
        target = make()
        try:
            await work(target)
        finally:
            await target.aclose()
            await asyncio.sleep(0.05)  # what was closed ends in the next turns of the loop

    asyncio.run(story())


def test_what_is_written_is_read_listed_replaced_and_removed(make: Make) -> None:
    content = os.urandom(LARGE)

    async def work(target: Storage) -> None:
        await target.write("shop/instance/acme/a.zip", io.BytesIO(content))
        await target.write("shop/instance/acme/a.json", io.BytesIO(b"{}"))
        await target.write("shop/instance/acme/a.json", io.BytesIO(b"[]"))
        await target.write("shop/instance/acme-2/b.json", io.BytesIO(b"{}"))
        read = io.BytesIO()
        await target.read("shop/instance/acme/a.zip", read)
        assert read.getvalue() == content
        assert await target.names("shop/instance/acme/") == ["shop/instance/acme/a.json", "shop/instance/acme/a.zip"]
        assert len(await target.names("shop/")) == 3
        assert await target.names("nobody/") == []
        await target.remove("shop/instance/acme/a.zip")
        await target.remove("shop/instance/acme/a.zip")
        assert await target.names("shop/instance/acme/") == ["shop/instance/acme/a.json"]
        again = io.BytesIO()
        await target.read("shop/instance/acme/a.json", again)
        assert again.getvalue() == b"[]"

    use(make, work)


def test_what_is_cut_while_it_is_written_is_not_there(make: Make) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= LARGE // 2:
                raise OSError(5, "the disk of this machine is broken")
            return super().read(size)

    async def work(target: Storage) -> None:
        with pytest.raises(Exception):  # noqa: B017 -- whichever; what is left counts
            await target.write("demo/instance/cut/a.zip", Broken(os.urandom(LARGE)))
        names = await target.names("demo/instance/cut/")
        assert [name for name in names if not name.endswith(PARTIAL)] == []
        await target.write("demo/instance/cut/a.zip", io.BytesIO(b"whole"))
        assert await target.names("demo/instance/cut/") == ["demo/instance/cut/a.zip"]

    use(make, work)


def test_what_is_not_there_is_said(make: Make) -> None:
    async def work(target: Storage) -> None:
        with pytest.raises(StorageFailure, match="backup target 'main'"):
            await target.read("demo/instance/nobody/a.zip", io.BytesIO())

    use(make, work)


def test_what_fails_for_one_ends_no_work_of_others(make: Make) -> None:
    async def work(target: Storage) -> None:
        places = [f"demo/instance/shop-{n}/a.zip" for n in range(3)]
        writing = [asyncio.ensure_future(target.write(place, io.BytesIO(os.urandom(LARGE)))) for place in places]
        while not all(each.done() for each in writing):
            with pytest.raises(StorageFailure):
                await target.read("demo/instance/nobody/a.zip", io.BytesIO())
        await asyncio.gather(*writing)
        assert set(places) <= set(await target.names("demo/"))

    use(make, work)


def test_a_directory_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    target = Directory("main", tmp_path / "mount")
    with pytest.raises(StorageFailure, match=r"is no directory \(make it, or mount it\)"):
        asyncio.run(target.write("a", io.BytesIO(b"x")))
    assert not (tmp_path / "mount").exists()


def test_a_user_without_a_name_is_told_what_helps(servers: dict[str, Make], monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as a number of its own."""

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)

    async def work(target: Storage) -> None:
        with pytest.raises(StorageFailure, match=r"backup target 'main': .*set one of LOGNAME, USER"):
            await target.names("demo/")

    use(servers["folder"], work)


def test_another_host_key_gets_nothing(tmp_path: Path) -> None:
    with sftp_server(tmp_path) as sftp:
        (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{sftp.port} {(tmp_path / 'user.pub').read_text()}")
        login = Login("127.0.0.1", sftp.port, sftp.user, sftp.known_hosts, Secret(sftp.key.read_text()))
        with pytest.raises(StorageFailure, match="host key"):
            use(lambda: Folder("main", str(sftp.root), login), lambda target: target.write("a", io.BytesIO(b"x")))
        assert list(sftp.root.iterdir()) == []


def test_a_store_that_refuses_is_named_without_secrets() -> None:
    credentials = Credentials(Secret("an-id"), Secret(SECRET))
    target = Bucket("main", "x", "", endpoint="http://127.0.0.1:9", region="us-east-1", credentials=credentials)
    with pytest.raises(StorageFailure, match="backup target 'main'") as refused:
        asyncio.run(target.write("a", io.BytesIO(b"x")))
    assert SECRET not in str(refused.value)
    assert SECRET not in repr(target.__dict__)


def test_sftp_without_a_known_host_key_is_refused(tmp_path: Path) -> None:
    declared = BackupTarget(url="sftp://user@nas.example.net/odoo", key=EnvSecret(env="KEY"))
    with pytest.raises(StorageFailure, match="no `known_hosts`"):
        open_target("main", declared, tmp_path, lambda _reference, _field: Secret("x"))


def test_a_connection_to_a_folder_ends_some_time_after_its_last_use_and_cuts_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "REST_SECONDS", 0.1)

    class Slow(io.BytesIO):
        """Is read for longer than a connection rests."""

        def read(self, size: int | None = -1, /) -> bytes:
            time.sleep(0.02)
            return super().read(size)

    async def work(target: Storage) -> None:
        content = os.urandom(LARGE)
        long = asyncio.ensure_future(target.write("demo/a.zip", Slow(content)))
        while not long.done():
            await target.names("demo/")
            await asyncio.sleep(0.15)
        await long
        assert await target.names("demo/") == ["demo/a.zip"]
        assert _connections(server.port) == 1
        deadline = time.monotonic() + 5
        while _connections(server.port) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        assert _connections(server.port) == 0
        await target.write("demo/b.zip", io.BytesIO(b"anew"))
        assert await target.names("demo/") == ["demo/a.zip", "demo/b.zip"]

    with sftp_server(tmp_path) as server:
        use(_folder(server), work)
