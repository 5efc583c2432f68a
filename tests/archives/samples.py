"""Archives as Odoo makes them, small enough to be cut at every byte, and whatever a test wants in them."""

import io
import json
import zipfile
from collections.abc import Sequence

KEPT, GONE = "ab/" + "ab" * 20, "cd/" + "cd" * 20
HEAD = b'''\
--
-- PostgreSQL database dump
--

\\restrict qWe12

-- Dumped from database version 15.18
-- Dumped by pg_dump version 15.18

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;

--
-- Name: unaccent; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

SET default_tablespace = '';

CREATE FUNCTION public.quoted() RETURNS text LANGUAGE sql AS $_$ SELECT '\\d; COPY x (a) FROM stdin;' $_$;
CREATE TABLE public.res_users (
    id integer NOT NULL,
    "a ""name""" text DEFAULT E'a\\'b\\\\'::text
);
COMMENT ON COLUMN public.res_users.id IS 'it''s; a "thing" with \\ in it';
'''
TAIL = b"""\
SELECT pg_catalog.setval('public.res_users_id_seq', 12, true);
ALTER TABLE ONLY public.res_users ADD CONSTRAINT res_users_pkey PRIMARY KEY (id);

--
-- PostgreSQL database dump complete
--

\\unrestrict qWe12

"""


def rows(table: str, columns: Sequence[str], *lines: bytes) -> bytes:
    """The rows of a table as pg_dump writes them."""
    return f"COPY public.{table} ({', '.join(columns)}) FROM stdin;\n".encode() + b"".join(lines) + b"\\.\n\n\n"


ATTACHMENTS = rows(
    "ir_attachment",
    ["id", "name", "store_fname", '"group"'],
    b"1\ta \\\\.\t" + KEPT.encode() + b"\t\\N\n",
    b"2\t\\\\! id\t\\N\tx\n",
    b"\\N\tthe same\t" + KEPT.encode() + b"\tx\n",
)
TABLES = (
    ATTACHMENTS
    + rows("ir_config_parameter", ["id", "key", "value"], b"1\tdatabase.uuid\tu\n")
    + rows("ir_cron", ["id", "active"], b"7\tt\n")
    + rows("ir_mail_server", ["id", "active"])
    + rows("ir_module_module", ["id", "name"], b"1\tbase\n", b"2\tweb\n")
    + rows("res_users", ["id", '"a ""name"""'], b"1\tadmin\n", b"\\N\t\\N\n")
)
DUMP = HEAD + TABLES + TAIL
MANIFEST = json.dumps(
    {"odoo_dump": "1", "db_name": "acme", "major_version": "19.0", "modules": {"base": "19.0.1.3"}}
).encode()


def archive(
    dump: bytes | None = DUMP,
    *,
    files: Sequence[str] = (KEPT,),
    manifest: bytes | None = MANIFEST,
    others: Sequence[tuple[str, bytes]] = (),
) -> io.BytesIO:
    """A zip with these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in (("dump.sql", dump), *others, ("manifest.json", manifest)):
            if content is not None:
                made.writestr(name, content)
        for name in files:
            made.writestr("filestore/" + name, b"content of a file" * 20)
    return file
