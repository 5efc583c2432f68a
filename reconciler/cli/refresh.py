"""`refresh`: a copy of an instance, or a template, is made anew and takes the place of the one that is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import click

from reconciler.cli import fleets, groups, screens
from reconciler.cli.apply import perform, require_terminal
from reconciler.cli.naming import address_of, completing
from reconciler.cli.options import Common, Confirmed, RunOptions, common, confirmed, document_options, runs_hooks
from reconciler.cli.plan import make_plan, show_plan
from reconciler.cli.sessions import begin_session, given_aim
from reconciler.core.model import verbs
from reconciler.core.policies.replacements import Replacing

NOT_DONE = 1
_KINDS = ("instance", "template")
_PLANNED = (verbs.COPY, verbs.REPLACE, verbs.CREATE, verbs.REBUILD)


@groups.command("odoo-fleet refresh acme-staging")
@click.argument(
    "words", metavar="COPY|TEMPLATE", nargs=-1, required=True, shell_complete=completing("instance", "template")
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@confirmed
@document_options
@runs_hooks
@common("text", "json")
def command(common: Common, options: RunOptions, confirmed: Confirmed, *, words: Sequence[str], yes: bool) -> int:
    """Make COPY, an instance with `clone_of`, or TEMPLATE anew: show the plan, ask, carry it out.

    The new one is made and proven under a building name, a copy neutralized, while the present one stays in service. Then that
    becomes trash, with all that was tried in it; a copy can come back from there: `odoo-fleet restore COPY --from-trash NAME`.
    A template is built anew on each of its servers, also where somebody has changed it by hand.
    """
    require_terminal(yes=yes)
    desired = fleets.load(common)
    addresses = {f"{kind}/{code}" for kind in _KINDS for code in desired.documents[kind]}
    address = address_of(words, addresses, _KINDS)
    kind, _, code = address.partition("/")
    fleets.require(code, desired.documents[kind], f"the fleet has no {kind} {code!r}")
    if kind == "instance" and desired.instances[code].clone_of is None:
        raise click.UsageError(f"{address} is no copy: its document has no `clone_of`")
    whole = replace(options, targets=(address,), refresh=not options.shallow)
    aim = given_aim(desired, whole, confirmed)
    # It is a copy: what it was made of is backed up, and what was tried in it lies in the trash.
    aim = replace(aim, limits=replace(aim.limits, replacing=Replacing(code, backup_first=False, kind=kind)))
    with begin_session(common, options.store, desired, aim) as session:
        planned = make_plan(session)
        if not any(action.verb in _PLANNED for action in planned.changeset.actions):
            show_plan(planned, session, screens.ERR)
            screens.say(f"{address} cannot be made anew: what stands above is in the way, or it is absent.")
            return NOT_DONE
        return perform(session, planned, common, yes=yes)
