"""What a daemon tells its channels, in virtual time, and that one that takes nothing slows nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from reconciler.core.model.failures import AlertFailed
from reconciler.notices.alerting import Message
from reconciler.notices.notices import NoticeName
from schemas.secrets import Secret
from tests.daemon.stage import Stage, play
from tests.harness.universe import fleet, instance, universe

OPS, GOLD = "{url: {env: KEY}}", "{url: {env: OTHER_KEY}, selector: {tier: gold}}"
OPS_URL, GOLD_URL = "k" * 40, "o" * 40


def having(channels: str, *documents: str) -> str:
    return fleet(*documents).replace("code: demo\n", f"code: demo\nnotify: [{channels}]\n", 1)


@dataclass
class Sent:
    """Takes messages, but for addresses that are dead: those hang for their time and fail."""

    dead: set[str] = field(default_factory=set)
    messages: list[tuple[str, str]] = field(default_factory=list)
    tries: int = 0

    async def __call__(self, url: Secret, message: Message) -> None:
        if url.reveal() in self.dead:
            self.tries += 1
            await asyncio.sleep(30)
            raise AlertFailed("it did not end within 30 s and was killed")
        self.messages.append((url.reveal(), f"{message.title}\n{message.body}"))

    def to(self, url: str) -> list[str]:
        return [text for address, text in self.messages if address == url]


def broken(**labels: str) -> str:
    return instance("acme", modules="[no_such_module]", labels=labels)


def test_a_failure_and_its_end_reach_the_channels_that_they_concern() -> None:
    sent = Sent()

    async def story(stage: Stage) -> None:
        stage.source.write(having(f"{OPS}, {GOLD}", broken(tier="silver")))
        await asyncio.sleep(3600)
        stage.source.write(having(f"{OPS}, {GOLD}", instance("acme", labels={"tier": "silver"})))
        await stage.converged()
        await asyncio.sleep(120)

    play(universe(), story, send=sent)
    begun, ended = sent.to(OPS_URL)
    assert begun.startswith("[demo] 1 error\nerror: clone instance/acme on one failed: ")
    assert ended == "[demo] 1 resolved\nresolved: clone instance/acme on one: done (action-failed)"
    assert sent.to(GOLD_URL) == []


def test_a_dead_channel_slows_nothing_is_told_once_and_gets_what_waits_when_it_is_back() -> None:
    sent = Sent(dead={GOLD_URL})

    async def story(stage: Stage) -> None:
        stage.source.write(having(f"{OPS}, {GOLD}", broken(tier="gold"), instance("bistro")))
        await asyncio.sleep(6 * 3600)
        assert "bistro" in stage.universe.hosts["one"].listed()
        assert 5 < sent.tries < 20
        failed = [n for n in stage.notices if n.name is NoticeName.ALERT_FAILED]
        assert [n.detail for n in failed] == [
            "notify.1 ({env: OTHER_KEY}) takes no message: it did not end within 30 s and was killed; it is tried again"
        ]
        sent.dead.clear()
        await asyncio.sleep(2 * 3600)
        assert stage.names().count(NoticeName.ALERT_GOOD) == 1

    play(universe(), story, send=sent)
    assert len(sent.to(GOLD_URL)) == 1
    assert any("takes no message" in text for text in sent.to(OPS_URL))
    assert any("resolved: notify.1 ({env: OTHER_KEY}) takes messages again" in text for text in sent.to(OPS_URL))


def test_a_channel_whose_secret_is_not_there_is_told_and_the_others_go_on() -> None:
    sent = Sent()

    async def story(stage: Stage) -> None:
        stage.source.write(having(f"{OPS}, {{url: {{env: NOT_THERE}}}}", broken()))
        await asyncio.sleep(600)

    stage = play(universe(), story, send=sent)
    assert len(sent.to(OPS_URL)) == 2
    (failed,) = [n for n in stage.notices if n.name is NoticeName.ALERT_FAILED]
    assert "NOT_THERE" in failed.detail
    assert not stage.defects


def test_an_edit_of_the_text_keeps_what_other_channels_were_told() -> None:
    sent = Sent()

    async def story(stage: Stage) -> None:
        stage.source.write(having(OPS, broken()))
        await asyncio.sleep(600)
        stage.source.write(having(f"{GOLD}, {OPS}", broken()))
        await asyncio.sleep(600)
        stage.source.write(having(f"{GOLD}, {OPS}", instance("acme")))
        await stage.converged()
        await asyncio.sleep(120)

    play(universe(), story, send=sent)
    assert [text.partition("\n")[0] for text in sent.to(OPS_URL)] == ["[demo] 1 error", "[demo] 1 resolved"]
