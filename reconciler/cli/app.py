"""The group of all commands: which there are, and how their ends become exit codes.

A command's module is imported when that command runs, so that none pays for what another needs. The exit codes are fixed:
0 done or nothing to do, 1 invalid or failed, 2 changes pending (`plan --detailed-exitcode`), 64 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import click

from reconciler.cli import screens
from reconciler.cli.groups import LazyGroup
from reconciler.version import __version__

WRONG_USAGE = 64
INTERRUPTED = 130

_COMMANDS = {
    "validate": "All problems of the fleet's text; asks no host.",
    "plan": "What would be done, and why; changes nothing.",
    "apply": "Show the plan, ask, carry it out.",
    "daemon": "Reconcile until told to stop, from a directory or a git branch.",
    "status": "What is declared beside what is there.",
    "backup": "Back databases up, list what there is, prove that it comes back.",
    "restore": "A backup, or trash, in the place of what an instance has, or for one that has nothing.",
    "refresh": "Make a copy, or a template, anew, in the place of the one that is there.",
    "pause": "Leave one document, or the whole fleet, alone for a while.",
    "resume": "End a pause.",
    "forget": "No longer expect what a removed document had; it stays on its host.",
    "support": "A short-lived, logged way into a customer's database.",
    "first-password": "A link by which an instance's owner chooses a password.",
    "token": "Who may use the daemon's API and page.",
    "alerts": "Whether the channels that the daemon tells take messages.",
    "events": "What happened, like a log.",
    "history": "What happened to one document: when, why, by which commit.",
    "check": "The activation tests of one server.",
    "import": "Write documents for what a host holds and no document declares.",
    "place": "Where an instance would be placed, and why not elsewhere.",
    "drain": "Where the instances of a server would move to, as a patch of the text.",
    "rebalance": "Which few moves would make servers equally full again, as a patch of the text.",
    "render": "The proxy's map of host names to databases.",
    "secret": "One secret's value, or a new key.",
    "simulate": "Serve the fleet's loopback servers as simulated Odoo hosts.",
    "explain": "What a kind of documents, or a field, may say.",
    "new": "Write a new document, where those of its kind are.",
    "fmt": "Make the layout of the text regular, and nothing else of it.",
    "set": "Change fields of a document in the text, and nothing else of it.",
    "schema": "JSON Schema of the documents, for editors.",
}

_MODULES = {"import": "importing", "set": "setting", "first-password": "first_password"}
"""Where a command's name can be no module's."""


@click.group(
    cls=LazyGroup,
    modules={name: (f"reconciler.cli.{_MODULES.get(name, name)}", text) for name, text in _COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="odoo-fleet", message="%(prog)s %(version)s")
def commands() -> None:
    """Keep a fleet of Odoo databases as its YAML says.

    A fleet is text: servers, templates, plans and instances in YAML files below
    one directory. Start with `odoo-fleet validate`, then `plan`, then `apply`.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; whatever is said of a mistake goes to stderr."""
    try:
        code = commands.main(args=list(arguments), prog_name="odoo-fleet", standalone_mode=False)
    except click.Abort:
        screens.say("Interrupted.")
        return INTERRUPTED
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        screens.say(said.getvalue())
        return WRONG_USAGE if isinstance(error, click.UsageError) else error.exit_code
    return code if isinstance(code, int) else 0
