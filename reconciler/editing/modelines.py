"""The line that leads an editor to the schema of a document: put before each document of a file that has none."""

from __future__ import annotations

import itertools
import re

_BEGINS = re.compile(rb"---(?=[ \t\r\n]|$)")
_BEGINS_ALONE = re.compile(rb"---[ \t]*(#.*)?[\r\n]*$")
_SAYS_NOTHING = re.compile(rb"[ \t]*(#.*)?[\r\n]*$|%|\.\.\.")
_MODELINE = re.compile(rb"\s*#\s*yaml-language-server\s*:")
_MARK = b"\xef\xbb\xbf"


def with_modelines(data: bytes, schema: str) -> bytes:
    """Put `# yaml-language-server: $schema=…` at the head of each document of a file.

    A document that has such a line keeps it, whatever it says; one that begins on the line of its `---` is left alone. All
    other bytes stay.

    Args:
        data: the file, YAML.
        schema: where the schema lies, from the file's directory.
    """
    mark = _MARK if data.startswith(_MARK) else b""
    lines = data[len(mark) :].splitlines(keepends=True)
    end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    modeline = b"# yaml-language-server: $schema=" + schema.encode() + end
    begins = [0, *(number for number, line in enumerate(lines) if _BEGINS.match(line)), len(lines)]
    written = [mark]
    for first, after in itertools.pairwise(begins):
        document = lines[first:after]
        head = document[:1] if document and _BEGINS.match(document[0]) else []
        body = document[len(head) :]
        is_alone = not head or _BEGINS_ALONE.match(head[0]) is not None
        is_led = any(map(_MODELINE.match, body)) or all(map(_SAYS_NOTHING.match, body))
        written += [*head, *([] if is_led or not is_alone else [modeline]), *body]
    return b"".join(written)
