"""Forms of Odoo's database pages, which browsers send: what cannot be asked by a call, or not in that size.

Every answer of such a page is HTTP 200, whatever became of it; only the kind of the answer and its first bytes tell. A
form goes to the site that `Host` names, by which a `dbfilter` chooses.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlencode

from reconciler.core.failures import (
    HostError,
    ListingDisabled,
    MasterPasswordRefused,
    NoSuchDatabase,
    NotOdoo,
    ProxyFailure,
    Redirected,
    Rejected,
    UnexpectedAnswer,
)
from reconciler.odoo.protocol import Answer, Call, Request
from schemas.secrets import Secret

_SAID = re.compile(r"Database (?:backup|restore) error:\s*(.{0,2000}?)\s*<", re.DOTALL)
_TAKES_NO_FORM = "let server_url lead to Odoo itself, or let the proxy pass /web/database/backup from this machine"


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it is sent: to which page, for which site, about which database."""

    page: str
    database: str
    site: str
    master_password: Secret
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def call(self) -> Call:
        """What it is, for reports."""
        return Call("web", f"database/{self.page}", (self.master_password,), host=self.site)

    def request(self, base: str) -> Request:
        """Put it on the wire."""
        given = {"master_pwd": self.master_password.reveal(), "name": self.database, **self.fields}
        headers = {"content-type": "application/x-www-form-urlencoded", "host": self.site}
        return Request(f"{base}/web/database/{self.page}", headers, urlencode(given).encode(), fresh=True)


def refusal(answer: Answer) -> HostError | None:
    """Tell what a page answered in the place of a file; None if it answered with a file."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status == HTTPStatus.OK and kind == "application/octet-stream":
        return None
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return Redirected(f"the page for backups redirects (HTTP {answer.status})", advice=_TAKES_NO_FORM)
    said = _SAID.search(answer.body.decode("utf-8", "replace"))
    if said is not None:
        return _meaning(html.unescape(said[1]))
    if answer.status in {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.OK}:
        return UnexpectedAnswer(f"the page for backups answers neither a backup nor why not (HTTP {answer.status})")
    kind_of_failure = ProxyFailure if answer.status > HTTPStatus.INTERNAL_SERVER_ERROR else NotOdoo
    what = f"something before Odoo keeps its page for backups closed (HTTP {answer.status})"
    return kind_of_failure(what, advice=_TAKES_NO_FORM)


def _meaning(said: str) -> HostError:
    if "is not known" in said:
        return NoSuchDatabase("the page for backups does not know the database: its dbfilter leaves it out")
    if "disabled by the administrator" in said:
        return ListingDisabled(
            "the host has list_db = False", advice="databases can be backed up only with list_db = True"
        )
    if said.strip() in {"Access Denied", "Access denied"}:
        return MasterPasswordRefused("the page for backups refuses the master password")
    return Rejected(said)
