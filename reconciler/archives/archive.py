"""A backup as Odoo's page makes it, judged from its first byte to its last before anybody relies on it.

Odoo's answer does not tell whether it is whole: a worker that is killed while it sends ends it cleanly. So what is read here is
the end of the zip, the checksum of each member, the manifest, the dump to its end, and for each row of `ir_attachment` whether
its file came along. Memory is bounded by the number of those rows, about 100 bytes each.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from reconciler.archives.contents import Contents, file_key, file_name, noted
from reconciler.archives.dumps import pieces
from reconciler.archives.failures import NotSafe, NotWhole
from reconciler.archives.rewriting import rewritten
from reconciler.archives.zips import Member, Zip

DUMP, MANIFEST, FILES = "dump.sql", "manifest.json", "filestore/"
_LONGEST_MANIFEST = 4 * 1024 * 1024
_STORED_NAME = re.compile(r"filestore/[0-9a-zA-Z_-]+(?:/[0-9a-zA-Z_.-]+)*")
_NEEDED = ("public.ir_module_module", "public.res_users", "public.ir_config_parameter", "public.ir_attachment")
_TOLD = 1000


@dataclass(frozen=True, slots=True)
class Archive:
    """What a whole backup says of itself.

    Args:
        series: Odoo's, as in `19.0`.
        database: the name that it had.
        modules: installed modules with their versions.
        rows: rows by table, without `public.`.
        files: stored files that rows of attachments need.
        missing: those of them that did not come along: made while the backup was; a thousand are named at most.
        missing_count: how many that are.
        parameters: those that tell whose the database is.
    """

    series: str
    database: str
    modules: Mapping[str, str]
    rows: Mapping[str, int]
    files: int
    missing: tuple[str, ...] = ()
    missing_count: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict)


def read(file: BinaryIO) -> Archive:
    """Read an archive from beginning to end.

    Raises:
        NotWhole: it is cut, damaged, or no backup of an Odoo database with its files.
        NotSafe: it holds what no backup of Odoo's holds.
    """
    archive = Zip(file)
    dump, manifest = _named(archive)
    told = _read_manifest(_whole(archive, manifest))
    contents = Contents()
    for _ in noted(pieces(archive.read(dump)), contents):
        pass
    if absent := [table for table in _NEEDED if table not in contents.rows]:
        raise NotWhole(f"its dump has no {absent[0].removeprefix('public.')}: it is of no Odoo database")
    needed = len(contents.files)
    for member in archive.members():
        if member.name not in {DUMP, MANIFEST}:
            _read_through(archive, member)
            contents.files.discard(file_key(member.name.removeprefix(FILES)))
    missing = sorted(file_name(key) for key in list(contents.files)[:_TOLD])
    return Archive(
        series=told["major_version"],
        database=told["db_name"],
        modules=told["modules"],
        rows={table.removeprefix("public."): count for table, count in sorted(contents.rows.items())},
        files=needed,
        missing=tuple(missing),
        missing_count=len(contents.files),
        parameters=contents.parameters,
    )


def prepare(file: BinaryIO, origin: str) -> None:
    """Change an archive, in its file, so that its restore stops at the first error and wakes nothing; see `rewriting`.

    Args:
        file: an archive that was read; open for reading and writing.
        origin: noted in the restored database: where it came from.

    Raises:
        NotWhole, NotSafe: as `read`.
    """
    archive = Zip(file)
    dump, _ = _named(archive)
    archive.rewrite([(DUMP, rewritten(pieces(archive.read(dump)), origin))], without={DUMP})


def add(file: BinaryIO, files: Mapping[str, bytes]) -> None:
    """Add stored files to an archive, in its file, that were missing in it.

    Args:
        file: an archive that was read; open for reading and writing.
        files: contents by the name that their rows have. One whose name is not that of its content is passed over.
    """
    whole = {
        n: c for n, c in files.items() if n.partition("/")[2] == hashlib.sha1(c, usedforsecurity=False).hexdigest()
    }
    Zip(file).rewrite((f"{FILES}{name}", [content]) for name, content in whole.items())


def _named(archive: Zip) -> tuple[Member, Member]:
    """Return the dump and the manifest, after a look at the names of all members."""
    found: dict[str, Member] = {}
    for member in archive.members():
        if member.name in {DUMP, MANIFEST}:
            if member.name in found:
                raise NotSafe(f"{member.name} stands twice in it")
            found[member.name] = member
        elif not _is_stored_file(member.name):
            raise NotSafe("it holds a file that belongs to no backup, or that would be written elsewhere")
    if DUMP not in found:
        raise NotWhole("it has no dump.sql: it is no backup of an Odoo database")
    if MANIFEST not in found:
        raise NotWhole("it has no manifest.json: it is no backup of an Odoo database")
    return found[DUMP], found[MANIFEST]


def _whole(archive: Zip, manifest: Member) -> bytes:
    """Return the manifest whole, which is the one member that is kept in memory."""
    text = b""
    for part in archive.read(manifest):
        text += part
        if len(text) > _LONGEST_MANIFEST:
            raise NotSafe(f"its manifest.json is larger than {_LONGEST_MANIFEST // 1024 // 1024} MiB")
    return text


def _is_stored_file(name: str) -> bool:
    parts = name.removesuffix("/").split("/")
    return bool(_STORED_NAME.fullmatch(name.removesuffix("/"))) and ".." not in parts and "." not in parts


def _read_manifest(text: bytes) -> dict[str, Any]:
    try:
        told = json.loads(text)
        told["modules"] = {name: version or "" for name, version in dict(told["modules"]).items()}
        wanted = [told["major_version"], told["db_name"], *told["modules"], *told["modules"].values()]
    except (ValueError, KeyError, TypeError, RecursionError):
        told, wanted = {}, [None]
    if not all(isinstance(each, str) for each in wanted):
        raise NotWhole("its manifest.json is not that of a backup of an Odoo database")
    return dict(told)


def _read_through(archive: Zip, member: Member) -> None:
    for _ in archive.read(member):
        pass


def parts_of(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield a file from its beginning, in parts."""
    file.seek(0)
    while part := file.read(size):
        yield part
