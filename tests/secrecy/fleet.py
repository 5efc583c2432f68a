"""A fleet that has a secret of every kind in every place that can hold one, with values that are easy to recognise."""

from __future__ import annotations

import socket
from pathlib import Path

from reconciler.fleet.secrets import derive, parse_key

KEY = 'key-of-"secrecy"-<&é>-\\-' + "k" * 24
MASTER_19 = 'ma5ter-nineteen"<&\\é>'
MASTER_14 = "ma5ter-fourteen'<%2F>&"
SERVER_PASSWORD = "5erver-password<>&-of-the-text"
DB_PASSWORD = "d4tabase-password-in-a-file'\""
LITERAL = 'l1teral "password" <in> the & text \\ é'
OTHER_LITERAL = "l1teral-password-that-nobody-knows"
OWNER = "0wner-first-password-é-&"
WRONG_MASTER = "wr0ng-master-<password>"
THEIRS = "the1r-password-until-now-é<&>"
WRONG_THEIRS = "n0-longer-their-password"
IN_A_URL = "cr3dentials-in-an-address"

ENVIRONMENT = {
    "SECRECY_KEY": KEY,
    "SECRECY_MASTER": MASTER_19,
    "SECRECY_OWNER": OWNER,
    "SECRECY_WRONG": WRONG_MASTER,
    "SECRECY_THEIRS": THEIRS,
    "SECRECY_WRONG_THEIRS": WRONG_THEIRS,
}


def derived(address: str, generation: int = 1, what: str = "admin_password") -> str:
    kind, _, code = address.partition("/")
    return derive(parse_key(KEY), kind, code, what, generation).reveal()


SECRETS = {
    "key": KEY,
    "master of 19": MASTER_19,
    "master of 14": MASTER_14,
    "server_password": SERVER_PASSWORD,
    "db_password": DB_PASSWORD,
    "literal": LITERAL,
    "other literal": OTHER_LITERAL,
    "owner": OWNER,
    "wrong master": WRONG_MASTER,
    "in an address": IN_A_URL,
    "theirs": THEIRS,
    "wrong theirs": WRONG_THEIRS,
    **{
        f"derived for {a} {g}": derived(a, g)
        for a in ("template/base", "instance/acme", "instance/beta")
        for g in (1, 2)
    },
}

TEXT = """\
kind: fleet
format: 1
code: secrecy
secret_key: {{env: SECRECY_KEY}}
allow_literal_secrets: true
---
kind: server
code: new
server_url: http://127.0.0.1:{new}
odoo_version: "19.0"
master_password: {{env: SECRECY_MASTER}}
server_username: somebody
server_password: {server_password}
state: active
domain: example.com
---
kind: server
code: old
server_url: http://127.0.0.1:{old}
odoo_version: "14.0"
master_password: {{file: secrets/master}}
db_password: {{file: secrets/database}}
state: active
domain: example.org
---
kind: template
code: base
servers: [new, old]
modules: [base, web, mail]
---
kind: plan
code: starter
---
kind: instance
code: acme
template: base
plan: starter
server: new
owner: {{name: Boss, login: boss@acme.example, initial_password: {{env: SECRECY_OWNER}}}}
---
kind: instance
code: beta
template: base
plan: starter
server: old
owner: {{name: Boss, login: boss@beta.example}}
---
kind: instance
code: gamma
template: base
plan: starter
server: new
admin_password: {literal}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def write(root: Path) -> Path:
    """Write the fleet and the files of its secrets; returns its directory."""
    directory = root / "fleet"
    (directory / "secrets").mkdir(parents=True)
    (directory / "secrets" / "master").write_text(MASTER_14 + "\n")
    (directory / "secrets" / "database").write_text(DB_PASSWORD)
    quoted = {name: _quoted(text) for name, text in (("server_password", SERVER_PASSWORD), ("literal", LITERAL))}
    (directory / "fleet.yaml").write_text(TEXT.format(new=free_port(), old=free_port(), **quoted))
    return directory


def edit(directory: Path, old: str, new: str) -> None:
    """Change the fleet's text."""
    text = (directory / "fleet.yaml").read_text()
    assert old in text
    (directory / "fleet.yaml").write_text(text.replace(old, new))


def add(directory: Path, document: str) -> None:
    """Declare one thing more."""
    with (directory / "fleet.yaml").open("a") as file:
        file.write("---\n" + document)


def redeclare_literal(directory: Path) -> None:
    """Declare another password that no database has."""
    edit(directory, _quoted(LITERAL), OTHER_LITERAL)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
