"""A bucket of an S3-compatible store, by `obstore`.

A store shows an object when all of it is there: what is sent in parts is put together at the end, and a name never leads to
half of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from reconciler.core.model.failures import StorageFailure
from schemas.secrets import Secret

_PART = 8 * 1024 * 1024
_AT_ONCE = 2
"""Parts that are sent at a time: with their copies some 50 MiB of memory."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of an account of the store."""

    key_id: Secret
    secret: Secret


class Bucket:
    """Keeps backups in a bucket.

    Args:
        name: what the fleet calls it.
        bucket: the bucket.
        prefix: what all names in it begin with.
        endpoint: address of the store; empty for Amazon's.
        region: of the bucket.
        credentials: how to log in; None where anybody may.
    """

    def __init__(
        self, name: str, bucket: str, prefix: str, *, endpoint: str, region: str, credentials: Credentials | None
    ) -> None:
        self._name = name
        self._prefix = f"{prefix}/" if prefix else ""
        given: dict[str, str | bool] = {"region": region}
        if endpoint:
            given |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        if credentials is None:
            given |= {"skip_signature": True}
        else:
            given |= {"access_key_id": credentials.key_id.reveal(), "secret_access_key": credentials.secret.reveal()}
        options = {"allow_http": True} if endpoint.startswith("http://") else {}
        self._store = S3Store(bucket, config=given, client_options=options)  # type: ignore[arg-type] # options are one shape

    async def write(self, place: str, content: BinaryIO) -> None:
        """Keep a file, whole or not at all."""
        with self._failures():
            await obstore.put_async(
                self._store, self._prefix + place, content, chunk_size=_PART, max_concurrency=_AT_ONCE
            )

    async def read(self, place: str, into: BinaryIO) -> None:
        """Copy a file."""
        with self._failures():
            found = await obstore.get_async(self._store, self._prefix + place)
            async for part in found.stream(min_chunk_size=_PART):
                into.write(part)

    async def names(self, folder: str) -> list[str]:
        """List what lies below a folder."""
        names: list[str] = []
        with self._failures():
            async for page in obstore.list(self._store, (self._prefix + folder).rstrip("/")):
                names += [str(item["path"]).removeprefix(self._prefix) for item in page]
        return sorted(names)

    async def remove(self, place: str) -> None:
        """Remove a file, if it is there."""
        with self._failures(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, self._prefix + place)

    async def aclose(self) -> None:
        """Connections end by themselves."""

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise StorageFailure(f"backup target {self._name!r}: there is no such file, or no such bucket") from None
        except (BaseError, OSError) as error:
            raise StorageFailure(f"backup target {self._name!r}: {_kind(error)}", advice=_ADVICE) from None


_ADVICE = "look at its `url`, `endpoint`, `key_id` and `secret`"


def _kind(error: Exception) -> str:
    """Name a failure without the library's words, which quote requests and what the store answered."""
    return f"the store refuses or does not answer ({type(error).__name__})"
