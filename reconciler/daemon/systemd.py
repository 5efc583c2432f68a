"""systemd's notification protocol (sd_notify(3)): ready, status, watchdog, stopping. Nothing where there is no systemd."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


class Systemd:
    """Sends states to the service manager that started us.

    Args:
        environ: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` are read from it.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # An abstract socket is written with @ where its first byte is NUL.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        ours = environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        usec = environ.get("WATCHDOG_USEC", "")
        self.watchdog_seconds = int(usec) / 1_000_000 if ours and usec.isdecimal() and int(usec) > 0 else None
        """How often it must hear of us at least, in seconds; None if it does not care."""

    def ready(self) -> None:
        """Say that the daemon does its work."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Say in one line how things stand (`systemctl status`)."""
        self._send("STATUS=" + " ".join(text.split()))

    def alive(self) -> None:
        """Say that the loop turns."""
        if self.watchdog_seconds is not None:
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the end was asked for."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        # A service manager that is restarting, or does not listen, misses a line; nothing here waits for it.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
        ):
            out.setblocking(False)  # noqa: FBT003 -- as the library has it
            out.sendto(state.encode(), self._address)
