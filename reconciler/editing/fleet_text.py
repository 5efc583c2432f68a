"""The text of a fleet as something to write to: what a file would be with an edit, and what the fleet would be with that file.

Nothing is written here. A draft is the bytes of one file; whoever has judged it writes it, to a disk or into a commit.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.editing.edits import Change, edit, is_same, with_change
from reconciler.editing.layout import Neighbour, code_from, place_for
from reconciler.editing.spans import CannotEdit
from reconciler.fleet.declarations import is_code
from reconciler.fleet.documents import RawDocument
from reconciler.loading.fleet_directory import Loaded
from reconciler.loading.incremental import FileRead, FleetReader
from reconciler.loading.yaml_reader import read_documents
from reconciler.reports.documents import render_field

NAMED_BY = ("company", "name", "partner")
"""What a document that has no code is called by, in this order."""


class NoSuchDocument(Exception):
    """The text has no such document; the message names it."""


class AlreadyThere(Exception):
    """The text has such a document already, or there is no file left for it; the message says which."""


@dataclass(frozen=True, slots=True)
class FileDraft:
    """What one file would be.

    Args:
        kind: of the document that it is about.
        code: of that document.
        path: the file, as it would be opened.
        before: its bytes as they are; None if it is not there.
        after: its bytes as they would be.
        document: what the document would say.
    """

    kind: str
    code: str
    path: str
    before: bytes | None = field(repr=False)
    after: bytes = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    @property
    def is_change(self) -> bool:
        """Whether anything would be different."""
        return self.before != self.after


@dataclass(slots=True)
class FleetText:
    """The text of a fleet.

    Args:
        root: the fleet's directory.
    """

    root: Path
    _below: str = field(init=False)
    _reader: FleetReader = field(init=False)
    loaded: Loaded = field(init=False)

    def __post_init__(self) -> None:
        self._below = os.path.join(self.root, "")  # noqa: PTH118 -- with a separator at its end
        self._reader = FleetReader(self.root)
        self.loaded = self._reader.read()

    def read(self, root: Path) -> None:
        """Read the text anew, from another directory."""
        self.root, self._below = root, os.path.join(root, "")  # noqa: PTH118 -- as above
        self.loaded = self._reader.read(root)

    def document(self, kind: str, code: str) -> Mapping[str, Any]:
        """Return what a document says; raises what `edited` does."""
        return self._find(kind, code)[2].data or {}

    def edited(self, kind: str, code: str, changes: Sequence[Change]) -> FileDraft:
        """Return the file of a document with some of its fields changed.

        Raises:
            NoSuchDocument: there is no such document.
            CannotEdit: the file cannot be edited without changing anything else; or an instance would get another code, and its
                database stay behind under the one that it has.
        """
        file, index, document = self._find(kind, code)
        wanted: Mapping[str, Any] = document.data or {}
        for keys, value in changes:
            wanted = with_change(wanted, keys, value)
        if kind == "instance" and wanted.get("code") != code and wanted.get("renamed_from") != code:
            raise CannotEdit(
                f"another code is another customer, with a new and empty database: to rename it, set renamed_from={code} as well"
            )
        return FileDraft(kind, code, file.path, file.data, edit(file.data, index, changes), wanted)

    def added(self, kind: str, fields: Mapping[str, Any], taken: Collection[str] = ()) -> FileDraft:
        """Return a new file with a new document.

        Args:
            kind: of the document.
            fields: what it says; without a code, one is made of its company or its name.
            taken: codes that it may not be given.

        Raises:
            AlreadyThere: there is a document of this kind and code, or a file of each name that it could have.
            CannotEdit: it has neither a code nor anything that one can be made of.
        """
        code = fields.get("code")
        if code is None:
            called = next((fields[name] for name in NAMED_BY if isinstance(fields.get(name), str)), None)
            if called is None:
                raise CannotEdit(f"it has neither a code nor anything to make one of: {', '.join(NAMED_BY)}")
            code = code_from(called, {*self._names(), *taken})
            fields = {"name": called, **fields}
        if not isinstance(code, str):
            raise CannotEdit("'code' must be text")
        if any(
            document.kind == kind and document.code == code
            for file in self._reader.files
            for document in file.documents
        ):
            raise AlreadyThere(f"the fleet has {kind}/{code} already")
        document = {
            "kind": kind,
            "code": code,
            **{name: each for name, each in fields.items() if name not in {"kind", "code"}},
        }
        # What is no code is told as such when it is judged; it names no file.
        place = place_for(kind, code if is_code(code) else "new", map(self._neighbour, self._reader.files))
        path = "" if place is None else self._below + place.path
        if place is None or os.path.lexists(path):
            raise AlreadyThere(f"the files that {kind}/{code} could be written to are there already")
        lines = [place.modeline, *(render_field(name, each) for name, each in document.items())]
        text = "".join(f"{line}\n" for line in lines if line)
        data = text.encode("utf-8", "backslashreplace")
        read, problems = read_documents(path, data)
        if not problems and not is_same([each.data for each in read], [document]):
            raise CannotEdit("it holds a value that cannot be written as YAML")
        return FileDraft(kind, code, path, None, data, document)

    def judge(self, draft: FileDraft) -> Loaded:
        """Return what the whole fleet would be with a draft."""
        return self._reader.trial(draft.path, draft.after)

    def take(self, draft: FileDraft, loaded: Loaded) -> None:
        """Count a draft as written, with what became of the fleet by it."""
        self._reader.take(draft.path, draft.after)
        self.loaded = loaded

    def replaced(self, draft: FileDraft) -> dict[str, Any]:
        """Return what counted by default of fields that a draft writes for the first time, each as a whole.

        Nothing of a new document, of a fleet that is not valid as it is, and of what was empty or stays the same.
        """
        documents = {} if self.loaded.desired is None else self.loaded.desired.documents[draft.kind]
        if draft.before is None or draft.code not in documents:
            return {}
        written, counted = self.document(draft.kind, draft.code), documents[draft.code]
        new = {name: each for name, each in draft.document.items() if name not in written}
        plain = counted.model_dump(mode="json", by_alias=True, include=set(new))
        return {
            name: was for name, was in plain.items() if was not in (None, "", [], {}) and not is_same(was, new[name])
        }

    def relative(self, draft: FileDraft) -> str:
        """Return where a draft's file is, from the fleet's directory on."""
        return self._relative(draft.path)

    def _find(self, kind: str, code: str) -> tuple[FileRead, int, RawDocument]:
        for file in self._reader.files:
            for index, document in enumerate(file.documents):
                if document.kind == kind and document.code == code:
                    if document.data is None:
                        raise CannotEdit(f"{file.path} cannot be read: see `odoo-fleet validate`")
                    return file, index, document
        raise NoSuchDocument(f"the fleet has no {kind}/{code}")

    def _names(self) -> set[str]:
        """Return every name by which a document or its database may be known."""
        own = ("code", "database_name", "subdomain", "renamed_from", "template_db")
        data = (each.data or {} for file in self._reader.files for each in file.documents)
        return {name for document in data for each in own if isinstance(name := document.get(each), str)}

    def _neighbour(self, file: FileRead) -> Neighbour:
        return Neighbour(self._relative(file.path), [each.kind for each in file.documents], file.data)

    def _relative(self, path: str) -> str:
        # By its letters alone: thousands are asked for, and all lie below the directory that was read.
        return path[len(self._below) :]
