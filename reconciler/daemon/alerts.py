"""Tells channels what the daemon tells: beside its passes, which wait for none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from reconciler.core.deciding import Planned
from reconciler.core.model.actions import Action
from reconciler.core.model.failures import AlertFailed
from reconciler.core.model.labels import labels_of
from reconciler.daemon import lasting
from reconciler.daemon.lasting import LookedAfter
from reconciler.engine.ports import Clock, Secrets
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.notices import alerting
from reconciler.notices.alerting import Box, Message
from reconciler.notices.notices import Level, Notice, NoticeName
from schemas.notify import Channel
from schemas.secrets import Secret

TICK_SECONDS = 5.0
"""How soon after its time a message is sent."""

IDLE_SECONDS = 60.0
"""The same where the text names no channel until then."""

Send = Callable[[Secret, Message], Awaitable[None]]
"""Sends a message to an address; raises `AlertFailed`."""


@dataclass(slots=True)
class Alerts:
    """Sends what is due, until cancelled.

    Args:
        text: the text in force and its secrets; None before there is one.
        clock: time.
        send: sends a message.
        tell: told when a channel begins to take nothing, and when it takes messages again.
        looked_after: gives what is looked after under a text.
    """

    text: Callable[[], tuple[Desired, Secrets] | None]
    clock: Clock
    send: Send
    tell: Callable[[Notice], None]
    looked_after: Callable[[Desired], LookedAfter]
    _boxes: dict[str, Box] = field(default_factory=dict)
    _sending: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def hear(self, notice: Notice) -> None:
        """Take a notice."""
        text = self.text()
        for channel in text[0].settings.notify if text else ():
            assert text is not None
            labels = labels_of(notice.kind, notice.code, notice.server, text[0])
            box, now = self._box(channel), self.clock.now()
            self._boxes[_name(channel)] = alerting.hear(box, channel, notice, labels, now)

    def done(self, action: Action) -> None:
        """Take it that an action was done: what failed of it before is over."""
        detail = f"{action.id}: done"
        by = Notice(NoticeName.ACTION_FAILED, Level.INFO, detail, action.kind, action.code, action.server)
        for name, box in self._boxes.items():
            self._boxes[name] = alerting.end(box, alerting.ACTIONS, by, self.clock.now())

    def decided(self, planned: Planned, fresh: frozenset[str]) -> None:
        """Take it that hosts were looked at: what failed there and is not wanted any more is over."""
        self._settle(lasting.not_wanted(planned, fresh))

    async def run(self) -> None:
        """Look every few seconds what is due."""
        async with asyncio.TaskGroup() as group:
            while True:
                if text := self.text():
                    self._look(group, *text)
                await self.clock.sleep(TICK_SECONDS if text and text[0].settings.notify else IDLE_SECONDS)

    def _look(self, group: asyncio.TaskGroup, desired: Desired, secrets: Secrets) -> None:
        channels = desired.settings.notify
        self._boxes = {name: self._boxes.get(name, Box()) for name in map(_name, channels)}
        self._settle(self.looked_after(desired).why_over)
        if not any(box.failures for box in self._boxes.values()):
            self._settle(lasting.no_channel_fails)
        for number, channel in enumerate(channels):
            name = _name(channel)
            message = alerting.due(self._box(channel), channel, desired.settings.code, self.clock.now())
            if message is None or name in self._sending:
                continue
            self._boxes[name] = alerting.begun(self._box(channel), message)
            sending = self._deliver(name, f"notify.{number}", channel, message, desired.settings.code, secrets)
            self._sending[name] = group.create_task(sending)

    async def _deliver(
        self, name: str, place: str, channel: Channel, message: Message, fleet: str, secrets: Secrets
    ) -> None:
        problem = ""
        try:
            await self.send(secrets.resolve(channel.url, "fleet", fleet, f"{place}.url"), message)
        except (AlertFailed, SecretUnavailable, OSError) as failure:
            problem = str(failure)
        finally:
            del self._sending[name]
        before, now = self._boxes.get(name, Box()), self.clock.now()
        self._boxes[name] = alerting.failed(before, message, now) if problem else alerting.sent(before, now)
        if problem and not before.failures:
            detail = f"{place} ({channel.url}) takes no message: {problem}; it is tried again"
            self.tell(Notice(NoticeName.ALERT_FAILED, Level.WARNING, detail, code=place))
        elif before.failures and not problem:
            detail = f"{place} ({channel.url}) takes messages again"
            self.tell(Notice(NoticeName.ALERT_GOOD, Level.INFO, detail, code=place))

    def _settle(self, why_over: Callable[[Notice], str]) -> None:
        now = self.clock.now()
        self._boxes = {name: alerting.settle(box, why_over, now) for name, box in self._boxes.items()}

    def _box(self, channel: Channel) -> Box:
        return self._boxes.get(_name(channel), Box())


def _name(channel: Channel) -> str:
    """Name a channel by what the text says of it, so that what is known of it outlives an edit of the others."""
    return channel.model_dump_json()
