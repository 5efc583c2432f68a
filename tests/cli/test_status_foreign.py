"""`status foreign`: what is on the hosts and not this fleet's, by name, without a login."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.saving import applied  # noqa: F401 -- a fixture
from tests.cli.world import World

WIKI = "---\nkind: instance\ncode: wiki\ntemplate: restaurant\nplan: starter\nserver: {}\n"


@pytest.fixture
def beside(applied: World) -> World:  # noqa: F811
    """Two databases of others stand on one of the hosts."""
    host = applied.hosts["prod-1"]
    for name in ("wiki", "Old_Shop.2024"):
        host.databases[name] = host.databases["acme"].fork()
    return applied


def test_they_are_listed_by_name_with_where_they_are_reached(beside: World) -> None:
    ran = beside.run("status", "foreign", "prod-1")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "Foreign databases",
        "SERVER  DATABASE       URL               WHAT IT IS",
        "prod-1  Old_Shop.2024  -                 no name that this tool gives",
        "prod-1  wiki           wiki.example.com  no document names it",
        "",
        "By their names alone: none of others was logged in to, and none is ever changed.",
    ]
    assert beside.run("status", "foreign", "prod-2").out.splitlines()[1] == "none"


def test_they_are_those_that_a_plan_counts(beside: World) -> None:
    document = json.loads(beside.run("status", "foreign", "-o", "json").out)
    assert len(document["foreign"]) == json.loads(beside.run("plan", "-o", "json").out)["summary"]["foreign"] == 2


def test_nobody_logs_in_to_them(beside: World) -> None:
    before = len(beside.hosts["prod-1"].calls)
    assert beside.run("status", "foreign", "--refresh").code == 0
    assert {call.database for call in beside.hosts["prod-1"].calls[before:]}.isdisjoint({"wiki", "Old_Shop.2024"})


def test_one_that_a_document_names_elsewhere_says_so(beside: World) -> None:
    beside.write("wiki.yaml", WIKI.format("prod-2"))
    assert "a document declares this name on prod-2" in beside.run("status", "foreign", "prod-1").out


def test_one_that_is_declared_is_unproven_until_a_look_tells_that_it_is_not_ours(beside: World) -> None:
    beside.write("wiki.yaml", WIKI.format("prod-1"))
    assert "instance/wiki declares it: unproven" in beside.run("status", "foreign", "prod-1").out
    assert "instance/wiki declares it: not ours" in beside.run("status", "foreign", "prod-1", "--refresh").out


def test_a_template_of_which_nothing_is_remembered_is_not_shown_as_ready(beside: World) -> None:
    beside.store = "none"
    assert "restaurant  restaurant  -        unproven  prod-1, prod-2  -" in beside.run("status", "templates").out
    shown = beside.run("status", "templates", "--refresh").out
    assert re.search("^restaurant  restaurant  [0-9a-f]{8}  yes    prod-1, prod-2  -", shown, re.MULTILINE)


def test_a_server_that_does_not_answer_is_not_said_to_have_none(beside: World) -> None:
    ran = beside.run("status", "foreign", "--server-url", "prod-1=http://127.0.0.1:9")
    assert "! prod-1: common.version: no connection" in ran.out
    assert beside.run("status", "foreign", "prod-9").code == 64


def test_the_advice_about_a_stranger_of_a_declared_name_is_true(beside: World) -> None:
    """A password that is set as advised would end at a missing mark: the advice says by what to tell first."""
    beside.hosts["prod-1"].databases["wiki"] = beside.hosts["prod-1"].databases["template_restaurant"].fork()
    beside.write("wiki.yaml", WIKI.format("prod-1"))
    said = " ".join(beside.run("plan").out.split())
    assert "what this fleet built has odoo_fleet.code in its system parameters" in said
    assert (
        "Without it no password alone makes it this fleet's: choose another `database_name`, or have it taken over"
        in said
    )
