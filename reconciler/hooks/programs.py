"""A program of the operator's: no shell, a bare environment, the action on its standard input, and an end within its time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from typing import Self

from reconciler.core.model.failures import HookFailed

PASSED_ON = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR")
"""All that a program gets of the environment: whatever else stands in it may be a secret."""

_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HEARD = 4096
"""How many bytes of what a program writes to standard error are kept; the rest is read and forgotten."""


async def run_command(
    command: Sequence[str], message: bytes, environ: Mapping[str, str], seconds: float, also: Sequence[str] = ()
) -> None:
    """Run a program until its end. It is killed with its whole process group when its time is over, or when cancelled.

    Args:
        command: the program by its whole path, and its arguments.
        message: what it gets on its standard input.
        environ: the environment of this process, of which it gets `PASSED_ON`.
        seconds: how long it may take.
        also: other variables that it gets.

    Raises:
        HookFailed: it could not be started, did not end in time, or ended with another code than 0.
    """
    bare = {"PATH": _USUAL_PATH, **{name: environ[name] for name in (*PASSED_ON, *also) if name in environ}}
    heard = bytearray()
    try:
        ear = _Ear(heard)
    except OSError as error:
        raise HookFailed(f"it cannot be run: {error.strerror or error}") from None
    with ear:
        try:
            with tempfile.TemporaryFile() as given:
                given.write(message)
                given.seek(0)
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=given,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=ear.mouth,
                    cwd="/",
                    env=bare,
                    start_new_session=True,
                )
        except OSError as error:
            raise HookFailed(f"it cannot be run: {error.strerror or error}") from None
        try:
            async with asyncio.timeout(seconds):
                code = await process.wait()
        except TimeoutError:
            ear.listen()
            raise HookFailed(f"it did not end within {seconds:g} s and was killed{said(heard)}") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        ear.listen()
    if code:
        how = f"exit code {code}" if code > 0 else f"ended by signal {-code}"
        raise HookFailed(f"{how}{said(heard)}")


def said(heard: bytes | bytearray) -> str:
    """Return the beginning of what something said, as the end of a sentence of one line; nothing if it said nothing."""
    words = " ".join(heard.decode(errors="replace").split())
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in words)
    longest = 300
    return f": {shown[:longest]}{'…' if len(shown) > longest else ''}" if shown else ""


class _Ear:
    """Hears what is written to `mouth`, by whomever, until it is closed: what a program leaves running may hold that for ever."""

    def __init__(self, heard: bytearray) -> None:
        self._heard = heard
        self._ear, self.mouth = os.pipe()
        os.set_blocking(self._ear, False)

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._ear, self.listen)
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.get_running_loop().remove_reader(self._ear)
        os.close(self._ear)
        os.close(self.mouth)

    def listen(self) -> None:
        """Take what there is."""
        with contextlib.suppress(BlockingIOError):
            self._heard += os.read(self._ear, 65536)[: _HEARD - len(self._heard)]
