"""The dump that a host is given: one transaction that stops at the first error and wakes nothing."""

import io
import zipfile

import pytest

from reconciler.archives.archive import prepare, read
from reconciler.archives.failures import NotSafe
from reconciler.archives.rewriting import rewritten
from tests.archives.samples import DUMP, KEPT, archive


def prepared(made: io.BytesIO) -> bytes:
    prepare(made, "main instance/acme 2026-11-29T02-30-00Z")
    with zipfile.ZipFile(made) as whole:
        assert whole.testzip() is None
        assert sorted(whole.namelist()) == sorted(["dump.sql", "manifest.json", "filestore/" + KEPT])
        assert whole.read("filestore/" + KEPT) == b"content of a file" * 20
        return whole.read("dump.sql")


def test_everything_after_the_settings_is_one_transaction_that_stops_at_an_error() -> None:
    dump = prepared(archive())
    settings, _, rest = dump.partition(b"\\set ON_ERROR_STOP on\nBEGIN;\n")
    assert b"SET check_function_bodies = false;" in settings
    assert b"CREATE" not in settings
    assert b"COPY" not in settings
    assert rest.startswith(b"CREATE EXTENSION")
    assert rest.endswith(b"COMMIT;\n")
    assert rest.count(b"COMMIT;") == 1


def test_all_that_the_dump_holds_is_restored() -> None:
    dump = prepared(archive())
    left = DUMP.replace(b"\\restrict qWe12\n", b"").replace(b"\\unrestrict qWe12\n", b"")
    assert dump.replace(b"\\set ON_ERROR_STOP on\nBEGIN;\n", b"").startswith(left)
    assert b"restrict" not in dump


def test_scheduled_actions_and_mail_servers_are_off_and_their_ids_kept() -> None:
    rest = prepared(archive()).partition(b"database dump complete")[2].decode()
    for table, key in (("ir_cron", "odoo_fleet.quiesced"), ("ir_mail_server", "odoo_fleet.quiesced_mail_servers")):
        assert f"UPDATE public.{table} SET active = false WHERE active;" in rest
        assert rest.index(f"SELECT id FROM public.{table} WHERE active") < rest.index(
            f"UPDATE public.{table} SET active"
        )
        assert f"WHERE key = '{key}'" in rest


def test_one_that_was_prepared_is_no_backup_any_more() -> None:
    """What it holds for psql is refused like anybody's: nobody takes one for the other."""
    made = archive()
    prepare(made, "x")
    with pytest.raises(NotSafe):
        read(made)


def test_what_is_noted_cannot_become_a_statement() -> None:
    with pytest.raises(ValueError, match="cannot stand in a dump"):
        list(rewritten(iter([]), "x'; DROP TABLE res_users; --"))
