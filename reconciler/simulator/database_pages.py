"""Odoo's pages for backups and restores: forms that are answered with HTTP 200 and a page whatever goes wrong.

A 19 backs up only what its `dbfilter` serves under the Host asked; a 14 whatever there is. Neither looks at the name of what it
restores.
"""

from __future__ import annotations

import email.parser
import email.policy
import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from . import dumping, shipped, wire
from .errors import Failure

if TYPE_CHECKING:
    from .machine import Machine
    from .wire import HttpRequest, HttpResponse


async def answer(host: Machine, request: HttpRequest) -> HttpResponse:
    """Answer one of these forms."""
    what = request.path.rpartition("/")[2]
    try:
        return await _PAGES[what](host, request, _fields(request))
    except Failure as problem:
        text = html.escape(f"Database {what} error: {problem.message}")
        return wire.html_response(f'<!DOCTYPE html>\n<html><body>\n<div class="alert">{text}</div>\n</body></html>\n')
    finally:
        if host.alive:
            host.save()


async def _require_master(host: Machine, fields: Mapping[str, Any]) -> None:
    await host.pause(host.costs.master)
    if not host.list_db:
        raise Failure("odoo.exceptions.AccessError", "The database manager has been disabled by the administrator")
    if not fields.get("master_pwd") or fields["master_pwd"] != host.spec.master_password:
        raise Failure("odoo.exceptions.AccessDenied", "Access Denied")


async def _backup(host: Machine, request: HttpRequest, fields: Mapping[str, Any]) -> HttpResponse:
    await _require_master(host, fields)
    name = str(fields.get("name"))
    if shipped.since(host.version, 19) and name not in host.served(request.header("host")):
        raise Failure("builtins.Exception", f"Database {name!r} is not known")
    packed = await dumping.archive(host, name)
    return wire.HttpResponse(200, {"Content-Type": "application/octet-stream; charset=binary"}, packed)


async def _restore(host: Machine, _request: HttpRequest, fields: Mapping[str, Any]) -> HttpResponse:
    await _require_master(host, fields)
    is_copy = str(fields.get("copy", "")).lower() in {"1", "true", "t", "y", "yes", "on"}
    # Any text is taken for yes; a host that is too old passes over it.
    is_neutral = bool(fields.get("neutralize_database")) and host.neutralizes
    data = fields.get("backup_file", b"")
    await dumping.unpack(host, str(fields.get("name")), data, is_copy=is_copy, is_neutral=is_neutral)
    return wire.html_response("<title>Redirecting...</title>\n", 303, {"Location": "/web/database/manager"})


_PAGES = {"backup": _backup, "restore": _restore}
PATHS = frozenset(f"/web/database/{what}" for what in _PAGES)


def _fields(request: HttpRequest) -> Mapping[str, Any]:
    kind = request.header("content-type")
    if not kind.startswith("multipart/"):
        return {name: values[-1] for name, values in parse_qs(request.body.decode(), keep_blank_values=True).items()}
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    parts = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
    found: dict[str, Any] = {}
    for part in parts.iter_parts():
        content = part.get_payload(decode=True) or b""
        assert isinstance(content, bytes)
        name = str(part.get_param("name", header="content-disposition"))
        found[name] = content if part.get_filename() else content.decode()
    return found
