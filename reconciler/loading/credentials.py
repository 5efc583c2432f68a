"""A file that says what opens databases: a mapping of their names to what `adopt` of a document takes. References, no secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from reconciler.fleet.diagnostics import Diagnostic
from reconciler.loading.discovery import FoundFile, read_file
from reconciler.loading.yaml_reader import read_documents
from schemas.adoption import Adoption
from schemas.references import FileSecret, KeyReference, LiteralSecret

_FILE = TypeAdapter(dict[str, Adoption])


class BadCredentials(ValueError):
    """The file does not say what opens which database. The message holds nothing that stands in it."""


def read_credentials(path: Path) -> Mapping[str, Adoption]:
    """Read the file; paths in it are relative to it, those returned are not.

    Raises:
        BadCredentials: it cannot be read, is not such a mapping, or holds a secret itself.
    """
    data = read_file(FoundFile(str(path), str(path)))
    if isinstance(data, Diagnostic):
        raise BadCredentials(f"{path}: {data.message}")
    try:
        found = _FILE.validate_python(_mapping(path, data))
    except ValidationError as error:
        places = sorted({".".join(str(part) for part in each["loc"][:2]) for each in error.errors(include_url=False)})
        raise BadCredentials(
            f"{path}: {', '.join(places)}: write NAME: {{admin_login: LOGIN, admin_password: {{env: VARIABLE}}}}"
        ) from None
    for name, account in found.items():
        if isinstance(account.admin_password, LiteralSecret):
            raise BadCredentials(f"{path}: {name} holds the secret itself: write {{env: NAME}} or {{file: PATH}}")
    return {name: _from(account, path.parent) for name, account in found.items()}


def _mapping(path: Path, data: bytes) -> object:
    """Read it as strictly as the fleet's text. What is wrong is named by place and kind: words would hold what stands there."""
    documents, problems = read_documents(str(path), data)
    unreadable = [each for each in problems if each.code != "not-a-mapping"]
    if unreadable:
        raise BadCredentials(
            f"{path} is not YAML that can be read: line {unreadable[0].range.line}, {unreadable[0].code}"
        )
    return [] if problems or len(documents) > 1 else next((each.data for each in documents), {})


def _from(account: Adoption, directory: Path) -> Adoption:
    return account.model_copy(update={"admin_password": from_directory(account.admin_password, directory)})


def from_directory(reference: KeyReference | None, directory: Path) -> KeyReference | None:
    """Return a reference whose path, if it names a file, no longer depends on where it is read."""
    if isinstance(reference, FileSecret):
        return reference.model_copy(update={"file": str((directory / reference.file).absolute())})
    return reference
