"""The command `daemon`: what it refuses to begin, and what it says then."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.cli.world import ENVIRONMENT, World, run

OIDC = ("--oidc-issuer", "https://id.example", "--oidc-client-id", "fleet", "--oidc-role", "ops=user")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--signed-only",), "for a text from --git"),
        (("--listen", "9090"), "names no port"),
        (("--listen", "1.2.3.4:http"), "is not a port"),
        (("--git", "https://eve:hunter2@git.example.com/fleet.git"), "password"),
        (("--git", "https://git.example.com/fleet.git", "--git-token", "hunter2"), "env:NAME or file:PATH"),
        (("--git", "https://git.example.com/fleet.git", "--branch", "--upload-pack=x"), "branch"),
        (("--server-url", "prod-1=ftp://host"), "http://"),
        (("--server-url", "prod-1=http://eve:hunter2@host/"), "the address of 'prod-1' may not hold credentials"),
        (("--server-url", "http://eve:hunter2@host/?a=1"), "CODE=URL"),
        (("--server-url", "http://eve:hunter2@host/"), "CODE=URL"),
        (("--server-url", "prod-1=http://[::1"), "not a valid address"),
        (("--server-url", "prod-1=http://hunter2:99999"), "not a valid address"),
        (("--interval", "0"), "--interval"),
        (("--webhook-secret", "env:HOOK"), "for a text from --git"),
        (("--git", "https://git.example.com/f.git", "--webhook-secret", "hunter2"), "env:NAME or file:PATH"),
        (("--git", "https://git.example.com/f.git", "--webhook-secret", "env:A", "--listen", "none"), "an address"),
        (("--api", "--listen", "none"), "--api needs an address"),
        (("--orders", "commit", "--api"), "a bare repository on this machine will do"),
        (("--orders", "commit", "--git", "/x"), "--orders needs --api or --page"),
        (("--orders", "commit", "--git", "/x", "--api", "--signed-only"), "take --orders branch"),
        (("--orders", "branch", "--git", "/x", "--api", "--orders-author", "nobody"), "write NAME <MAIL>"),
        (("--orders", "branch", "--git", "/x", "--api", "--orders-committer", "a\nb <c@d>"), "write NAME <MAIL>"),
        (("--page", "--store", "none"), "--page needs tokens"),
        (("--page", "--oidc-client-id", "fleet"), "--oidc-client-id needs --oidc-issuer URL"),
        (("--api", *OIDC), "--oidc-issuer needs --page"),
        (("--page", "--oidc-issuer", "https://id.example"), "--oidc-issuer needs --oidc-client-id ID"),
        (("--page", *OIDC[:4]), "--oidc-role GROUP=ROLE: else nobody would be let in"),
        (
            ("--page", *OIDC, "--oidc-role", "a=b=manager", "--oidc-role", "ops=root"),
            "--oidc-role ops=root: write GROUP=ROLE",
        ),
        (("--page", *OIDC, "--oidc-role", "ops=admin"), "names ops with two roles"),
        (("--page", *OIDC, "--oidc-client-secret", "hunter2"), "env:NAME or file:PATH"),
        (("--page", *OIDC, "--oidc-issuer", "http://id.example"), "takes an address with https://"),
        (("--page", *OIDC, "--oidc-issuer", "https://[x"), "takes an address with https://"),
        (("--page", *OIDC, "--oidc-callback", "https://fleet.example.com/"), "ends in /login/provider/callback"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage_and_no_secret_is_repeated(words: tuple[str, ...], said: str) -> None:
    ran = run("daemon", *words)
    assert ran.code == 64, ran
    assert said in ran.err
    assert "hunter2" not in ran.out + ran.err


def _process(world: World, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "reconciler", "daemon", "--fleet", str(world.fleet), "--store", "none", *words]
    return subprocess.Popen(command, env={**os.environ, **ENVIRONMENT}, stderr=subprocess.PIPE, text=True)


def test_an_address_in_use_ends_it_with_a_line(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with _process(world, "--listen", address) as process:
            _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"{address}" in err
    assert "in use" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_also_while_it_waits_for_a_valid_fleet(world: World, number: signal.Signals) -> None:
    world.write("broken.yaml", "kind: instance\n")
    with _process(world, "--listen", "none", "--log-format", "json") as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("revision-rejected" in line for line in lines)
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(30) == 0
    assert rest.index("nothing new begins; what runs gets 30 s") < rest.index("daemon-stopped")
    assert "Traceback" not in rest


def test_places_in_the_text_are_named_as_its_repository_has_them(world: World) -> None:
    """Those of a text in force as those of one that is rejected: here a secret that is not there."""
    subprocess.run(["git", "init", "-q", str(world.root)], check=True)
    world.replace("instances.yaml", "server: prod-1\n", "server: prod-1\nadmin_password: {env: NOT_THERE}\n")
    with _process(world, "--listen", "none", "--log-format", "json") as process:
        assert process.stderr is not None
        said = next(line for line in iter(process.stderr.readline, "") if "NOT_THERE" in line)
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
    assert "fleet/instances.yaml:" in said
    assert str(world.root) not in said
