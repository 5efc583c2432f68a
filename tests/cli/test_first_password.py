"""`first-password`: a link alone on stdout, who asked for it in the history first, and no password anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cli.test_support import mailing
from tests.cli.world import World

OWNER = "owner: {name: Zoé, login: zoe@zoe.example}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    changes = {
        "company: Acme SA": f"company: Acme SA\n{OWNER}\nallow_support: false",
        "code: cafe": f"code: cafe\n{OWNER}",
    }
    yield from mailing(tmp_path_factory.mktemp("first"), changes)


def owner(world: World) -> dict[str, object]:
    rows = world.hosts["prod-1"].databases["acme"].rows("res.users").values()
    return next({**row} for row in rows if row["login"] == "zoe@zoe.example")


def test_the_link_stands_alone_on_stdout_and_the_history_says_who_for_whom_and_until_when(world: World) -> None:
    before, sent = owner(world), list(world.hosts["prod-1"].outbox)
    ran = world.run("first-password", "acme", "--for", "3d")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("https://acme.example.com/web/reset_password?db=acme&token=")
    assert ran.out.count("\n") == 1
    told = " ".join(ran.err.split())
    assert "acme on prod-1: zoe@zoe.example chooses a password, until " in told
    assert "hand it to the owner alone" in told
    token = ran.out.strip().partition("token=")[2]
    *_, event = map(json.loads, world.run("events", "--name", "first-password-link", "-o", "json").out.splitlines())
    assert (
        "asked for a link by which zoe@zoe.example chooses a password of instance/acme on prod-1, until "
        in (event["detail"])
    )
    assert (event["level"], event["code"]) == ("info", "acme")
    password = world.run("secret", "show", "instance/acme", "owner.initial_password").out.strip()
    kept = (world.root / "state.sqlite").read_bytes().decode("latin-1")
    assert password
    for secret in (token, password):
        assert secret not in kept
        assert secret not in ran.err
    assert owner(world) == before, "no password changes by it"
    assert world.hosts["prod-1"].outbox == sent, "no mail goes out"
    assert world.run("plan").out.startswith("No changes.")


def test_json_has_the_link_whose_it_is_and_until_when(world: World) -> None:
    shown = json.loads(world.run("first-password", "instance/acme", "-o", "json").out)
    assert {*shown} == {"instance", "server", "database", "login", "until", "link"}
    assert (shown["instance"], shown["login"]) == ("acme", "zoe@zoe.example")


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("bistro",), 1, "instance/bistro has no `owner`"),
        (("cafe",), 1, "not in service"),
        (("acme", "--for", "4m"), 64, "4m is no length of time from 5m to 7d: write 24h or 3d"),
        (("acme", "--for", "8d"), 64, "8d is no length of time from 5m to 7d"),
        (("acme", "--for", "tomorrow"), 64, "'tomorrow' is no length of time: write 24h or 3d"),
        (("acme", "--store", "none"), 64, "first-password needs a store"),
        (("nobody",), 64, "the fleet has no"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(world: World, words: tuple[str, ...], code: int, why: str) -> None:
    ran = world.run("first-password", *words)
    assert (ran.code, ran.out, why in " ".join(ran.err.split())) == (code, "", True), ran.err
