"""`alerts test`, and a daemon that tells what it sees: to a real mail server and a real web server."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from tests.cli.world import World
from tests.hosts.mail_sink import mail_sink
from tests.hosts.receiver import Receiver, receiving

TOKEN = "T0KENinTHEpath"

IMPATIENT = """
import sys
from datetime import timedelta
from reconciler.__main__ import main
from reconciler.daemon import alerts
from reconciler.notices import alerting
alerting.TOGETHER, alerts.TICK_SECONDS = timedelta(seconds=1), 0.2
sys.exit(main(sys.argv[1:]))
"""
"""The command, in which notices wait a second for others instead of thirty."""


def declare(world: World, *channels: str) -> None:
    lines = "".join(f"  - {channel}\n" for channel in channels)
    world.replace("fleet.yaml", "code: test\n", f"code: test\nnotify:\n{lines}")


def web(receiver: Receiver) -> str:
    return f"json://127.0.0.1:{receiver.port}/{TOKEN}"


def test_one_message_goes_to_each_channel_and_what_came_back_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    always = "{from: '00:00', to: '00:00'}"
    declare(world, "{url: {env: OPS_MAIL}}", f"{{url: {{env: OPS_WEB}}, quiet: {always}}}", "{url: {env: OPS_NONE}}")
    with mail_sink() as sink, receiving(503) as receiver:
        mail = f"mailto://127.0.0.1:{sink.port}/?from=fleet@example.com&to=ops@example.com&mode=insecure"
        monkeypatch.setenv("OPS_MAIL", mail)
        monkeypatch.setenv("OPS_WEB", web(receiver))
        ran = world.run("alerts", "test", "-o", "json")
    channels = json.loads(ran.out)["channels"]
    assert [(each["channel"], each["url"]) for each in channels] == [
        ("notify.0", "{env: OPS_MAIL}"),
        ("notify.1", "{env: OPS_WEB}"),
        ("notify.2", "{env: OPS_NONE}"),
    ]
    assert ran.code == 1
    assert channels[0]["problem"] == ""
    assert "error=503" in channels[1]["problem"]
    assert "the environment variable is not set" in channels[2]["problem"]
    assert len(sink.mails) == len(receiver.came) == 1
    assert TOKEN not in ran.out + ran.err


def test_all_is_well_in_words_and_without_channels_it_is_wrong_usage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.run("alerts", "test").code == 64
    declare(world, "{url: {env: OPS_WEB}}")
    with receiving() as receiver:
        monkeypatch.setenv("OPS_WEB", web(receiver))
        ran = world.run("alerts", "test")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("notify.0 {env: OPS_WEB}: sent in ")


def test_a_daemon_tells_what_it_sees_and_that_it_is_over_and_a_dead_channel_slows_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(world, "{url: {env: OPS_WEB}}", "{url: {env: OPS_DEAD}, selector: {tier: gold}}")
    world.replace("instances.yaml", "company: Acme SA", "company: Acme SA\nmodules: [no_such_module]")
    with receiving() as receiver, receiving(*[0] * 50) as dead:
        monkeypatch.setenv("OPS_WEB", web(receiver))
        monkeypatch.setenv("OPS_DEAD", f"json://127.0.0.1:{dead.port}/{TOKEN}?rto=600")
        command = [sys.executable, "-c", IMPATIENT, "daemon", "--fleet", str(world.fleet), "--store", "none"]
        options = ["--listen", "none", "--log-format", "json"]
        with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as daemon:
            try:
                assert dead.wait_for(1, 120)
                (first, *_) = receiver.wait_for(1, 120)
                world.replace("instances.yaml", "company: Acme SA\nmodules: [no_such_module]", "company: Acme NV")
                while "acme" not in world.hosts["prod-1"].databases:
                    time.sleep(0.05)
                (_, second, *_) = receiver.wait_for(2, 120)
            finally:
                daemon.terminate()
                _, err = daemon.communicate(timeout=60)
    begun, ended = json.loads(first.body), json.loads(second.body)
    assert begun["title"].startswith("[test] 1 error")
    assert "error: clone instance/acme on prod-1 failed" in begun["message"]
    assert ended["title"] == "[test] 1 resolved"
    assert ended["message"].startswith("resolved: clone instance/acme on prod-1: done")
    assert daemon.returncode == 0
    assert TOKEN not in err
