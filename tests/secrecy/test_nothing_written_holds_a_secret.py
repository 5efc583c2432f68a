"""Every command, at debug level, in every format, with failures of every kind: no secret in anything that was written."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.cli.world import Ran, run
from tests.secrecy import fleet
from tests.secrecy.traces import Written, forms

FORMATS = list(itertools.product(("text", "json"), ("console", "json")))
LOOKING = (
    ("validate",),
    ("plan",),
    ("plan", "--detailed-exitcode"),
    ("status",),
    ("status", "servers"),
    ("status", "templates"),
    ("status", "instances"),
    ("status", "plans"),
    ("check", "new"),
    ("check", "old"),
    ("place", "acme"),
)


@dataclass
class Place:
    """A fleet on hosts that a process of their own simulates, and all that was written so far."""

    fleet: Path
    store: Path
    written: Written

    def run(self, *words: str, output: str = "text", log: str = "console") -> Ran:
        """Run a command in this process and keep what it wrote."""
        touches = words[0] in {"plan", "apply", "status", "check", "place"}
        store = ["--store", f"sqlite:///{self.store}"] if touches and "--store" not in words else []
        logging = ["--log-level", "debug", "--log-format", log, "-o", output]
        ran = run(*words, "--fleet", str(self.fleet), *store, *logging)
        self._keep(" ".join(words), ran)
        return ran

    def run_process(self, *words: str) -> Ran:
        """Run a command as a process of its own; its arguments and those of its children are kept too."""
        command = [sys.executable, "-m", "reconciler", *words, "--fleet", str(self.fleet), "--log-level", "debug"]
        command += ["--store", f"sqlite:///{self.store}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with contextlib.suppress(psutil.Error):
            for each in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)):
                self.written.add("/proc/*/cmdline", "\0".join(each.cmdline()))
        assert not psutil.Process(process.pid).children(), "nothing inherits the environment"
        out, err = process.communicate(timeout=60)
        ran = Ran(process.returncode, out, err)
        self._keep(" ".join(words), ran)
        return ran

    def _keep(self, what: str, ran: Ran) -> None:
        self.written.add(f"stdout of {what}", ran.out)
        self.written.add(f"stderr of {what}", ran.err)
        for file in filter(Path.is_file, self.store.parent.iterdir()):
            self.written.add(f"store {file.name}", file.read_bytes())


@contextlib.contextmanager
def served(directory: Path, written: Written) -> Iterator[None]:
    """Serve the fleet's hosts until the end; what that command writes counts as well."""
    command = [sys.executable, "-m", "reconciler", "simulate", "--fleet", str(directory), "--speed", "0"]
    command += ["--log-level", "debug", "--fault", "new/*:502:count=1:skip=7"]
    command += ["--fault", "new/db.duplicate_database:html-after:count=1"]
    command += ["--fault", "old/object.res.users.write:error=serialization:count=1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    assert lines[-1] == "Serving until Ctrl-C.\n", lines
    written.add("/proc/*/cmdline", "\0".join(psutil.Process(process.pid).cmdline()))
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        written.add("stdout of simulate", "".join(lines) + out)
        written.add("stderr of simulate", err)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name, value in fleet.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    directory = fleet.write(tmp_path)
    written = Written(fleet.SECRETS)
    (tmp_path / "store").mkdir()
    with served(directory, written):
        yield Place(directory, tmp_path / "store" / "state.sqlite", written)


def test_every_command_in_every_format_on_14_and_19(place: Place) -> None:
    assert place.run("plan").code == 0
    first = place.run_process("apply", "--yes")
    assert "created" in first.out or "done" in first.out
    assert place.run("apply", "--yes", log="json").code == 0, "what faults have left is done by the next run"
    for words, (output, log) in zip(LOOKING, itertools.cycle(FORMATS), strict=False):
        assert place.run(*words, output=output, log=log).code == 0, words
    place.run("schema", "instance")
    fleet.edit(place.fleet, "server: old\n", "server: old\nadmin_password: {derived: {generation: 2}}\n")
    fleet.edit(place.fleet, "server: new\nowner", "server: new\nstate: suspended\nowner")
    saved = place.store.parent / "plan.json"
    assert place.run("plan", "--out", str(saved), output="text", log="json").code == 0
    assert '"rotate-password"' in saved.read_text()
    rotated = place.run("apply", str(saved), "--yes", output="json", log="json")
    assert "rotate-password" in rotated.out
    assert place.run("apply", str(saved), "--yes").code == 1
    assert (rotated.code, place.written.found()) == (0, [])


def test_with_failures_of_every_kind(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.run("apply", "--yes", "--target", "instance/gamma")
    place.run("apply", "--yes", "--target", "instance/beta")
    fleet.redeclare_literal(place.fleet)
    refused = place.run("apply", "--yes", "--store", "none", output="json")
    assert "it does not answer to the fleet's password for 'admin'" in refused.out
    monkeypatch.setenv("SECRECY_MASTER", fleet.WRONG_MASTER)
    (place.fleet / "secrets" / "master").write_text(fleet.WRONG_MASTER)
    fleet.edit(place.fleet, "login: boss@beta.example}\n", "login: boss@beta.example}\nlang: xx_XX\n")
    fleet.add(place.fleet, "kind: instance\ncode: delta\ntemplate: base\nplan: starter\nserver: old\n")
    for log in ("console", "json"):
        wrong = place.run("apply", "--yes", log=log)
        assert wrong.code == 1
        assert "master password" in wrong.out + wrong.err
        assert place.run("check", "old", log=log).code == 1
        place.run("status", output="json", log=log)
    monkeypatch.delenv("SECRECY_OWNER")
    monkeypatch.setenv("SECRECY_KEY", "too short: " + fleet.IN_A_URL[:12])
    unavailable = place.run("apply", "--yes", output="json", log="json")
    assert unavailable.code == 1
    place.run("plan", "--server-url", f"new=http://admin:{fleet.IN_A_URL}@127.0.0.1:1")
    place.run("plan", "--store", f"postgresql://admin:{fleet.IN_A_URL}@127.0.0.1:1/x")
    assert place.written.found() == []


def test_importing_and_taking_over_what_somebody_else_made(place: Place) -> None:
    assert place.run("apply", "--yes").code in (0, 1)
    assert place.run("apply", "--yes").code == 0
    text, no_demo = (place.fleet / "fleet.yaml").read_text(), False
    for server, master in (("new", fleet.MASTER_19), ("old", fleet.MASTER_14)):
        url = text.partition(f"code: {server}\nserver_url: ")[2].partition("\n")[0]
        database = xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/db")
        database.create_database(master, f"made-{server}", no_demo, "en_US", fleet.THEIRS, "admin")
        for variable, log in (("SECRECY_WRONG_THEIRS", "console"), ("SECRECY_THEIRS", "json")):
            out = place.store.parent / variable
            words = ("--admin-password", f"env:{variable}", "--out", str(out), "--store", "none")
            assert place.run("import", server, *words, output="json", log=log).code == 0
    fleet.add(place.fleet, _adopting("made-new", "new", "{env: SECRECY_WRONG_THEIRS}"))
    fleet.add(place.fleet, _adopting("made-old", "old", f"'{fleet.THEIRS}'"))
    assert place.run("plan", output="json", log="json").code == 0
    half = place.run("apply", "--yes", log="json")
    assert "adopt instance/made-old" in half.out
    assert "it opens neither to what `adopt` says" in " ".join((half.out + half.err).split())
    fleet.edit(place.fleet, "SECRECY_WRONG_THEIRS", "SECRECY_THEIRS")
    assert place.run("apply", "--yes").code == 0
    for file in place.store.parent.rglob("*.yaml"):
        place.written.add(f"imported {file.name}", file.read_text())
    assert place.written.found() == []


def _adopting(code: str, server: str, password: str) -> str:
    head = f"kind: instance\ncode: {code}\ntemplate: base\nplan: starter\nserver: {server}\n"
    return f"{head}adopt: {{admin_password: {password}}}\n"


def test_texts_with_problems_are_quoted_without_their_secrets(tmp_path: Path) -> None:
    """A literal is refused unless it is allowed, and an address may not hold credentials: neither is repeated."""
    directory = fleet.write(tmp_path)
    fleet.edit(directory, "allow_literal_secrets: true", "allow_literal_secrets: false")
    fleet.edit(directory, "http://127.0.0.1", f"http://admin:{fleet.IN_A_URL}@127.0.0.1")
    fleet.edit(directory, "kind: plan\ncode: starter", "kind: plan\ncode: starter\nmax_users: none")
    written = Written(fleet.SECRETS)
    for output, log in FORMATS:
        for words in (("validate",), ("plan", "--store", "none")):
            ran = run(*words, "--fleet", str(directory), "-o", output, "--log-format", log, "--log-level", "debug")
            assert ran.code == 1
            written.add(f"{words} {output}", ran.out + ran.err)
    assert b"literal-secret" in b"".join(written.texts.values())
    assert written.found() == []


def test_secret_show_prints_the_one_that_was_asked_for_and_no_other(place: Place) -> None:
    asked = {
        ("server/new", "master_password"): "master of 19",
        ("server/old", "master_password"): "master of 14",
        ("instance/acme", "owner.initial_password"): "owner",
        ("instance/gamma", "admin_password"): "literal",
        ("instance/beta", "admin_password"): "derived for instance/beta 1",
    }
    for (address, field), name in asked.items():
        shown = Written(fleet.SECRETS)
        ran = place.run("secret", "show", address, field)
        assert ran.out == fleet.SECRETS[name] + "\n"
        shown.add("stdout", ran.out)
        assert shown.found(but=[name]) == []
        shown.add("stderr", ran.err)
        assert ran.err.encode() not in forms(fleet.SECRETS[name])
        assert Written(fleet.SECRETS, {"stderr": ran.err.encode()}).found() == []
    key = run("secret", "new-key").out.strip()
    assert key
    assert key not in os.environ.values()
