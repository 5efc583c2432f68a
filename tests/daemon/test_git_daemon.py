"""The daemon in git mode over a simulated host; the same story is told to a real Odoo 19 in tests/e2e."""

import asyncio
import hashlib
import hmac
import json
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.simulator import HostSpec, SimulatedHost
from reconciler.simulator.server import Listener, listen
from tests.daemon.git_story import Remote, daemon, tell
from tests.harness.universe import ENVIRON, FLEET, MASTER, PLAN, SERVER, TEMPLATE, instance


@pytest.fixture
def host() -> Iterator[tuple[SimulatedHost, int]]:
    """A host that is served from a thread."""
    simulated = SimulatedHost(HostSpec("one", "19.0", MASTER, dbfilter="^%d$"))
    loop = asyncio.new_event_loop()
    listener: Listener = loop.run_until_complete(listen(simulated, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield simulated, listener.port
    loop.call_soon_threadsafe(listener.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def head_of(port: int) -> str:
    server = SERVER.format(code="one", version="19.0").replace("http://one.invalid", f"http://127.0.0.1:{port}")
    fleet = FLEET.replace("code: demo", "code: tests")
    return "---\n".join([fleet, server.replace("domain: example.com\n", ""), TEMPLATE.format(servers="one"), PLAN])


def test_data_named_from_here_deleted_while_it_runs_and_a_branch_that_is_gone(
    tmp_path: Path, host: tuple[SimulatedHost, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    remote = Remote.make(tmp_path / "git")
    start = remote.push({"fleet.yaml": head_of(host[1])}, "begin")
    with daemon(Path("here"), remote, ENVIRON, "--poll", "1") as running:
        running.until(lambda: start in running.page("readyz"), 30, "the first commit is in force")
        shutil.rmtree("here/data")
        added = remote.push({"acme.yaml": instance("acme")}, "a customer")
        running.until(lambda: added in running.page("readyz"), 30, "the commit after the deletion is in force")
        running.until((tmp_path / "here/data/fleet/acme.yaml").is_file, 30, "the link leads to it")
        remote.git("push", "-q", "origin", "HEAD:next")
        remote.git("branch", "-q", "-D", "main", cwd=remote.url)
        running.until(lambda: running.status("readyz") == 503, 30, "it is not ready without its branch")
        said = running.page("readyz")
        assert "there is no branch 'main'; there is next" in said
        assert f"commit {added[:8]} stays in force" in said
        remote.git("push", "-q", "origin", "main")
        running.until(lambda: running.status("readyz") == 200, 30, "it is ready again with its branch")


def test_a_push_a_revert_rubbish_and_a_restart(tmp_path: Path, host: tuple[SimulatedHost, int]) -> None:
    simulated, port = host
    documents = {"acme": instance("acme"), "beta": instance("beta")}
    tell(tmp_path, head_of(port), documents, ENVIRON, lambda: set(simulated.databases))


def test_a_call_of_the_git_server_after_a_push_fetches_at_once(tmp_path: Path, host: tuple[SimulatedHost, int]) -> None:
    remote = Remote.make(tmp_path / "git")
    start = remote.push({"fleet.yaml": head_of(host[1])}, "begin")
    secret = "the-webhook-secret"
    environ = {**ENVIRON, "HOOK": secret}
    with daemon(tmp_path, remote, environ, "--poll", "3600", "--webhook-secret", "env:HOOK") as running:
        running.until(lambda: start in running.page("readyz"), 60, "the first commit is in force")
        added = remote.push({"acme.yaml": instance("acme")}, "a customer")
        body = json.dumps({"ref": "refs/heads/main", "after": added}).encode()
        signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={signed}"}
        call = urllib.request.Request(f"http://127.0.0.1:{running.port}/webhooks/github", body, headers)
        with urllib.request.urlopen(call, timeout=10) as answer:
            assert answer.status == 202
        running.until(lambda: added in running.page("readyz"), 60, "the pushed commit is in force")
    assert secret not in (tmp_path / "daemon.log").read_text()
