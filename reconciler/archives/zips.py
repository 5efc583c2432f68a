"""Zip files read in the order of their directory, one member at a time, and given other members.

Python's own `zipfile` holds a record of each member (135 MiB for 200,000, measured), and a database can have a million files;
here the directory is read as it is needed. All that Odoo writes is read (stored and deflated members, zip64); what else there
is to the format is refused, since a host's reading of it could be another.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from reconciler.archives.failures import NotSafe, NotWhole

PART = 1024 * 1024
"""Bytes that are read at a time."""

_END = struct.Struct("<4s4H2LH")
_END64_PLACE = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LARGE, _LARGE_COUNT = 0xFFFFFFFF, 0xFFFF
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 0x1, 0x800
_VERSION_64 = 45
_LONGEST_DIRECTORY = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a zip; `record` is its entry in the directory as it stands there."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    place: int
    record: bytes


@dataclass(frozen=True, slots=True)
class _CentralDirectory:
    place: int
    length: int
    count: int


class Zip:
    """A zip file that is open for reading, from its beginning to its end.

    Raises:
        NotWhole: it has no end, or is no zip.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        self._directory = self._find_directory()

    def __len__(self) -> int:
        return self._directory.count

    def members(self) -> Iterator[Member]:
        """Yield the members in the order of the directory."""
        place, end = self._directory.place, self._directory.place + self._directory.length
        for _ in range(self._directory.count):
            head = self._at(place, _ENTRY.size)
            fields = _ENTRY.unpack(head)
            length = _ENTRY.size + sum(fields[10:13])
            record = self._at(place, length)
            place += length
            if fields[0] != b"PK\x01\x02" or place > end:
                raise NotWhole("the directory of its files is damaged")
            yield _member(record, fields)
        if place != end:
            raise NotWhole("the directory of its files is damaged")

    def read(self, member: Member) -> Iterator[bytes]:
        """Yield what a member holds, in parts, and compare it with its checksum at the end."""
        yield from self._unpacked(member, self._begin(member))

    def _begin(self, member: Member) -> int:
        fields = _LOCAL.unpack(self._at(member.place, _LOCAL.size))
        begin = member.place + _LOCAL.size
        name = self._at(begin, fields[9])
        if fields[0] != b"PK\x03\x04" or _decoded(name, fields[2]) != member.name or fields[3] != member.method:
            raise NotWhole(f"{member.name} stands twice in it, in two ways")
        return begin + int(fields[9]) + int(fields[10])

    def _unpacked(self, member: Member, begin: int) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == _DEFLATED else None
        left, crc, size = member.packed, 0, 0
        try:
            while left:
                part = self._at(begin + member.packed - left, min(PART, left))
                left -= len(part)
                while part:
                    data = part if unpacker is None else unpacker.decompress(part, PART)
                    part = b"" if unpacker is None else unpacker.unconsumed_tail
                    crc, size = zlib.crc32(data, crc), size + len(data)
                    if data:
                        yield data
        except zlib.error:
            raise NotWhole(f"{member.name} in it is damaged") from None
        if (crc, size) != (member.crc, member.size) or (unpacker is not None and not unpacker.eof):
            raise NotWhole(f"{member.name} in it is damaged")

    def rewrite(self, added: Iterable[tuple[str, Iterable[bytes]]], without: Collection[str] = ()) -> None:
        """Add members behind those that there are, and leave some out of the directory, in the file itself.

        What is added may be read from this very file. What is left out stays behind as bytes that no directory names. Cut
        short, the file is none that can be read.
        """
        with tempfile.TemporaryFile() as directory:
            count = 0
            for member in self.members():
                if member.name not in without:
                    directory.write(member.record)
                    count += 1
            place = self._directory.place
            self._file.truncate(place)
            for name, parts in added:
                entry, place = self._appended(name.encode(), place, parts)
                directory.write(entry)
                count += 1
            length = directory.tell()
            directory.seek(0)
            self._file.seek(place)
            shutil.copyfileobj(directory, self._file, PART)
        self._file.write(_end(place, length, count))
        self._size = self._file.tell()
        self._file.flush()
        self._directory = _CentralDirectory(place, length, count)

    def _appended(self, name: bytes, place: int, parts: Iterable[bytes]) -> tuple[bytes, int]:
        """Write a member at the end of the file; return its entry for the directory, and where it ends."""
        # Always with sizes of 64 bits: how large it becomes is known when it is written.
        head = (_VERSION_64, _UTF8, _DEFLATED, 0, 0x21)
        begin = at = place + _LOCAL.size + len(name) + 20
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS, level=1)
        crc = size = 0
        for part in parts:
            crc, size = zlib.crc32(part, crc), size + len(part)
            at = self._write(at, packer.compress(part))
        at = self._write(at, packer.flush())
        extra = struct.pack("<2H2Q", 1, 16, size, at - begin)
        self._write(place, _LOCAL.pack(b"PK\x03\x04", *head, crc, _LARGE, _LARGE, len(name), len(extra)) + name + extra)
        extra = struct.pack("<2H3Q", 1, 24, size, at - begin, place)
        rest = (crc, _LARGE, _LARGE, len(name), len(extra), 0, 0, 0, 0, _LARGE)
        return _ENTRY.pack(b"PK\x01\x02", _VERSION_64, *head, *rest) + name + extra, at

    def _write(self, place: int, data: bytes) -> int:
        """Write at a place, wherever the file was read last; return where that ends."""
        self._file.seek(place)
        return place + self._file.write(data)

    def _find_directory(self) -> _CentralDirectory:
        tail = self._at(max(0, self._size - _END.size), _END.size) if self._size >= _END.size else b""
        if not tail.startswith(b"PK\x05\x06"):
            raise NotWhole("it has no end: it was cut, or is no zip file")
        _, disk, of_directory, here, count, length, place, comment = _END.unpack(tail)
        if disk or of_directory or here != count or comment:
            raise NotWhole("its end is not that of a zip file as Odoo writes it")
        end = self._size - _END.size
        if _LARGE in {length, place} or count == _LARGE_COUNT:
            end -= _END64_PLACE.size
            mark, _, where, _ = _END64_PLACE.unpack(self._at(end, _END64_PLACE.size))
            fields = _END64.unpack(self._at(where, _END64.size))
            if mark != b"PK\x06\x07" or fields[0] != b"PK\x06\x06":
                raise NotWhole("its end is not that of a zip file as Odoo writes it")
            count, length, place = fields[7:10]
            end = where
        if place + length != end or length > _LONGEST_DIRECTORY:
            raise NotWhole("bytes are missing in it, or it has some too many")
        return _CentralDirectory(place, length, count)

    def _at(self, place: int, length: int) -> bytes:
        """Read at a place, which may be any number: it stands in the file."""
        if 0 <= place <= self._size:
            self._file.seek(place)
            data = self._file.read(length)
            if len(data) == length:
                return data
        raise NotWhole("it ends too early")


def _member(record: bytes, fields: tuple[int, ...]) -> Member:
    flags, method, crc, packed, size = fields[3], fields[4], fields[7], fields[8], fields[9]
    begin = _ENTRY.size + fields[10]
    name = _decoded(record[_ENTRY.size : begin], flags)
    packed, size, place = _large(record[begin : begin + fields[11]], size, packed, fields[16])
    if flags & _ENCRYPTED or method not in {_STORED, _DEFLATED}:
        raise NotSafe("it is packed or encrypted as Odoo packs none")
    return Member(name, method, crc, packed, size, place, record)


def _large(extra: bytes, size: int, packed: int, place: int) -> tuple[int, int, int]:
    """Return the sizes and the place of a member; those that do not fit stand, in this order, in its extra field."""
    values = [size, packed, place]
    while len(extra) >= 4 and _LARGE in values:  # noqa: PLR2004 -- a field's kind and length
        kind, length = struct.unpack_from("<2H", extra)
        if 4 + length > len(extra):
            raise NotWhole("the directory of its files is damaged")
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{length // 8}Q", extra, 4))
            values = [next(wide, value) if value == _LARGE else value for value in values]
            break
        extra = extra[4 + length :]
    return values[1], values[0], values[2]


def _decoded(name: bytes, flags: int) -> str:
    try:
        return name.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        raise NotSafe("it holds a file with a name that Odoo gives none") from None


def _end(place: int, length: int, count: int) -> bytes:
    where = place + length
    fields = (b"PK\x06\x06", _END64.size - 12, _VERSION_64, _VERSION_64, 0, 0, count, count, length, place)
    return (
        _END64.pack(*fields)
        + _END64_PLACE.pack(b"PK\x06\x07", 0, where, 1)
        + _END.pack(b"PK\x05\x06", 0, 0, _LARGE_COUNT, _LARGE_COUNT, _LARGE, _LARGE, 0)
    )
