"""An archive is whole, or it is refused with a sentence: cut anywhere, damaged anywhere, or of something else."""

import hashlib
import io
import json
import random
import struct
import tempfile
import zipfile

import pytest

from reconciler.archives.archive import add, read
from reconciler.archives.failures import NotSafe, NotWhole
from tests.archives.samples import ATTACHMENTS, DUMP, GONE, HEAD, KEPT, MANIFEST, TAIL, archive, rows


def test_a_whole_one_tells_its_version_its_rows_and_its_files() -> None:
    told = read(archive())
    assert (told.series, told.database, told.modules) == ("19.0", "acme", {"base": "19.0.1.3"})
    assert told.rows["res_users"] == 2
    assert told.rows["ir_attachment"] == 3
    assert told.rows["ir_mail_server"] == 0
    assert (told.files, told.missing_count) == (1, 0)


def test_files_that_did_not_come_along_are_named() -> None:
    told = read(archive(DUMP.replace(b"\\\\! id\t\\N", b"new\t" + GONE.encode())))
    assert (told.files, told.missing, told.missing_count) == (2, (GONE,), 1)


def test_what_was_missing_can_be_added_and_nothing_under_a_name_that_is_not_its_own() -> None:
    content = b"stored while the host packed"
    digest = hashlib.sha1(content).hexdigest()
    name = f"{digest[:2]}/{digest}"
    made = archive(DUMP.replace(b"\\! id\t\\N", b"new\t" + name.encode()))
    add(made, {GONE: b"another content"})
    assert read(made).missing == (name,)
    add(made, {name: content})
    assert read(made).missing == ()
    with zipfile.ZipFile(made) as whole:
        assert whole.testzip() is None
        assert whole.read(f"filestore/{name}") == content
        assert len(whole.namelist()) == 4


def test_one_that_is_cut_at_any_byte_is_refused() -> None:
    whole = archive().getvalue()
    for length in range(len(whole)):
        with pytest.raises(NotWhole):
            read(io.BytesIO(whole[:length]))


def test_one_with_bytes_behind_its_end_is_refused() -> None:
    with pytest.raises(NotWhole):
        read(io.BytesIO(archive().getvalue() + b"x"))


def test_any_damaged_bit_is_refused_or_changes_nothing_that_is_read() -> None:
    """Times and attributes of members say nothing of a database; everything else is under a checksum or compared."""
    whole = archive().getvalue()
    told, chance = read(io.BytesIO(whole)), random.Random(15)
    refused = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << chance.randrange(8)
        try:
            assert read(io.BytesIO(bytes(damaged))) == told, position
        except (NotWhole, NotSafe):
            refused += 1
    assert refused > 0.9 * len(whole)


_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LARGE = 0xFFFFFFFF


def end_at(place: int | None) -> bytes:
    """The end of a zip with its directory's place elsewhere, and the record that leads to it."""
    leading = b"" if place is None else struct.pack("<4sLQL", b"PK\x06\x07", 0, place, 1)
    return leading + _END.pack(b"PK\x05\x06", 0, 0, 1, 1, _LARGE, _LARGE, 0)


def with_extra(extra: bytes) -> bytes:
    """A zip whose members have their size and their place in an extra field."""
    entries = b""
    for name in (b"manifest.json", b"dump.sql"):
        fields = (45, 45, 0, 0, 0, 0, 0, 0, _LARGE, len(name), len(extra), 0, 0, 0, 0, _LARGE)
        entries += _ENTRY.pack(b"PK\x01\x02", *fields) + name + extra
    return entries + _END.pack(b"PK\x05\x06", 0, 0, 2, 2, len(entries), 0, 0)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(end_at(None), id="no-room-for-what-leads-to-its-directory"),
        *(pytest.param(end_at(place), id=f"at-{place:x}") for place in (0, 77, 1 << 62, 1 << 63, (1 << 64) - 1)),
        *(
            pytest.param(with_extra(struct.pack("<2H2Q", 1, 16, 4, place)), id=f"member-at-{place:x}")
            for place in (0, 1 << 62, 1 << 63, (1 << 64) - 1)
        ),
        *(
            pytest.param(with_extra(struct.pack("<2H", kind, length) + rest), id=f"extra-{kind}-{length}-{len(rest)}")
            for kind, length, rest in (
                (1, 0, b""),
                (1, 8, b"8 bytes."),
                (1, 16, b"8 bytes."),
                (1, 0xFFFF, b""),
                (7, 9, b""),
            )
        ),
    ],
)
def test_one_made_by_hand_whose_directory_leads_nowhere_is_refused(made: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(made)
        for each in (file, io.BytesIO(made)):
            with pytest.raises((NotWhole, NotSafe)):
                read(each)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (io.BytesIO(b""), "no end"),
        (io.BytesIO(b"<!DOCTYPE html><html>Database backup error: Access Denied</html>"), "no end"),
        (io.BytesIO(b"PGDMP\x01\x0e" + b"\0" * 400), "no end"),
        (archive(None), "no dump.sql"),
        (archive(manifest=None), "no manifest.json"),
        (archive(manifest=b"[]"), "manifest.json is not that"),
        (archive(manifest=b'{"major_version": 19, "db_name": "x", "modules": {}}'), "manifest.json is not that"),
        (archive(b""), "ends too early"),
        (archive(HEAD + TAIL), "it is of no Odoo database"),
        (archive(DUMP.replace(b"database dump complete", b"database dump")), "ends too early"),
        (archive(DUMP.replace(TAIL, b"") + b"SELECT pg_catalog.setval('public.x'"), "middle of a statement"),
        (archive(HEAD + ATTACHMENTS[:-6]), "middle of the rows of public.ir_attachment"),
    ],
)
def test_what_is_no_backup_is_told_from_one(made: io.BytesIO, why: str) -> None:
    with pytest.raises(NotWhole, match=why):
        read(made)


def test_a_dump_that_is_cut_at_any_byte_is_refused_though_its_zip_is_whole() -> None:
    last = DUMP.index(b"-- PostgreSQL database dump complete") + len(b"-- PostgreSQL database dump complete")
    for length in range(len(HEAD) - 60, last):
        with pytest.raises((NotWhole, NotSafe)):
            read(archive(DUMP[:length]))


@pytest.mark.parametrize(
    "name", ["../evil", "filestore/../../evil", "/etc/cron.d/evil", "filestore/ab/..", "filestore/a\\b", "odoo.conf"]
)
def test_a_file_that_would_be_written_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(NotSafe, match="written elsewhere"):
        read(archive(others=[(name, b"x")]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_second_dump_behind_the_one_that_was_read_is_refused() -> None:
    with pytest.raises(NotSafe, match="twice"):
        read(archive(others=[("dump.sql", b"\\! id\n")]))


def test_archives_of_more_than_4_gib_are_read() -> None:
    """Those have their sizes and places elsewhere; Python's zipfile writes them so when it is told to expect them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in (("dump.sql", DUMP), ("filestore/" + KEPT, b"x"), ("manifest.json", MANIFEST)):
            with made.open(name, "w", force_zip64=True) as member:
                member.write(content)
    assert read(file) == read(archive())


def test_more_than_65535_files_are_read() -> None:
    names = [f"{number % 256:02x}/{number % 256:02x}{number:038x}" for number in range(66_000)]
    lines = [f"{number}\t{name}\n".encode() for number, name in enumerate(names)]
    dump = HEAD + DUMP[len(HEAD) :].replace(ATTACHMENTS, rows("ir_attachment", ["id", "store_fname"], *lines))
    told = read(archive(dump, files=names[1:]))
    assert (told.files, told.missing) == (66_000, (names[0],))


def test_a_manifest_or_parameters_larger_than_any_are_refused_before_they_fill_the_memory() -> None:
    with pytest.raises(NotSafe, match="manifest"):
        read(archive(manifest=MANIFEST + b" " * (5 << 20)))
    many = [b"%d\todoo_fleet.%d\t%s\n" % (number, number, b"x" * 60_000) for number in range(100)]
    with pytest.raises(NotSafe, match="parameters"):
        read(archive(DUMP + rows("ir_config_parameter", ["id", "key", "value"], *many) + TAIL))


def test_long_names_of_files_are_told_apart_and_take_little_memory() -> None:
    names = [b"s3://bucket/%s/%d" % (b"x" * 60_000, number) for number in range(300)]
    lines = [b"%d\t%s\n" % pair for pair in enumerate(names)]
    dump = DUMP.replace(ATTACHMENTS, rows("ir_attachment", ["id", "store_fname"], *lines, *lines))
    told = read(archive(dump))
    assert told.files == told.missing_count == len(set(told.missing)) == 300
    assert max(map(len, told.missing)) < 200
    assert all(name.startswith("s3://bucket/xxx") for name in told.missing)


def test_what_is_refused_is_not_repeated_in_the_message() -> None:
    secret = "correct horse battery staple"
    made = archive(manifest=json.dumps({"db_name": secret}).encode(), others=[(secret, b"x")])
    with pytest.raises((NotSafe, NotWhole)) as refused:
        read(made)
    assert secret not in str(refused.value)
