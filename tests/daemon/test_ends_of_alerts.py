"""What channels were told ends for them whichever way it ends: nobody is reminded for weeks of what concerns nobody any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.model.actions import Action
from reconciler.core.model.failures import StorageFailure
from reconciler.engine import rounds
from reconciler.engine.carrying_out.performer import Performer
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.health.login_pages import PageAnswer
from reconciler.notices.notices import NoticeName
from tests.backups.conftest import _no_threads
from tests.daemon.keeping import Keeping
from tests.daemon.stage import Stage, play
from tests.daemon.test_alerts import GOLD_URL, OPS, OPS_URL, Sent, broken, having
from tests.harness.universe import fleet, instance, universe
from tests.health.ward import LOGIN, Visits

__all__ = ["_no_threads"]

HOUR = 3600.0
DAY = 24 * HOUR
TWO = {"one": "19.0", "two": "19.0"}
NOTIFY = f"code: demo\nnotify: [{OPS}]\n"
INACTIVE = "code: two\nactive: false\n"


def on_two_servers(*documents: str) -> str:
    return fleet(*documents, servers=TWO).replace("code: demo\n", NOTIFY, 1)


def titles(sent: Sent) -> list[str]:
    return [text.partition("\n")[0] for text in sent.to(OPS_URL)]


@pytest.mark.parametrize("way", ["removed", "inactive"])
def test_a_dead_server_that_is_taken_out_of_use_is_over(way: str) -> None:
    """As its runbook advises where it will not come back."""
    sent = Sent()
    without = fleet().replace("code: demo\n", NOTIFY, 1)

    async def story(stage: Stage) -> None:
        stage.source.write(on_two_servers())
        await stage.converged()
        stage.universe.hosts["two"].kill()
        await asyncio.sleep(2 * HOUR)
        stage.source.write(without if way == "removed" else on_two_servers().replace("code: two\n", INACTIVE))
        await asyncio.sleep(2 * DAY)

    play(universe(TWO), story, send=sent, interval=HOUR)
    assert len([text for text in sent.to(OPS_URL) if "error: server two is offline" in text]) == 1
    last = sent.to(OPS_URL)[-1]
    assert "resolved: server two is no longer looked after (host-offline)" in last
    assert "no longer blocked (unblocked)" in last
    assert not [title for title in titles(sent) if "not over yet" in title]


def test_a_server_that_was_critical_before_it_was_offline_is_well_when_it_is_back() -> None:
    sent = Sent()

    async def story(stage: Stage) -> None:
        stage.source.write(on_two_servers())
        await stage.converged()
        host = stage.universe.hosts["two"]
        right = host.spec
        host.spec = replace(right, master_password="another")
        await asyncio.sleep(2 * HOUR)
        assert any("(health-changed)" in text for text in sent.to(OPS_URL))
        host.kill()
        await asyncio.sleep(2 * HOUR)
        host.spec = right
        host.start()
        await asyncio.sleep(2 * DAY)

    play(universe(TWO), story, send=sent, interval=HOUR)
    assert not [title for title in titles(sent) if "not over yet" in title]


@pytest.mark.parametrize("text", [fleet(), fleet(instance("acme", state="suspended"))])
def test_a_page_that_is_not_asked_for_any_more_is_over(text: str) -> None:
    sent = Sent()
    pages: dict[str, PageAnswer] = {}

    def with_pages(world: World, _desired: Desired) -> World:
        visits = Visits(world.clock.now, lambda name: pages.get(name, LOGIN))
        return replace(world, pages=dict.fromkeys(world.hosts, visits))

    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme")).replace("code: demo\n", NOTIFY, 1))
        await stage.converged()
        pages["acme"] = PageAnswer("/web/login", 502)
        await asyncio.sleep(2 * HOUR)
        stage.source.write(text.replace("code: demo\n", NOTIFY, 1))
        await asyncio.sleep(2 * DAY)

    play(universe(), story, send=sent, dress=with_pages, interval=HOUR)
    assert (
        "resolved: the login page of instance/acme is no longer asked for (login-page-unreachable)"
        in sent.to(OPS_URL)[1]
    )
    assert not [title for title in titles(sent) if "not over yet" in title]


def _removed(keeping: Keeping) -> str:
    return keeping.text().partition("---\nkind: instance\n")[0]


def _without_policy(keeping: Keeping) -> str:
    return keeping.text().replace(f"backup: {keeping.policy}\n", "")


def _target_away(directory: Path) -> Keeping:
    def away(what: str, _place: str) -> None:
        if what == "names":
            raise StorageFailure("the target is away")

    (directory / "target").mkdir()
    return Keeping(directory / "target", before=away)


@pytest.mark.parametrize("after", [_removed, _without_policy])
def test_a_backup_that_is_not_wanted_any_more_is_over(after: Callable[[Keeping], str], tmp_path: Path) -> None:
    keeping, sent = _target_away(tmp_path), Sent()

    async def story(stage: Stage) -> None:
        stage.source.write(keeping.text().replace("code: demo\n", NOTIFY, 1))
        await asyncio.sleep(2 * HOUR)
        stage.source.write(after(keeping).replace("code: demo\n", NOTIFY, 1))
        await asyncio.sleep(2 * DAY)

    play(universe(), story, send=sent, dress=keeping.dress, interval=HOUR)
    assert "error: the backup of instance/acme failed" in sent.to(OPS_URL)[0]
    assert "resolved: instance/acme on one has no such backups any more (backup-failed)" in sent.to(OPS_URL)[1]
    assert not [title for title in titles(sent) if "not over yet" in title]


def test_a_backup_that_fails_still_when_it_is_wanted_again_is_told_again(tmp_path: Path) -> None:
    keeping, sent = _target_away(tmp_path), Sent()
    texts = keeping.text(), _without_policy(keeping), keeping.text()

    async def story(stage: Stage) -> None:
        for text in texts:
            stage.source.write(text.replace("code: demo\n", NOTIFY, 1))
            await asyncio.sleep(2 * HOUR)
        await asyncio.sleep(DAY)

    play(universe(), story, send=sent, dress=keeping.dress, interval=HOUR)
    assert "resolved" in sent.to(OPS_URL)[1]
    assert "error: the backup of instance/acme failed" in sent.to(OPS_URL)[2]


def test_a_host_that_lists_nothing_for_once_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeping, sent = _target_away(tmp_path), Sent()

    async def story(stage: Stage) -> None:
        stage.source.write(keeping.text().replace("code: demo\n", NOTIFY, 1))
        await asyncio.sleep(2 * HOUR)
        with monkeypatch.context() as patched:
            patched.setattr(type(stage.universe.hosts["one"]), "listed", lambda _self: [])
            await asyncio.sleep(1.5 * HOUR)
        await asyncio.sleep(2 * DAY)

    play(universe(), story, send=sent, dress=keeping.dress, interval=HOUR)
    assert not any("no such backups any more" in text for text in sent.to(OPS_URL))
    assert any("not over yet" in title for title in titles(sent)), "it goes on failing"


def test_an_action_of_a_document_that_is_removed_is_over() -> None:
    sent = Sent()

    async def story(stage: Stage) -> None:
        stage.source.write(having(OPS, broken()))
        await asyncio.sleep(2 * HOUR)
        stage.source.write(having(OPS))
        await asyncio.sleep(2 * DAY)

    play(universe(), story, send=sent, interval=HOUR)
    assert titles(sent) == ["[demo] 1 error", "[demo] 1 resolved"]
    assert "resolved: nothing is to be done for instance/acme on one any more (action-failed)" in sent.to(OPS_URL)[1]


def test_a_channel_that_took_nothing_and_is_removed_is_over() -> None:
    sent = Sent(dead={GOLD_URL})

    async def story(stage: Stage) -> None:
        stage.source.write(having(f"{OPS}, {{url: {{env: OTHER_KEY}}}}", broken()))
        await asyncio.sleep(2 * HOUR)
        assert any("takes no message" in text for text in sent.to(OPS_URL))
        stage.source.write(having(OPS, instance("acme")))
        await asyncio.sleep(2 * DAY)

    play(universe(), story, send=sent, interval=HOUR)
    assert any("resolved: the channel is no longer declared (alert-failed)" in text for text in sent.to(OPS_URL))
    assert not [title for title in titles(sent) if "not over yet" in title]


def test_a_defect_is_told_once_a_day_while_it_comes_back_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sees the end of it: what was tried again may have gone well by chance."""
    sent = Sent()

    async def story(stage: Stage) -> None:
        stage.source.write(having(OPS, instance("acme")))
        await stage.converged()
        with monkeypatch.context() as patched:
            patched.setattr(rounds, "deepen", _break)
            await asyncio.sleep(1.5 * DAY)
        await asyncio.sleep(2 * DAY)

    stage = play(universe(), story, send=sent, interval=HOUR)
    assert stage.defects
    assert titles(sent) == ["[demo] 1 error"] * 2


def test_a_defect_of_one_action_hides_no_failure_of_another_and_ends_by_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent, perform = Sent(), Performer.perform

    async def breaks(performer: Performer, action: Action) -> str:
        if action.code == "zorro":
            raise ZeroDivisionError
        return await perform(performer, action)

    monkeypatch.setattr(Performer, "perform", breaks)

    async def story(stage: Stage) -> None:
        stage.source.write(having(OPS, broken(), instance("zorro")))
        await asyncio.sleep(6 * HOUR)
        assert stage.daemon.standing.failing_since is not None
        stage.source.write(having(OPS, broken(), instance("zorro"), instance("bistro")))
        await asyncio.sleep(3 * HOUR)

    stage = play(universe(), story, send=sent, interval=HOUR)
    assert "bistro" in stage.universe.hosts["one"].listed()
    assert {notice.code for notice in stage.notices if notice.name is NoticeName.ACTION_FAILED} >= {"acme"}
    assert any("acme" in text for text in sent.to(OPS_URL))
    assert not any("resolved" in text for text in sent.to(OPS_URL))


def _break(*_: object) -> None:
    raise ZeroDivisionError


def test_an_action_that_goes_on_failing_is_not_over() -> None:
    sent = Sent()

    async def story(stage: Stage) -> None:
        stage.source.write(having(OPS, broken()))
        await asyncio.sleep(2.5 * DAY)

    play(universe(), story, send=sent, interval=HOUR)
    assert titles(sent) == ["[demo] 1 error", *["[demo] 1 error (not over yet)"] * 2]
