"""What a plan says of steps whose name alone tells too little: which database, and what becomes of it."""

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Changeset
from reconciler.reports.changeset_markdown import render_changeset_markdown
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_text import render_plan
from tests.harness.universe import fleet, instance, read

ACME = read(fleet(instance("acme", server="one")))


def test_a_build_that_is_discarded_is_named_with_what_becomes_of_it() -> None:
    discard = Action(verbs.DISCARD, "instance", "acme", "one", Reason.INTERRUPTED, "switching.acme")
    changeset = Changeset((discard,))
    said = "switching.acme becomes trash-….acme: it was never in service"
    assert said in render_plan(changeset, ACME, Paper(width=200))
    assert "build `switching.acme` kept as `trash-….acme`: it was never in service" in render_changeset_markdown(
        changeset, ACME
    )
