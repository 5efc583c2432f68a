"""Delivers one message by Apprise: a program of its own, so that it can be killed and the daemon never loads Apprise.

It reads `{"url", "title", "body", "type"}` as JSON from standard input, for a process list shows arguments; what went
wrong goes to standard error. It imports nothing of this project.
"""

from __future__ import annotations

import json
import logging
import sys


def main() -> int:
    """Deliver it; exit code 0 if it was taken."""
    try:
        import apprise  # noqa: PLC0415 -- the extra `alerts`
    except ModuleNotFoundError:
        sys.stderr.write("Apprise is not installed: install odoo-fleet[alerts]")
        return 1
    message = json.load(sys.stdin)
    channel = apprise.Apprise()
    logging.disable()  # what is said of an address shows parts of it
    if not channel.add(message["url"]):
        sys.stderr.write("its address is none that Apprise knows")
        return 1
    logging.disable(logging.NOTSET)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    words = {"title": message["title"], "body": message["body"], "notify_type": message["type"], "body_format": "text"}
    return 0 if channel.notify(**words) else 1


if __name__ == "__main__":
    raise SystemExit(main())
