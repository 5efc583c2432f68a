"""`alerts`: whether the channels of the fleet take messages."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any

import click

from reconciler.alerts.sending import send
from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.options import Common, common
from reconciler.core.model.failures import AlertFailed
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.loading.secrets import SecretResolver
from reconciler.notices.alerting import Message
from reconciler.notices.notices import Level
from reconciler.reports.escapes import visible
from reconciler.reports.plain import report

NOT_SENT = 1


@click.group(cls=groups.OptionsFirst)
def command() -> None:
    """Try the channels that the daemon tells what it sees."""


@command.command(
    "test",
    cls=groups.Command,
    short_help="Send a message to each channel, and say what came back.",
    examples=["odoo-fleet alerts test"],
)
@common("text", "json")
def test(common: Common) -> int:
    """Send one message to each channel of the fleet document, quiet or not, and say what came back."""
    desired = fleets.load(common)
    if not desired.settings.notify:
        raise click.UsageError("the fleet document declares no `notify`")
    values = SecretResolver(desired, os.environ, common.fleet)
    results = interrupts.run(_all(desired, values))
    if common.output == "json":
        screens.print_json(report(desired.settings.code, channels=results))
    else:
        for each in results:
            end = f"failed: {visible(each['problem'])}" if each["problem"] else f"sent in {each['seconds']:.1f} s"
            click.echo(f"{each['channel']} {each['url']}: {end}")
    return NOT_SENT if any(each["problem"] for each in results) else 0


async def _all(desired: Desired, values: SecretResolver) -> Sequence[dict[str, Any]]:
    return await asyncio.gather(*(_one(desired, values, number) for number in range(len(desired.settings.notify))))


async def _one(desired: Desired, values: SecretResolver, number: int) -> dict[str, Any]:
    code, channel, problem = desired.settings.code, desired.settings.notify[number], ""
    text = "a test: odoo-fleet can tell this channel what it sees"
    started = time.monotonic()
    try:
        url = values.resolve(channel.url, "fleet", code, f"notify.{number}.url")
        await send(url, Message(f"[{code}] test", text, Level.INFO))
    except (AlertFailed, SecretUnavailable) as failure:
        problem = str(failure)
    seconds = round(time.monotonic() - started, 3)
    return {"channel": f"notify.{number}", "url": str(channel.url), "seconds": seconds, "problem": problem}
