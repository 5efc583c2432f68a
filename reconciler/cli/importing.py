"""`import`: YAML for what a host holds and no document declares. It writes files here, never over others, and nothing there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.naming import completing
from reconciler.cli.options import Common, RunOptions, common, reach_options
from reconciler.cli.sessions import Session, open_session
from reconciler.core.importing import Holding, Imported, ProposedDocument, propose
from reconciler.core.model.failures import HostUnreachable
from reconciler.core.model.names import DatabaseName
from reconciler.core.model.observed import ObservedHost
from reconciler.engine.surveying import survey
from reconciler.fleet.counting import count
from reconciler.fleet.desired import Desired
from reconciler.loading.credentials import BadCredentials, from_directory, read_credentials
from reconciler.loading.secrets import SecretResolver
from reconciler.reports.documents import render_passed_over, render_proposal
from reconciler.reports.escapes import visible
from schemas.adoption import Adoption
from schemas.references import FileSecret, KeyReference
from schemas.secrets import Secret

FORMAT = 1


@groups.command(
    "odoo-fleet import prod-1 --admin-password env:ODOO_ADMIN",
    "odoo-fleet import prod-1 --admin-password file:admin-password --out new",
    "odoo-fleet import prod-1 --credentials accounts.yaml",
)
@click.argument("words", metavar="SERVER", nargs=-1, required=True, shell_complete=completing("server"))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the files go (default: the fleet's directory).",
)
@click.option("--admin-login", metavar="LOGIN", help="Login of their account base.user_admin (default: admin).")
@click.option(
    "--admin-password",
    metavar="REFERENCE",
    help="Its password or an API key of it, by reference: env:NAME or file:PATH.",
)
@click.option(
    "--credentials",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="YAML that says for single databases what `adopt` takes: NAME: {admin_login: …, admin_password: {env: …}}.",
)
@reach_options
@common("text", "json")
def command(
    common: Common,
    options: RunOptions,
    words: tuple[str, ...],
    out: Path | None,
    admin_login: str | None,
    admin_password: str | None,
    credentials: Path | None,
) -> None:
    """Write documents for the databases of SERVER that no document declares, so that `plan` shows their adoption.

    What the given accounts open is written with its company, language, country, time zone, modules, base URL and owner;
    what they do not open is written as a comment. Each try is a login there, once; a right one leaves its row in the
    database's list of logins, and nothing else is written on the host. Files that exist are left as they are.
    """
    accounts = _Accounts.given(admin_login, admin_password, credentials)
    with open_session(common, options) as session:
        code = fleets.code_of(words, session.desired.servers, "server")
        holdings = interrupts.run(_survey(session, code, accounts))
    directory = out or common.fleet
    found = [_placed(holding, directory) for holding in holdings]
    imported = propose(session.desired, session.desired.servers[code], found)
    written = list(_write(imported, directory, code))
    if common.output == "json":
        screens.print_json(_document(session.desired, code, imported, written))
    else:
        _tell(code, imported, written)


@dataclass(frozen=True, slots=True)
class _Accounts:
    """What may open a database: its own, or else the one for all."""

    of_all: Adoption | None
    of: Mapping[str, Adoption]

    @staticmethod
    def given(login: str | None, password: str | None, credentials: Path | None) -> _Accounts:
        """Read the options; wrong usage if they say nothing that can be used."""
        if login is not None and password is None:
            raise click.UsageError("--admin-login goes with --admin-password")
        try:
            own = read_credentials(credentials) if credentials else {}
        except BadCredentials as error:
            raise click.UsageError(f"--credentials: {error}") from None
        if password is None:
            return _Accounts(None, own)
        reference = from_directory(_reference(password), Path.cwd())
        try:
            return _Accounts(Adoption(admin_login=login, admin_password=reference), own)
        except ValidationError:
            raise click.UsageError("--admin-login takes a login: one line, without space around it") from None

    def __call__(self, database: str) -> Adoption | None:
        return self.of.get(database, self.of_all)


def _reference(text: str) -> KeyReference:
    way, _, where = text.partition(":")
    try:
        if way in ("env", "file"):
            found: KeyReference = TypeAdapter(KeyReference).validate_python({way: where})
            return found
    except ValidationError:
        pass
    raise click.UsageError("--admin-password takes env:NAME or file:PATH, not the password itself")


async def _survey(session: Session, code: str, accounts: _Accounts) -> tuple[Holding, ...]:
    async with session.world() as world:
        host = world.hosts[code]
        seen = await host.look()
        if not seen.online:
            raise HostUnreachable(seen.problem, server=code)
        names = [name.text for name in _of_nobody(session.desired, seen, session.store.inventory().on(code))]
        secrets = SecretResolver(session.desired, os.environ, session.reach.root)

        def resolve(reference: KeyReference) -> Secret:
            return secrets.resolve(reference, "server", code, "import")

        return await survey(host, names, accounts, resolve)


def _of_nobody(desired: Desired, host: ObservedHost, remembered: Iterable[Any]) -> Iterator[DatabaseName]:
    known = {entry.target for entry in remembered}
    for name in host.databases:
        if not name.target or not (name.target in known or desired.declares(host.server, name.target)):
            yield name


def _placed(holding: Holding, directory: Path) -> Holding:
    """Name the file of a secret as the documents do, which lie in a folder of the directory."""
    reference = holding.adopt.admin_password if holding.adopt else None
    if holding.adopt is None or not isinstance(reference, FileSecret):
        return holding
    path = os.path.relpath(reference.file, directory.absolute() / "instances")
    return replace(holding, adopt=holding.adopt.model_copy(update={"admin_password": FileSecret(file=path)}))


def _write(imported: Imported, directory: Path, server: str) -> Iterator[tuple[Path, bool]]:
    """Write the files that are not there; yield each with whether it was written."""
    texts = {Path(f"{p.kind}s") / f"{p.code}.yaml": render_proposal(p) for p in imported.proposals}
    if imported.passed_over:
        texts[Path(f"not-imported-{server}.yaml")] = render_passed_over(imported, server)
    for path, text in texts.items():
        file = directory / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as opened:
                opened.write(text)
        except FileExistsError:
            yield file, False
        except OSError as error:
            raise click.ClickException(f"{file}: {error.strerror}") from error
        else:
            yield file, True


def _tell(code: str, imported: Imported, written: list[tuple[Path, bool]]) -> None:
    paper = screens.paper(screens.OUT)

    def say(sentence: str) -> None:
        click.echo("\n".join(paper.paragraph(visible(sentence))))

    if not imported.proposals and not imported.passed_over:
        say(f"{code} holds no database that no document declares.")
        return
    for file, is_new in written:
        say(f"{'wrote' if is_new else 'exists already, left as it is:'} {file}")
    closed = [p for p in imported.proposals if p.closed]
    paused = [p for p in imported.proposals if not p.closed and "paused" in p.fields]
    said = [
        f"{_of(imported.proposals, 'instance')} and {_of(imported.proposals, 'template')}",
        f"{len(closed)} as a comment, which says what is in the way" if closed else "",
        f"{len(paused)} paused: adopting it would change more than a password" if paused else "",
        f"{count(len(imported.passed_over), 'database')} that no document can adopt" if imported.passed_over else "",
    ]
    say(f"{'; '.join(filter(None, said))}. Read them, then `odoo-fleet validate` and `odoo-fleet plan`.")


def _of(proposals: Iterable[ProposedDocument], kind: str) -> str:
    return count(sum(p.kind == kind for p in proposals), kind)


def _document(
    desired: Desired, code: str, imported: Imported, written: list[tuple[Path, bool]]
) -> Mapping[str, object]:
    return {
        "format": FORMAT,
        "fleet": desired.settings.code,
        "server": code,
        "documents": [
            {
                "kind": p.kind,
                "code": p.code,
                "paused": "paused" in p.fields,
                "closed": p.closed or None,
                "remarks": list(p.remarks),
            }
            for p in imported.proposals
        ],
        "passed_over": [{"database": name, "reason": why} for name, why in imported.passed_over],
        "files": [{"path": str(path), "written": is_new} for path, is_new in written],
    }
