"""Forms of Odoo's database pages, which browsers send: what cannot be asked by a call, or not in that size.

Every answer of such a page is HTTP 200, whatever became of it; only the kind of the answer and its first bytes tell. A
form goes to the site that `Host` names, by which a `dbfilter` chooses.
"""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import urlencode

from reconciler.core.model.failures import (
    CutOff,
    HostError,
    ListingDisabled,
    MasterPasswordRefused,
    NoSuchDatabase,
    NotOdoo,
    ProxyFailure,
    Redirected,
    Rejected,
    UnexpectedAnswer,
    UnknownOutcome,
)
from reconciler.odoo.protocol import LOOK, Answer, Call, Request, Upload
from schemas.secrets import Secret

_PART = 1024 * 1024
_SAID = re.compile(r"Database (?:backup|restore) error:\s*(.{0,2000}?)\s*<", re.DOTALL)
_TAKES_NO_FORM = "let server_url lead to Odoo itself, or let the proxy pass /web/database from this machine"


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it is sent: to which page, about which database, for which site (empty: the host's own), with which file."""

    page: str
    database: str
    site: str
    master_password: Secret
    fields: dict[str, str] = field(default_factory=dict)
    file: BinaryIO | None = None

    @property
    def call(self) -> Call:
        """What it is, for reports."""
        return Call("web", f"database/{self.page}", (self.master_password,), host=self.site)

    def request(self, base: str) -> Request:
        """Put it on the wire."""
        given = {"master_pwd": self.master_password.reveal(), "name": self.database, **self.fields}
        url, site = f"{base}/web/database/{self.page}", {"host": self.site} if self.site else {}
        if self.file is None:
            headers = {"content-type": "application/x-www-form-urlencoded", **site}
            return Request(url, headers, urlencode(given).encode(), fresh=True)
        boundary = f"odoo-fleet-{secrets.token_hex(16)}"
        upload = _with_file(given, self.file, boundary)
        headers = {
            "content-type": f"multipart/form-data; boundary={boundary}",
            "content-length": str(upload.length),
            **site,
        }
        return Request(url, headers, b"", fresh=True, upload=upload)


def _with_file(given: Mapping[str, str], file: BinaryIO, boundary: str) -> Upload:
    """Put fields and a file into one body, of which only parts are held at a time."""
    line = '--{}\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    fields = "".join(line.format(boundary, name, "") + value + "\r\n" for name, value in given.items())
    head = (fields + line.format(boundary, "backup_file", '; filename="backup.zip"')).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()

    def parts() -> Iterator[bytes]:
        yield head
        file.seek(0)
        while part := file.read(_PART):
            yield part
        yield tail

    return Upload(len(head) + file.seek(0, 2) + len(tail), parts)


def not_restored(answer: Answer) -> HostError | None:
    """Tell what the page for restores answered; None if it says that it is done, which proves nothing."""
    done = answer.status == HTTPStatus.SEE_OTHER and answer.headers.get("location", "").endswith(
        "/web/database/manager"
    )
    if answer.status > HTTPStatus.INTERNAL_SERVER_ERROR:
        # 502: it found nobody, or lost whom it had asked; 504: it lost patience, and the host goes on.
        lost = CutOff if answer.status == HTTPStatus.BAD_GATEWAY else UnknownOutcome
        return lost(f"a proxy answers in the host's place: HTTP {answer.status}", advice=LOOK)
    return None if done else refusal(answer) or UnexpectedAnswer("the page for restores answers with a file")


def refusal(answer: Answer) -> HostError | None:
    """Tell what a page answered in the place of a file; None if it answered with a file."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status == HTTPStatus.OK and kind == "application/octet-stream":
        return None
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return Redirected(f"its page redirects (HTTP {answer.status})", advice=_TAKES_NO_FORM)
    said = _SAID.search(answer.body.decode("utf-8", "replace"))
    if said is not None:
        return _meaning(html.unescape(said[1]))
    if answer.status in {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.OK}:
        return UnexpectedAnswer(f"its page answers neither what was asked for nor why not (HTTP {answer.status})")
    kind_of_failure = ProxyFailure if answer.status > HTTPStatus.INTERNAL_SERVER_ERROR else NotOdoo
    what = f"something before Odoo keeps its pages for databases closed (HTTP {answer.status})"
    return kind_of_failure(what, advice=_TAKES_NO_FORM)


def _meaning(said: str) -> HostError:
    if "is not known" in said:
        return NoSuchDatabase("the page for backups does not know the database: its dbfilter leaves it out")
    if "disabled by the administrator" in said:
        return ListingDisabled(
            "the host has list_db = False", advice="databases can be backed up and restored only with list_db = True"
        )
    if said.strip() in {"Access Denied", "Access denied"}:
        return MasterPasswordRefused("its page refuses the master password")
    return Rejected(said)
