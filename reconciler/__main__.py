"""The command `odoo-fleet`, seen from the shell: arguments in, an exit code out, and never a traceback for bad input.

`--version` imports nothing else. What no command expected ends here, as one line that says how to report it.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator, Sequence

from reconciler.version import __version__

FAILED = 1
INTERRUPTED = 130


class StdoutFailed(OSError):
    """What a command prints cannot be written, which is no defect of the command."""


class _Stdout(io.TextIOWrapper):
    """Stdout, whose failures are told from those of any other file."""

    def write(self, text: str, /) -> int:
        """Write as any stream does."""
        with _told_apart():
            return super().write(text)

    def flush(self) -> None:
        """Flush as any stream does."""
        with _told_apart():
            super().flush()


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StdoutFailed(error.errno, error.strerror) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _open_what_is_closed()
    _write_anything()
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_is_gone()
    except StdoutFailed as error:
        return _cannot_write(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- the edge of the program: nobody above would say more than a traceback
        return _internal_error(error, words)
    return code


def _run(words: Sequence[str]) -> int:
    if list(words) == ["--version"]:
        sys.stdout.write(f"odoo-fleet {__version__}\n")
        return 0
    from reconciler.cli.app import run  # noqa: PLC0415 -- `--version` pays for nothing that it does not use

    return run(words)


def _open_what_is_closed() -> None:
    """Without this (`odoo-fleet apply >&-`) the next file that is opened, the store's, would be what stdout writes to."""
    for stream, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, stream) is None:
            setattr(sys, stream, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _write_anything() -> None:
    """A character that the terminal's encoding lacks is written as an escape, instead of ending the run."""
    if type(sys.stdout) is io.TextIOWrapper:
        line_buffering, write_through = sys.stdout.line_buffering, sys.stdout.write_through
        encoding = sys.stdout.encoding
        sys.stdout = _Stdout(
            sys.stdout.detach(), encoding=encoding, line_buffering=line_buffering, write_through=write_through
        )
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def _reader_is_gone() -> int:
    """Say nothing when `odoo-fleet … | head` has read enough; without this, Python complains again while it exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return FAILED


def _cannot_write(error: StdoutFailed) -> int:
    reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
    sys.stderr.write(f"odoo-fleet: stdout cannot be written: {reason}\n")
    return _reader_is_gone()


def _internal_error(error: BaseException, words: Sequence[str]) -> int:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = f"{type(error).__name__}: {error}".encode("unicode_escape").decode()
    sys.stderr.write(f"odoo-fleet: internal error: {text}\n")
    if "debug" in words or "--log-level=debug" in words:
        import traceback  # noqa: PLC0415 -- only here

        traceback.print_exception(error, file=sys.stderr)
        sys.stderr.write("This is a defect of odoo-fleet: please report it with the lines above.\n")
    else:
        sys.stderr.write("This is a defect of odoo-fleet: please report it with what the same command prints\n")
        sys.stderr.write("with --log-level debug. Nothing was hidden: what ran before is in the lines above.\n")
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
