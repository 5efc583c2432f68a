"""What is different on a server: it may be down, restarted, somebody else's, closed to us; connections end when they like."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.store import connections
from reconciler.store.failures import StoreError
from reconciler.store.opening import open_store
from reconciler.store.sql_store import Store
from tests.hosts.programs import free_port
from tests.store.backends import DatabaseBackend, opened
from tests.store.examples import NOW, notice, open_at, outcome
from tests.store.servers import PostgreSQL

pytestmark = pytest.mark.postgresql


@pytest.fixture
def stored(database: DatabaseBackend) -> Iterator[Store]:
    database.make_ready()
    with opened(database) as store:
        yield store


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.2)


def refusal(call: Callable[[], object]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        call()
    return caught.value


def refused(url: str) -> StoreError:
    return refusal(lambda: open_store(url, "demo"))


@contextmanager
def when_asked(words: str, act: Callable[[], object]) -> Iterator[None]:
    """Do something just before the first statement with these words is sent."""
    done: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if words in statement and not done:
            done.append(statement)
            act()

    event.listen(Engine, "before_cursor_execute", listen)
    yield
    event.remove(Engine, "before_cursor_execute", listen)
    assert done, "the moment never came"


# Who is let in


@pytest.mark.parametrize("address", ["locked:{}@{}", "locked@{1}?password={0}"])
def test_a_wrong_password_is_said_and_neither_it_nor_the_right_one_is_shown(
    database: DatabaseBackend, address: str
) -> None:
    place = database.url.partition("@")[2]
    database.make_ready()
    error = refused(f"postgresql://{address.format('wrong-hunter3', place)}")
    assert 'password authentication failed for user "locked"' in error.what
    assert "PGPASSWORD" in error.advice
    assert place in str(error)
    assert "hunter" not in f"{error!r} {error}"


def test_the_right_password_opens_and_is_not_shown(postgresql: PostgreSQL) -> None:
    secret = postgresql.password
    url = postgresql.url("postgres").replace("fleet@", f"locked:{secret}@")
    error = refused(url)  # it is let in, and then may not make tables there
    assert "permission denied for schema public" in error.what
    assert "GRANT" in error.advice
    assert "postgresql://locked:***@127.0.0.1" in error.where
    assert secret not in f"{error!r} {error}"


def test_without_a_password_it_says_that_one_is_needed(postgresql: PostgreSQL) -> None:
    error = refused(postgresql.url("postgres", user="locked"))
    assert "no password supplied" in error.what
    assert "PGPASSWORD" in error.advice


def test_a_password_with_an_unescaped_sign_is_not_shown_as_a_host() -> None:
    error = refused("postgresql://fleet:hunter2@half@db.example.com/fleet")
    assert "half" not in str(error)
    assert "%40" in error.advice


def test_an_option_that_there_is_not_is_said() -> None:
    assert "nonsense" in refused("postgresql://fleet@127.0.0.1/fleet?nonsense=1").what


# What is there


def test_a_database_that_is_missing_is_not_made_but_said(postgresql: PostgreSQL) -> None:
    error = refused(postgresql.url("nowhere"))
    assert 'database "nowhere" does not exist' in error.what
    assert "CREATE DATABASE" in error.advice


def test_a_server_that_is_down_is_said_at_once() -> None:
    began = time.monotonic()
    error = refused(f"postgresql://fleet@127.0.0.1:{free_port()}/fleet")
    assert "Connection refused" in error.what
    assert "see whether the server runs" in error.advice
    assert "\n" not in str(error)
    assert time.monotonic() - began < connections.PATIENCE


@pytest.mark.parametrize("table", ["songs", "alembic_version"])
def test_the_database_of_another_program_is_left_as_it_is(database: DatabaseBackend, table: str) -> None:
    database.make_empty()
    database.sql(f"CREATE TABLE {table} (version_num text)")
    assert "belongs to another program" in refused(database.url).what
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert database.sql(tables) == [(table,)]


def test_a_schema_of_its_own_in_a_shared_database_is_enough(database: DatabaseBackend) -> None:
    database.make_empty()
    database.sql("CREATE TABLE songs (title text)")
    database.sql("CREATE SCHEMA fleet")
    with open_at(f"{database.url}?options=-csearch_path%3Dfleet") as store:
        store.server_state("prod-1", "active")
    assert database.sql("SELECT server FROM fleet.server_states") == [("prod-1",)]


def test_a_database_that_cannot_hold_all_writings_is_refused(postgresql: PostgreSQL, database: DatabaseBackend) -> None:
    latin = f"CREATE DATABASE {database.name} OWNER fleet TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
    postgresql.sql("postgres", latin)
    error = refused(database.url)
    assert "LATIN1" in error.what
    assert "UTF8" in error.advice


def test_a_server_that_takes_no_writes_is_said(database: DatabaseBackend) -> None:
    database.make_ready()
    with open_at(f"{database.url}?options=-cdefault_transaction_read_only%3Don") as store:
        assert store.inventory() == NOTHING_REMEMBERED
        error = refusal(lambda: store.clear("instance", "acme", "prod-1"))
    assert "takes no writes" in error.what
    assert "primary" in error.advice


# What happens to a server while a store is open


def test_a_restart_between_two_calls_is_not_noticed(postgresql: PostgreSQL, stored: Store) -> None:
    number = stored.begin_pass("daemon", NOW, "1.0", "digest")
    stored.record_outcome(number, outcome("before"), NOW)
    postgresql.cluster.shut_down()
    postgresql.cluster.run()
    stored.record_outcome(number, outcome("after"), NOW)
    stored.end_pass(number, NOW)
    assert [o.code for o in stored.outcomes()] == ["after", "before"]
    assert [(p.done, p.ended_at) for p in stored.passes()] == [(2, NOW)]


def test_while_it_is_down_each_call_says_so_and_then_all_works_again(postgresql: PostgreSQL, stored: Store) -> None:
    stored.verified("instance", "acme", "prod-1", "acme", "d1", NOW)
    postgresql.cluster.shut_down()
    for call in (stored.inventory, lambda: stored.clear("instance", "acme", "prod-1"), stored.notices):
        assert "Connection refused" in refusal(call).what
    postgresql.cluster.run()
    (entry,) = stored.inventory().of("instance", "acme")
    assert entry.digest == "d1", "what was refused was not done"
    stored.clear("instance", "acme", "prod-1")
    assert stored.inventory().of("instance", "acme")[0].digest == ""


def test_a_call_during_a_restart_works_or_says_so(postgresql: PostgreSQL, stored: Store) -> None:
    """Crashed, so that it has to recover: it answers then that it is starting up, for which a call waits."""
    for i in range(300):
        stored.verified("instance", f"c{i}", "prod-1", "c", "d", NOW)
    before = stored.inventory()
    postgresql.cluster.crash()
    start = threading.Thread(target=postgresql.cluster.run)
    start.start()
    said = set()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            stored.record_notice(notice(), NOW)
        except StoreError as error:
            said.add(error.what)
        else:
            break
    start.join()
    assert stored.inventory() == before
    assert len(stored.notices()) == 1
    expected = re.compile("Connection refused|the database system is|server closed the connection")
    assert all(expected.search(what) for what in said)


@contextmanager
def starting_server() -> Iterator[tuple[str, list[bytes]]]:
    """Listen as a server does that is starting up; give the address and what came in, one item a connection."""
    message = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
    came: list[bytes] = []

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    came.append(connection.recv(1000))
                    connection.sendall(b"E" + (len(message) + 4).to_bytes(4, "big") + message)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"postgresql://fleet@127.0.0.1:{listener.getsockname()[1]}/fleet?sslmode=disable", came
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_starting_up_is_waited_for_and_then_said() -> None:
    with starting_server() as (url, came):
        began = time.monotonic()
        error = refused(url)
    assert time.monotonic() - began >= connections.PATIENCE
    assert len(came) > 2
    assert "the database system is starting up" in error.what
    assert "try again" in error.advice


def test_trust_that_was_taken_away_does_not_come_back_after_a_crash(
    postgresql: PostgreSQL, database: DatabaseBackend
) -> None:
    """Also where an administrator has traded such losses for speed: what had to be on the disk is there all the same."""
    database.make_ready()
    database.sql(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    postgresql.sql("postgres", "ALTER SYSTEM SET wal_writer_delay = '10s'")
    postgresql.sql("postgres", "SELECT pg_reload_conf()")
    try:
        with opened(database) as store:
            for i in range(20):
                store.verified("instance", f"c{i}", "prod-1", "c", "d", NOW)
                store.pause("instance", f"c{i}", "", NOW)
            for i in range(20):
                store.clear("instance", f"c{i}", "prod-1")
            assert store.resume("instance", "c7")
            postgresql.cluster.crash()
            postgresql.cluster.run()
            inventory = store.inventory()
    finally:
        postgresql.sql("postgres", "ALTER SYSTEM RESET wal_writer_delay")
        postgresql.sql("postgres", "SELECT pg_reload_conf()")
    assert {e.digest for e in inventory.entries.values()} == {""}
    assert len(inventory.entries) == 20
    assert set(inventory.pauses) == {("instance", f"c{i}") for i in range(20) if i != 7}


# Connections that end


def test_a_connection_cut_between_two_calls_is_not_noticed(
    postgresql: PostgreSQL, stored: Store, database: DatabaseBackend
) -> None:
    stored.server_state("prod-1", "active")
    postgresql.disconnect(database.name)
    assert stored.inventory().server_states == {"prod-1": "active"}


def test_what_a_cut_leaves_of_a_transaction_is_nothing(
    postgresql: PostgreSQL, stored: Store, database: DatabaseBackend
) -> None:
    number = stored.begin_pass("daemon", NOW, "1.0", "digest")
    with when_asked("UPDATE passes", lambda: postgresql.disconnect(database.name)):
        error = refusal(lambda: stored.record_outcome(number, outcome("lost"), NOW))
    assert "terminating connection" in error.what
    assert "try again" in error.advice
    assert stored.outcomes() == ()
    stored.record_outcome(number, outcome("kept"), NOW)
    assert [(p.done, p.failed) for p in stored.passes()] == [(1, 0)]


def test_a_cut_while_it_is_made_leaves_nothing_behind(postgresql: PostgreSQL, database: DatabaseBackend) -> None:
    database.make_empty()
    with when_asked("CREATE TABLE passes", lambda: postgresql.disconnect(database.name)):
        refused(database.url)
    assert database.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]
    with opened(database) as store:
        assert store.inventory() == NOTHING_REMEMBERED


# Others who use it


@pytest.mark.usefixtures("impatient")
def test_one_who_holds_the_tables_for_too_long_is_named_as_the_reason(
    postgresql: PostgreSQL, database: DatabaseBackend
) -> None:
    database.make_ready()
    with opened(database) as store, postgresql.connect(database.name) as holder:
        with holder.transaction():
            holder.execute("LOCK entries IN ACCESS EXCLUSIVE MODE")
            for call in (store.inventory, lambda: store.clear("instance", "acme", "prod-1")):
                error = refusal(call)
                assert "another process has held it for too long" in error.what
                assert "pg_stat_activity" in error.advice
        store.clear("instance", "acme", "prod-1")


@pytest.mark.usefixtures("impatient")
def test_one_who_migrates_for_too_long_is_named_as_the_reason(
    postgresql: PostgreSQL, database: DatabaseBackend
) -> None:
    database.make_empty()
    held = threading.Event()
    release = threading.Event()

    def hold() -> None:
        held.set()
        release.wait(10)

    with when_asked("CREATE TABLE passes", hold):
        maker = threading.Thread(target=lambda: opened(database).close())
        maker.start()
        assert held.wait(10)
        assert "another process has held it for too long" in refused(database.url).what
        release.set()
        maker.join()
    opened(database).close()


def test_a_store_that_is_deleted_while_it_is_open_is_missed_once_and_made_anew(
    stored: Store, database: DatabaseBackend
) -> None:
    number = [stored.begin_pass("daemon", NOW, "1.0", "digest") for _ in range(3)][-1]
    database.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    error = refusal(lambda: stored.record_outcome(number, outcome("missed"), NOW))
    assert "its tables are gone" in error.what
    stored.record_outcome(number, outcome("kept"), NOW)
    stored.end_pass(number, NOW)
    assert [o.code for o in stored.outcomes() if o.pass_id == number] == ["kept"]
    assert stored.inventory() == NOTHING_REMEMBERED
    assert stored.begin_pass("daemon", NOW, "1.0", "digest") > number


def test_a_database_that_is_dropped_while_it_is_open_is_said_until_it_is_there_again(
    postgresql: PostgreSQL, stored: Store, database: DatabaseBackend
) -> None:
    postgresql.drop(database.name)
    assert "does not exist" in refusal(stored.inventory).what
    database.make_empty()
    assert "its tables are gone" in refusal(stored.inventory).what
    assert stored.inventory() == NOTHING_REMEMBERED
