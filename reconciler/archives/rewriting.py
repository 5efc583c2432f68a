r"""A dump made fit to be restored by a host that cannot be trusted to restore it.

A host runs psql without ON_ERROR_STOP: a bad row empties a table, a cut dump leaves half a database, and both are told as done.
And its scheduled actions begin while the rows are still coming in: mail is sent, files are written where the files of the
backup are to go. So the dump becomes one transaction that stops at the first error and ends with what would wake held back,
the way that this tool holds it back (`odoo_fleet.quiesced`: ids that are added to, never overwritten).

It gets another uuid in the same transaction: a host whose worker dies goes on restoring without it, and what is left then is
known for a copy by its mark, which has the uuid of the original.

Between the settings at the head and the first statement goes the beginning, since a newer pg_dump sets what an older server
does not know, which must not stop it. `\restrict` and `\unrestrict` go: older versions of psql do not know them, and newer ones
would refuse `\set` behind them.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.archives.dumps import Kind, Piece

BEGINNING = b"\\set ON_ERROR_STOP on\nBEGIN;\n"

_HELD = """
INSERT INTO public.ir_config_parameter (key, value, create_date, write_date)
SELECT '{key}', '', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
WHERE NOT EXISTS (SELECT 1 FROM public.ir_config_parameter WHERE key = '{key}');
UPDATE public.ir_config_parameter SET value = (
    SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '') FROM (
        SELECT id FROM public.{table} WHERE active
        UNION SELECT held::integer FROM regexp_split_to_table(value, ',') AS held WHERE held ~ '^[0-9]{{1,9}}$') AS ids)
WHERE key = '{key}';
UPDATE public.{table} SET active = false WHERE active;
"""
_NOTE = """
UPDATE public.ir_config_parameter SET value = md5(random()::text || clock_timestamp()::text)::uuid::text
WHERE key = 'database.uuid';
INSERT INTO public.ir_config_parameter (key, value, create_date, write_date)
VALUES ('odoo_fleet.restored_from', '{origin}', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
DROP FUNCTION IF EXISTS public.odoo_fleet_asleep() CASCADE;
DELETE FROM public.ir_config_parameter WHERE key = 'odoo_fleet.asleep';
"""
HELD_BACK = {"ir_cron": "odoo_fleet.quiesced", "ir_mail_server": "odoo_fleet.quiesced_mail_servers"}
"""By table of what wakes by itself or lets mail out, the parameter that keeps the ids of those that were active."""


def rewritten(dump: Iterator[Piece], origin: str) -> Iterator[bytes]:
    """Yield the bytes of the dump as it is to be restored.

    Args:
        dump: its pieces.
        origin: what the restored database notes of where it came from: letters, digits and ` ./:-` alone.
    """
    if not all(each.isalnum() or each in " ./:_-" for each in origin):
        raise ValueError("this cannot stand in a dump")
    tables: set[str] = set()
    begun = False
    for piece in dump:
        if not begun and piece.kind in {Kind.STATEMENT, Kind.COPY}:
            begun = True
            yield BEGINNING
        if piece.kind is Kind.COPY:
            tables.add(piece.table.removeprefix("public."))
        if piece.kind is not Kind.COMMAND:
            yield piece.data
    held = [_HELD.format(key=key, table=table) for table, key in HELD_BACK.items() if table in tables]
    yield "".join([*held, _NOTE.format(origin=origin), "COMMIT;\n"]).encode()
