"""A language server as an editor has one: a program that is talked to over its standard input and output (LSP)."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

Json = dict[str, Any]


@dataclass
class LanguageServer:
    """A language server that was started, with the settings that an editor gives it.

    Args:
        command: what starts it.
        workspace: the directory that is open in the editor.
        settings: what it is answered when it asks for its configuration: section → settings.
    """

    command: Sequence[str | Path]
    workspace: Path
    settings: Json
    _asked: int = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._patience = threading.Timer(120, self._process.kill)  # or else a test would wait for what never comes
        self._patience.start()
        can = {"workspace": {"configuration": True}, "textDocument": {"hover": {"contentFormat": ["markdown"]}}}
        root = self.workspace.as_uri()
        folders = [{"uri": root, "name": self.workspace.name}]
        self._ask("initialize", {"processId": None, "rootUri": root, "workspaceFolders": folders, "capabilities": can})
        self._tell("initialized", {})
        return self

    def __exit__(self, *_why: object) -> None:
        self._patience.cancel()
        self._process.kill()
        self._process.communicate()

    def open(self, file: Path) -> list[tuple[int, str]]:
        """Open a file (once: it keeps what it has read), and return what is said of its lines (from 1 on)."""
        uri = file.as_uri()
        opened = {"uri": uri, "languageId": "yaml", "version": 1, "text": file.read_text()}
        self._tell("textDocument/didOpen", {"textDocument": opened})
        said = self._until(
            lambda message: (
                message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri
            )
        )
        return sorted((each["range"]["start"]["line"] + 1, each["message"]) for each in said["params"]["diagnostics"])

    def completions(self, file: Path, line: int, column: int) -> dict[str, str]:
        """Return what is offered there (both from 1 on): label → documentation."""
        offered = self._ask("textDocument/completion", _at(file, line, column))["items"]
        return {each["label"]: _text(each.get("documentation", "")) for each in offered}

    def hover(self, file: Path, line: int, column: int) -> str:
        """Return what is shown there (both from 1 on)."""
        return _text(self._ask("textDocument/hover", _at(file, line, column))["contents"])

    def _ask(self, method: str, params: Json) -> Any:
        self._asked += 1
        number = self._asked
        self._send({"id": number, "method": method, "params": params})
        return self._until(lambda message: message.get("id") == number and "method" not in message)["result"]

    def _tell(self, method: str, params: Json) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: Json) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self._process.stdin.flush()

    def _until(self, awaited: Callable[[Json], bool]) -> Json:
        """Read until what is awaited comes; answer what the server asks for in between."""
        while True:
            message = self._read()
            if "id" in message and "method" in message:
                items = message["params"].get("items", []) if message["method"] == "workspace/configuration" else []
                result = [self.settings.get(each.get("section")) for each in items]
                self._send({"id": message["id"], "result": result or None})
            if awaited(message):
                return message

    def _read(self) -> Json:
        out = self._process.stdout
        assert out is not None
        length = 0
        while line := out.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the language server ended"
        message: Json = json.loads(out.read(length))
        return message


def _at(file: Path, line: int, column: int) -> Json:
    return {"textDocument": {"uri": file.as_uri()}, "position": {"line": line - 1, "character": column - 1}}


def _text(shown: Any) -> str:
    return str(shown["value"]) if isinstance(shown, dict) else str(shown)
