"""What channels are told, and when: in moments that a story names, without a clock or a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from reconciler.notices import alerting
from reconciler.notices.alerting import Box, Message
from reconciler.notices.notices import Level, Notice, NoticeName
from schemas.notify import Channel
from schemas.references import EnvSecret

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
URL = EnvSecret(env="OPS")
AT_NIGHT = {"from": "20:00", "to": "07:00", "timezone": "Europe/Brussels"}


def offline(server: str = "one") -> Notice:
    return Notice(NoticeName.HOST_OFFLINE, Level.ERROR, f"{server} is offline", "server", server, server)


def online(server: str = "one") -> Notice:
    return Notice(NoticeName.HOST_ONLINE, Level.INFO, f"{server} is online again", "server", server, server)


def orphan(name: str) -> Notice:
    return Notice(NoticeName.ORPHAN_FOUND, Level.WARNING, f"{name} on one: orphan", server="one")


def channel(**fields: object) -> Channel:
    return Channel.model_validate({"url": URL, **fields})


@dataclass
class Told:
    """A channel that takes what it is told, unless it is broken."""

    channel: Channel = field(default_factory=channel)
    now: datetime = NOON
    box: Box = field(default_factory=Box)
    broken: bool = False
    messages: list[str] = field(default_factory=list)

    def hear(self, *notices: Notice, labels: dict[str, str] | None = None) -> None:
        for notice in notices:
            self.box = alerting.hear(self.box, self.channel, notice, labels or {}, self.now)

    def due(self) -> Message | None:
        return alerting.due(self.box, self.channel, "demo", self.now)

    def wait(self, **span: float) -> list[str]:
        """Let time pass, tick by tick, and return what was sent meanwhile."""
        end, before = self.now + timedelta(**span), len(self.messages)
        step = timedelta(seconds=5) if span.keys() <= {"seconds", "minutes"} else timedelta(minutes=5)
        while self.now < end:
            self.now += step
            if message := self.due():
                self.box = alerting.begun(self.box, message)
                if self.broken:
                    self.box = alerting.failed(self.box, message, self.now)
                else:
                    self.messages.append(f"{message.title}\n{message.body}")
                    self.box = alerting.sent(self.box, self.now)
        return self.messages[before:]


def test_what_comes_together_is_one_message_with_the_worst_first() -> None:
    told = Told()
    told.hear(orphan("acme"), offline("one"), offline("two"))
    assert told.wait(seconds=25) == []
    (message,) = told.wait(seconds=10)
    assert message.splitlines() == [
        "[demo] 2 errors, 1 warning",
        "error: one is offline (host-offline)",
        "error: two is offline (host-offline)",
        "warning: acme on one: orphan (orphan-found)",
    ]
    assert told.wait(hours=20) == []


def test_the_end_is_told_to_whoever_was_told_the_beginning() -> None:
    told = Told()
    told.hear(offline("one"), offline("two"))
    told.wait(minutes=1)
    told.hear(online("one"))
    assert told.wait(minutes=1) == ["[demo] 1 resolved\nresolved: one is online again (host-online)"]
    told.hear(online("three"))
    assert told.wait(hours=1) == []


def test_what_ends_before_anybody_was_told_is_told_to_nobody() -> None:
    told = Told()
    told.hear(offline(), online())
    assert told.wait(hours=48) == []


def test_the_same_is_not_told_again_and_what_lasts_is_recalled_once_a_day() -> None:
    told = Told()
    for _ in range(20):
        told.hear(offline(), orphan("acme"))
        told.wait(minutes=30)
    assert len(told.messages) == 1
    assert told.wait(hours=20) == ["[demo] 1 error (not over yet)\nnot over yet: error: one is offline (host-offline)"]
    told.hear(online())
    told.wait(hours=1)
    assert told.wait(hours=72) == []


def test_what_gets_worse_is_told_at_once() -> None:
    told = Told()
    for level in (Level.WARNING, Level.WARNING, Level.ERROR, Level.WARNING):
        told.hear(Notice(NoticeName.HEALTH_CHANGED, level, f"one is {level}", "server", "one", "one"))
        told.wait(minutes=2)
    assert [m.partition("\n")[0] for m in told.messages] == ["[demo] 1 warning", "[demo] 1 error"]
    told.hear(Notice(NoticeName.HEALTH_CHANGED, Level.INFO, "one is healthy", "server", "one", "one"))
    assert told.wait(minutes=2) == ["[demo] 1 resolved\nresolved: one is healthy (health-changed)"]


def test_a_channel_hears_of_its_levels_and_labels_only() -> None:
    told = Told(channel(levels=["error"], selector={"region": "eu"}))
    told.hear(orphan("acme"), labels={"region": "eu"})
    told.hear(offline("two"), labels={"region": "us"})
    told.hear(Notice(NoticeName.STORE_FAILED, Level.ERROR, "disk full"))
    assert told.wait(hours=1) == []
    told.hear(offline("one"), labels={"region": "eu"})
    assert len(told.wait(minutes=1)) == 1


def test_in_quiet_hours_errors_go_through_and_warnings_wait_for_the_morning() -> None:
    told = Told(channel(quiet=AT_NIGHT), now=datetime(2026, 11, 24, 22, 0, tzinfo=UTC))
    told.hear(orphan("acme"), orphan("bistro"), offline())
    assert told.wait(minutes=1) == ["[demo] 1 error\nerror: one is offline (host-offline)"]
    told.hear(online())
    assert told.wait(minutes=1) == ["[demo] 1 resolved\nresolved: one is online again (host-online)"]
    assert told.wait(hours=7.8) == []  # 05:50 UTC
    (morning,) = told.wait(hours=1)
    assert morning.startswith("[demo] 2 warnings\n")


def test_what_ends_in_quiet_hours_is_not_told_in_the_morning() -> None:
    told = Told(channel(quiet=AT_NIGHT), now=datetime(2026, 11, 24, 22, 0, tzinfo=UTC))
    page = ("instance", "acme", "one")
    told.hear(Notice(NoticeName.LOGIN_PAGE_UNREACHABLE, Level.WARNING, "https://acme: 502", *page))
    told.wait(minutes=10)
    told.hear(Notice(NoticeName.LOGIN_PAGE_REACHABLE, Level.INFO, "https://acme shows it again", *page))
    assert told.wait(hours=24) == []


def test_quiet_hours_follow_the_clock_of_their_time_zone() -> None:
    """Brussels is at UTC+2 in summer: quiet from 18:00 UTC, in winter from 19:00."""
    for day, hour, waits in ((7, 18, True), (7, 17, False), (11, 18, False), (11, 19, True)):
        told = Told(channel(quiet=AT_NIGHT), now=datetime(2026, day, 2, hour, 30, tzinfo=UTC))
        told.hear(orphan("acme"))
        assert (told.wait(minutes=1) == []) is waits


def test_a_channel_that_takes_nothing_is_tried_with_patience_and_nothing_is_lost() -> None:
    told = Told(broken=True)
    told.hear(offline("one"), orphan("acme"))
    told.wait(minutes=10)
    assert told.box.failures == 4  # at once, and 1, 3 and 7 minutes later
    told.hear(offline("two"), online("one"))
    told.wait(hours=3)
    told.broken = False
    assert told.wait(hours=2) == [
        "[demo] 1 error, 1 warning\nerror: two is offline (host-offline)\nwarning: acme on one: orphan (orphan-found)"
    ]


def test_what_ends_while_its_message_is_on_its_way_is_told_if_that_was_taken_and_not_if_it_was_not() -> None:
    for taken in (True, False):
        told = Told()
        told.hear(offline())
        told.now += timedelta(minutes=1)
        message = told.due()
        assert message is not None
        told.box = alerting.begun(told.box, message)
        told.hear(online())
        told.box = alerting.sent(told.box, told.now) if taken else alerting.failed(told.box, message, told.now)
        ending = ["[demo] 1 resolved\nresolved: one is online again (host-online)"]
        assert told.wait(minutes=5) == (ending if taken else [])
        assert told.wait(hours=48) == []


def test_very_much_is_cut_and_a_channel_that_never_takes_anything_does_not_grow() -> None:
    told = Told(broken=True)
    told.hear(*(orphan(f"shop-{number}") for number in range(2000)))
    assert len(told.box.waiting) == alerting.MOST_WAITING
    told.broken = False
    (message,) = told.wait(minutes=1)
    assert message.startswith("[demo] 500 warnings\n")
    assert message.endswith("\n… and 480 more: odoo-fleet events")
    assert len(message.splitlines()) == 22


def test_one_line_each_whatever_hosts_say() -> None:
    told = Told()
    told.hear(Notice(NoticeName.ACTION_FAILED, Level.ERROR, "clone failed:\nTraceback\n  x", "instance", "acme", "one"))
    assert told.wait(minutes=1) == ["[demo] 1 error\nerror: clone failed: Traceback x (action-failed)"]


def test_what_failed_is_resolved_when_it_is_done_and_several_by_the_news_of_their_server() -> None:
    told = Told()
    told.hear(Notice(NoticeName.ACTION_FAILED, Level.ERROR, "clone failed", "instance", "acme", "one"))
    told.hear(Notice(NoticeName.BLOCKED, Level.WARNING, "a, b: cannot be done: x", server="one"))
    told.wait(minutes=1)
    by = Notice(NoticeName.ACTION_FAILED, Level.INFO, "clone instance/acme on one: done", "instance", "acme", "one")
    told.box = alerting.end(told.box, alerting.ACTIONS, by, told.now)
    told.hear(Notice(NoticeName.UNBLOCKED, Level.INFO, "a, b: no longer blocked", server="one"))
    (message,) = told.wait(minutes=1)
    assert message.startswith("[demo] 2 resolved\n")
    assert told.wait(hours=72) == []
