"""A kind of documents that is added from outside is read, counted, planned, paused and shown, with no edit anywhere else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import pytest
import yaml
from pydantic import Field

from reconciler.access.roles import Role
from reconciler.core.deciding import Limits
from reconciler.core.diffs import fleet_diffs
from reconciler.core.diffs.drafts import Draft
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.pauses import Pause, in_force
from reconciler.core.model.selection import Selection
from reconciler.core.model.verbs import VERBS, Verb
from reconciler.core.revisions import compare
from reconciler.fleet.desired import resolve
from reconciler.loading.yaml_reader import read_documents
from reconciler.planfile.saved_changesets import document_digests
from reconciler.reports.changeset_markdown import render_changeset_markdown
from reconciler.reports.fleet_reference import render_fleet_reference
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_json import plan_document
from reconciler.reports.plan_text import render_plan
from reconciler.reports.status import status
from reconciler.reports.status_json import status_document
from reconciler.reports.status_tables import status_tables
from reconciler.reports.validation import validation_document, validation_text
from reconciler.telemetry.metrics import Metrics
from schemas.document import Pausable
from schemas.json_schema import json_schema
from schemas.kinds import KINDS
from schemas.texts import Code
from tests.cli.world import ENVIRONMENT, serving
from tests.daemon.stage import Stage
from tests.harness.universe import fleet, instance, read, universe
from tests.harness.virtual_time import EPOCH, run
from tests.telemetry.scenes import NOW, STANDING
from tests.web.asked import Asked
from tests.web.visits import Browser, visiting


class Note(Pausable):
    """What somebody wants to remember of an instance."""

    refers: ClassVar[Mapping[str, str]] = {"instance": "instance"}
    withheld: ClassVar[str] = "nobody pins it up"

    kind: Literal["note"] = Field(description="What this document declares.", examples=["note"])
    instance: Code = Field(description="Of which instance.", examples=["acme"])


@pytest.fixture(autouse=True)
def _note(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A kind `note`, each of which is to be pinned up."""
    pin = Verb("pin", stage=1000, symbol="~", goal="pin up", happens="pinned up", new="not there yet")

    def plan_pins(draft: Draft) -> None:
        for code in draft.desired.documents["note"]:
            draft.plan(Action(pin, "note", code, "one", Reason.DECLARED))

    monkeypatch.setitem(KINDS, "note", Note)
    fleet_diffs.PLANNERS.append(plan_pins)
    yield
    fleet_diffs.PLANNERS.remove(plan_pins)
    del VERBS["pin"]


def note(code: str = "call", **fields: object) -> str:
    lines = [f"{name}: {value}" for name, value in ({"instance": "acme"} | fields).items()]
    return "\n".join(["kind: note", f"code: {code}", *lines]) + "\n"


TEXT = fleet(instance("acme"), note(name="Call them"))


def problems(*documents: str) -> list[tuple[str, str]]:
    raw, _ = read_documents("fleet.yaml", fleet(instance("acme"), *documents).encode())
    return [(d.code, d.message) for d in resolve(raw)[1]]


def test_it_is_judged_as_every_other() -> None:
    assert problems(note()) == []
    assert problems(note(instance="nobody")) == [("unknown-instance", "no instance 'nobody'")]
    assert problems(note(colour="red"))[0][0] == "unknown-field"
    assert problems(note(), note())[0] == ("duplicate-code", "a second note with the code 'call'")


def test_what_validates_the_text_counts_it() -> None:
    desired = read(TEXT)
    assert validation_text("no problems", desired).endswith("1 plan, 1 instance, 1 note.")
    assert validation_document([], desired)["declared"]["notes"] == 1


def test_a_plan_of_any_form_tells_what_is_done_to_it() -> None:
    desired, planned = read(TEXT), run(universe().plan(TEXT))
    changes = planned.changeset
    assert "~ pin note/call" in render_plan(changes, desired, Paper())
    assert "`call`" in render_changeset_markdown(changes, desired)
    assert "pin note/call on one" in {each["id"] for each in plan_document(changes, "demo")["actions"]}
    only = run(universe().plan(TEXT, Limits(Selection(frozenset({"note/call"}))))).changeset
    assert [action.address for action in only.actions] == ["note/call"]


def test_a_pause_holds_it_back() -> None:
    paused = TEXT.replace("Call them", "Call them\npaused: true")
    (withheld,) = run(universe().plan(paused)).changeset.withheld
    assert (withheld.action.address, withheld.why[:19]) == ("note/call", "note/call is paused")
    commanded = {("note", "call"): Pause("note", "call", "", EPOCH)}
    assert in_force(read(TEXT), commanded) == commanded


def test_status_shows_it() -> None:
    desired, planned = read(TEXT), run(universe().plan(TEXT))
    found = status(desired, planned.observed, planned.inventory, planned.changeset, EPOCH)
    (table,) = status_tables(found, ["notes"])
    assert (table.title, [[cell.text for cell in row] for row in table.rows]) == ("Notes", [["call", "Call them"]])
    document = json.loads(json.dumps(status_document(found, ["notes"])))
    assert document["notes"] == [{"code": "call", "name": "Call them", "description": ""}]


def test_commands_know_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with serving(tmp_path) as world:
        world.store = f"sqlite:///{tmp_path}/state.sqlite"
        world.write("note.yaml", note(description="Before noon"))
        shown = world.run("status", "note", "call", "-o", "yaml")
        assert (shown.code, yaml.safe_load(shown.out)["notes"][0]["declared"]["instance"]) == (0, "acme"), shown.err
        paused = world.run("pause", "note/call", "--reason", "not now")
        assert (paused.code, "note/call is paused: nobody pins it up" in paused.out) == (0, True), paused
        assert "note/call is paused (since" in world.run("status", "notes").out
        assert world.run("history", "note/call").code == 0
        unknown = world.run("status", "note", "cal")
        assert (unknown.code, "the fleet has no note 'cal' (did you mean 'call'?)" in unknown.err) == (64, True)


def test_an_edit_of_it_is_an_edit_of_the_fleet() -> None:
    before, after = read(TEXT), read(TEXT.replace("Call them", "Write to them"))
    assert before.digest != after.digest
    assert document_digests(before)["note/call"] != document_digests(after)["note/call"]
    assert compare(before, after).concerned == ("note/call",)


def test_schema_and_documentation_have_it() -> None:
    assert json_schema("note")["properties"]["instance"]
    assert "note" in json_schema()["properties"]["kind"]["enum"]
    assert "## note" in render_fleet_reference()


def test_metrics_count_it() -> None:
    assert 'odoo_fleet_paused_documents{kind="note"} 0.0' in Metrics().render(STANDING, NOW).decode()


def test_the_api_and_the_page_have_it() -> None:
    async def begin(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme"), note(name="Call them"), servers={"one": "19.0", "two": "19.0"}))
        await asyncio.sleep(10)

    async def read_it(browser: Browser, asked: Asked) -> None:
        item = (await asked.get("notes/call"))["item"]
        assert (item["declared"]["instance"], item["observed"]["name"]) == ("acme", "Call them")
        assert [each["code"] for each in (await asked.get("notes?q=them"))["items"]] == ["call"]
        assert (
            await asked.ask("POST", "/api/v1/pause", Role.MANAGER, json={"document": "note/call"})
        ).status_code == 200
        await browser.log_in()
        assert "Call them" in await browser.open("/notes")
        assert "note/call is paused" in await browser.open("/notes/call?tab=configuration")

    visiting(read_it, begin=begin)
