"""Programs that write to a store in processes of their own, so that they can be killed, and can meet."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier

from sqlalchemy import Engine, event

from tests.store.examples import NOW, open_at, outcome

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "alembic.command", "psycopg"])


def start_endless_writer(url: str, round_number: int) -> tuple[ForkServerProcess, Connection]:
    """Start a writer that reports each step after the store has returned from it, and never ends by itself."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    writer = CONTEXT.Process(target=_write_forever, args=(url, round_number, theirs), daemon=True)
    writer.start()
    theirs.close()
    return writer, ours


def _write_forever(url: str, round_number: int, reports: Connection) -> None:
    store = open_at(url)
    number = store.begin_pass("apply", NOW, "1.0", str(round_number))
    for i in itertools.count():
        code = f"r{round_number}-{i}"
        store.verified("instance", code, "prod-1", code, "digest", NOW)
        reports.send(("verified", code))
        store.record_outcome(number, outcome(code), NOW)
        reports.send(("recorded", code))
        store.clear("instance", code, "prod-1")
        reports.send(("cleared", code))


def write_at_once(url: str, writers: int, count: int) -> list[int | None]:
    """Let so many processes open the same store at the same moment, write, and end; return their exit codes."""
    barrier = CONTEXT.Barrier(writers)
    processes = [CONTEXT.Process(target=_write_some, args=(url, w, count, barrier)) for w in range(writers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    return [p.exitcode for p in processes]


def _write_some(url: str, writer: int, count: int, barrier: Barrier) -> None:
    barrier.wait(30)
    with open_at(url) as store:
        number = store.begin_pass("apply", NOW, "1.0", str(writer))
        for i in range(count):
            code = f"w{writer}-{i}"
            store.verified("instance", code, "prod-1", code, "digest", NOW)
            store.record_outcome(number, outcome(code), NOW)
            store.inventory()
        store.end_pass(number, NOW)


def die_while_migrating(url: str, at_statement: str) -> int | None:
    """Let a process open the store and be killed where it is about to run such a statement; return its exit code."""
    process = CONTEXT.Process(target=_open_and_die, args=(url, at_statement))
    process.start()
    process.join(30)
    return process.exitcode


def _open_and_die(url: str, at_statement: str) -> None:
    def die(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if at_statement in statement:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", die)
    open_at(url)
