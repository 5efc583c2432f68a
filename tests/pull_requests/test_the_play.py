"""Ten pull requests in a row, each checked, planned against `main`, and, if it is sound, merged and applied as it was saved.

What a reviewer reads is kept in `snapshots/`, one page for each; `ODOO_FLEET_WRITE_SNAPSHOTS=1` writes them anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.repositories import git, isolate
from tests.cli.world import ENVIRONMENT
from tests.pull_requests.stage import CUSTOMER, CUSTOMERS, SHOP, SHOPS, Stage, begin_play, shop

SNAPSHOTS = Path(__file__).parent / "snapshots"
LONGEST_COMMENT = 65_535
"""Of GitHub, in characters."""


def add_an_instance(stage: Stage) -> None:
    stage.write("instances/dodo.yaml", CUSTOMER.format(code="dodo", name=CUSTOMERS["dodo"]))


def rename(stage: Stage) -> None:
    text = (stage.fleet / "instances/bistro.yaml").read_text()
    (stage.fleet / "instances/bistro.yaml").unlink()
    renamed = text.replace("code: bistro", "code: trattoria\nrenamed_from: bistro").replace(
        "Bistro Roma", "Trattoria Roma"
    )
    stage.write("instances/trattoria.yaml", renamed)


def raise_a_plan(stage: Stage) -> None:
    stage.replace("instances/acme.yaml", "plan: starter", "plan: business")


def break_a_reference(stage: Stage) -> None:
    stage.replace("instances/cafe.yaml", "template: restaurant", "template: restaurent")


def rotate_a_password(stage: Stage) -> None:
    stage.replace("instances/acme.yaml", "plan: business", "plan: business\nadmin_password: {derived: {generation: 2}}")


def suspend_one(stage: Stage) -> None:
    stage.replace("instances/cafe.yaml", "plan: starter", "plan: starter\nstate: suspended")


def leave_conflict_markers(stage: Stage) -> None:
    stage.replace(
        "instances/cafe.yaml",
        "plan: starter\n",
        "<<<<<<< HEAD\nplan: starter\n=======\nplan: business\n>>>>>>> bigger\n",
    )


def edit_500_instances(stage: Stage) -> None:
    text = "---\n".join(
        SHOP.format(code=shop(n), number=f"{n:03}") + f"company: Épicerie de la Grand-Place {n:03} SRL\n"
        for n in range(1, SHOPS + 1)
    )
    stage.write("instances/shops.yaml", text)


def remove_one(stage: Stage) -> None:
    (stage.fleet / "instances/acme.yaml").unlink()


def revert_the_suspension(stage: Stage) -> None:
    git(stage.origin, "revert", "--no-commit", "--mainline=1", "HEAD")


SOUND: dict[str, tuple[str, Callable[[Stage], None]]] = {
    "01-add-an-instance": ("Dodo & Sons join", add_an_instance),
    "02-rename": ("Bistro Roma becomes Trattoria Roma", rename),
    "03-raise-a-plan": ("Acme takes the business plan", raise_a_plan),
    "05-rotate-a-password": ("A new password for Acme's admin account", rotate_a_password),
    "06-suspend-one": ("Café d'Été has not paid", suspend_one),
    "07-revert": ('Revert "Café d\'Été has not paid"', revert_the_suspension),
    "09-edit-500-instances": ("All shops change their legal form", edit_500_instances),
    "10-remove-one": ("Acme leaves", remove_one),
}
BROKEN: dict[str, tuple[str, Callable[[Stage], None]]] = {
    "04-break-a-reference": ("Café d'Été gets another template", break_a_reference),
    "08-conflict-markers": ("Café d'Été gets another plan", leave_conflict_markers),
}
ALL = dict(sorted({**SOUND, **BROKEN}.items()))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """All ten, one after the other."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        played = begin_play(tmp_path_factory.mktemp("play"), patch)
        for name, (title, edit) in ALL.items():
            with played.branch(name):
                edit(played)
            seen = played.review(name, title)
            if seen.validated.code == 0:
                played.merge(name)
        yield played


@pytest.mark.parametrize("name", ALL)
def test_what_a_reviewer_reads(stage: Stage, name: str) -> None:
    page = stage.reviewed[name].page
    file = SNAPSHOTS / f"{name}.md"
    if os.environ.get("ODOO_FLEET_WRITE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        file.write_text(page)
    assert page == file.read_text()


def test_every_page_is_of_a_pull_request() -> None:
    assert sorted(file.stem for file in SNAPSHOTS.glob("*.md")) == list(ALL)


@pytest.mark.parametrize("name", ALL)
def test_a_comment_is_never_longer_than_github_takes(stage: Stage, name: str) -> None:
    assert len(stage.reviewed[name].comment.encode("utf-16-le")) // 2 <= LONGEST_COMMENT


def test_the_comment_on_500_is_cut_where_it_says_so(stage: Stage) -> None:
    lines = stage.reviewed["09-edit-500-instances"].comment.splitlines()
    shown = sum(line.endswith("| its text changed |") for line in lines)
    assert 300 < shown < SHOPS
    assert lines[-1].startswith(f"> **Cut here:** {SHOPS - shown} of 500 actions not shown")


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_valid_is_not_even_planned(stage: Stage, name: str) -> None:
    seen = stage.reviewed[name]
    assert (seen.validated.code, seen.planned, seen.applied) == (1, None, None)
    assert not stage.saved(name).exists()
    assert re.search(r"^::error ", seen.validated.out)


@pytest.mark.parametrize("name", SOUND)
def test_what_is_merged_is_applied_as_it_was_saved_and_leaves_nothing_to_do(stage: Stage, name: str) -> None:
    seen = stage.reviewed[name]
    assert seen.applied is not None
    assert seen.afterwards is not None
    assert (seen.applied.code, seen.afterwards.code) == (0, 0), seen.applied.err + seen.afterwards.out
    assert "No changes." in seen.afterwards.out


def test_what_the_hosts_hold_in_the_end(stage: Stage) -> None:
    """Acme was removed from the text and is as it was; the other ends are those that the pull requests wanted."""
    held = {code: sorted(host.listed()) for code, host in stage.hosts.items()}
    assert held["prod-1"] == ["acme", "cafe", "dodo", "template_restaurant", "template_shop", "trattoria"]
    assert held["prod-2"] == [*(shop(number) for number in range(1, SHOPS + 1)), "template_shop"]


def test_a_file_of_a_pull_request_that_was_merged_is_never_applied_twice(stage: Stage) -> None:
    ran = stage.run("apply", str(stage.saved("06-suspend-one")), "--yes", "--store", stage.store)
    assert (ran.code, ran.out) == (1, "")
    assert "the text was edited: " in ran.err
