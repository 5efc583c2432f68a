"""`plan` for a reviewer: Markdown, the job's summary, JUnit, and JSON by its published schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema

from tests.cli.saving import applied  # noqa: F401 -- a fixture
from tests.cli.world import World, without_times

NEW = """\
<!-- odoo-fleet plan: test -->
### Plan for fleet `test`

**Plan: 2 to activate, 2 to create, 3 to clone.**

- **Concerned:** 3 customers: `acme`, `bistro`, `cafe`

#### `prod-1` Server 1

| Who | What happens | Why |
|---|---|---|
| server `prod-1` | tested, then put to use | new: its tests come first |
| template `restaurant` | database `template_restaurant` created | new |
| `acme` | new database `acme`, cloned from `template_restaurant` | new |
| `bistro` | new database `bistro`, cloned from `template_restaurant` | new |

#### `prod-2` Server 2

| Who | What happens | Why |
|---|---|---|
| server `prod-2` | tested, then put to use | new: its tests come first |
| template `restaurant` | database `template_restaurant` created | new |
| `cafe` | new database `cafe`, cloned from `template_restaurant`, **suspended** | new |
"""
SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/plan.json").read_text())


def test_markdown_is_a_comment_for_a_pull_request(world: World) -> None:
    ran = world.run("plan", "-o", "markdown")
    assert (ran.code, ran.out, ran.err) == (0, NEW, "")


def test_the_summary_is_added_to_its_file_beside_what_is_printed(world: World) -> None:
    file = world.root / "summary.md"
    file.write_text("# before\n")
    ran = world.run("plan", "--summary-file", str(file))
    assert ran.out.endswith("Plan: 2 to activate, 2 to create, 3 to clone.\n")
    assert file.read_text() == "# before\n" + NEW


def test_a_summary_that_cannot_be_written_is_told_after_the_plan(world: World) -> None:
    ran = world.run("plan", "--summary-file", str(world.root / "nowhere/summary.md"))
    assert (ran.code, ran.out.splitlines()[-1]) == (1, "Plan: 2 to activate, 2 to create, 3 to clone.")
    assert "the summary cannot be written to" in ran.err


def test_the_exit_code_is_that_of_the_plan(world: World) -> None:
    assert world.run("plan", "-o", "markdown", "--detailed-exitcode").code == 2


def test_a_rename_is_counted_among_those_out_of_reach_with_how_long_it_took_last(
    applied: World,  # noqa: F811
) -> None:
    def said() -> list[str]:
        page = applied.run("plan", "-o", "markdown").out
        return [line for line in page.splitlines() if "while it is renamed" in line]

    applied.replace("instances.yaml", "code: acme\n", "code: shop\nrenamed_from: acme\n")
    assert said() == ["> **1 customer is out of reach while it is renamed:** `shop`; for how long is not known yet"]
    assert applied.run("apply", "--yes").code == 0
    assert said() == []
    applied.replace("instances.yaml", "code: shop\nrenamed_from: acme\n", "code: store\nrenamed_from: shop\n")
    assert applied.run("history", "instance/shop").out.count("rename on prod-1") == 1
    (line,) = said()
    assert re.search(r"`store`; the last time it took \d+\.\d s on `?prod-1`?$", line)


def test_who_is_suspended_already_is_not_out_of_reach_for_a_rename(applied: World) -> None:  # noqa: F811
    applied.replace("instances.yaml", "code: cafe\n", "code: bar\nrenamed_from: cafe\n")
    page = applied.run("plan", "-o", "markdown").out
    assert "database renamed" in page
    assert "out of reach" not in page


def test_nothing_to_do_is_one_sentence(converged: World) -> None:
    ran = converged.run("plan", "-o", "markdown")
    assert without_times(ran.out).splitlines()[-1] == (
        "**No changes. 3 instances, 1 template on 2 servers match; 5 databases verified 0 s ago at most.**"
    )


def test_junit_has_a_test_for_each_action_and_fails_what_is_blocked(world: World) -> None:
    world.replace("prod-2.yaml", "state: active", "state: maintenance")
    ran = world.run("plan", "-o", "junit")
    suites = ET.fromstring(ran.out)
    waiting = {case.get("name") for case in suites.iter("testcase") if case.find("skipped") is not None}
    blocked = {case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None}
    assert {"activate server/prod-1", "clone instance/acme"} <= waiting
    assert "instance/cafe" in blocked
    assert {suite.get("name") for suite in suites} >= {"odoo-fleet plan: prod-1", "odoo-fleet plan: prod-2"}


def test_json_is_as_its_published_schema_says(world: World) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.validate(json.loads(world.run("plan", "-o", "json").out))
    world.replace("prod-2.yaml", "state: active", "state: maintenance")
    document = json.loads(world.run("plan", "-o", "json", "--target", "instance/cafe").out)
    validator.validate(document)
    assert document["blocked"]


def test_a_customers_name_is_shown_and_not_obeyed(world: World) -> None:
    world.replace("instances.yaml", "company: Acme SA", 'partner: "@ops | <b>Acme</b>"')
    page = world.run("plan", "-o", "markdown").out
    assert (
        "<code><!-- -->&#64;<!-- -->ops &#124; &#60;b&#62;Acme&#60;&#47;b&#62;</code> (`acme`) | new database" in page
    )
