"""The command `odoo-fleet`, seen from the shell: arguments in, an exit code out, and never a traceback for bad input.

`--version` imports nothing else. What no command expected ends here, as one line that says how to report it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from reconciler.version import __version__

FAILED = 1
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _write_anything()
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_is_gone()
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


def _write_anything() -> None:
    """A character that the terminal's encoding lacks is written as an escape, instead of ending the run."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def _reader_is_gone() -> int:
    """Say nothing when `odoo-fleet … | head` has read enough; without this, Python complains again while it exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return FAILED


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
