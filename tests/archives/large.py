"""Members of archives that are of any size in no time: one part of zeros, packed once, written as often as is wanted."""

from __future__ import annotations

import zipfile
import zlib

PART = bytes(1 << 24)
"""16 MiB."""

_packer = zlib.compressobj(9, wbits=-15)
_PACKED = _packer.compress(PART) + _packer.flush(zlib.Z_FULL_FLUSH)


class _Repeated:
    """A compressor of nothing but this part."""

    def compress(self, _part: bytes) -> bytes:
        return _PACKED

    def flush(self) -> bytes:
        return bytes([3, 0])


def add_large(archive: zipfile.ZipFile, name: str, parts: int) -> None:
    """Add a member of so many parts."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(entry, "w", force_zip64=True) as large:
        large._compressor = _Repeated()  # type: ignore[attr-defined]
        for _ in range(parts):
            large.write(PART)
