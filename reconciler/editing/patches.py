"""A document's fields as a program sends them: laid over what it says (RFC 7396), and what of a machine's own they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from reconciler.editing.edits import UNSET, Change, Keys
from reconciler.fleet.documents import Path
from schemas.backups import RestoreFrom
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
    yield from (path for path, each in _parts(part, above) if isinstance(each, LiteralSecret))


def of_the_machine(part: object, above: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield where a document names a file or a variable of the machine that reads it, and which."""
    for path, each in _parts(part, above):
        if isinstance(each, EnvSecret | FileSecret):
            yield path, str(each)
        elif isinstance(each, RestoreFrom) and each.archive is not None:
            yield (*path, "archive"), each.archive


def _parts(part: object, above: Path) -> Iterator[tuple[Path, BaseModel]]:
    if isinstance(part, BaseModel):
        if above:
            yield above, part
        for name in type(part).model_fields:
            yield from _parts(getattr(part, name), (*above, name))
    elif isinstance(part, list | tuple):
        for number, each in enumerate(part):
            yield from _parts(each, (*above, number))
    elif isinstance(part, Mapping):
        for name, each in part.items():
            yield from _parts(each, (*above, str(name)))
