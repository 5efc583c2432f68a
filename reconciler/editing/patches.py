"""A document's fields as a program sends them: laid over what it says (RFC 7396), and what of a machine's own they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.editing.edits import UNSET, Change, Keys
from reconciler.fleet.documents import Path
from schemas.backups import RestoreFrom
from schemas.parts import parts_in
from schemas.references import EnvSecret, FileSecret, LiteralSecret


def changes_of(document: Mapping[str, Any], patch: Mapping[str, Any], above: Keys = ()) -> Iterator[Change]:
    """Yield what a patch changes: None takes a field out, a mapping is laid over one that is there, anything else replaces."""
    for name, value in patch.items():
        keys, present = (*above, name), document.get(name)
        if value is None:
            yield keys, UNSET
        elif isinstance(value, Mapping) and isinstance(present, Mapping) and value:
            yield from changes_of(present, value, keys)
        else:
            yield keys, without_nothing(value)


def without_nothing(value: Any) -> Any:
    """Return a value without the fields that hold None."""
    if isinstance(value, Mapping):
        return {name: without_nothing(each) for name, each in value.items() if each is not None}
    return value


def literals(part: object, above: Path = ()) -> Iterator[Path]:
    """Yield where a secret itself stands in a document."""
    return (path for path, _ in parts_in(part, (LiteralSecret,), above))


def of_the_machine(part: object, above: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield where a document names a file or a variable of the machine that reads it, and which."""
    for path, secret in parts_in(part, (EnvSecret, FileSecret), above):
        yield path, str(secret)
    for path, source in parts_in(part, (RestoreFrom,), above):
        if source.archive is not None:
            yield (*path, "archive"), source.archive
