"""Where a new document goes, what it is called, and how its file begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from reconciler.editing.layout import Neighbour, code_from, place_for
from schemas.texts import Code, DatabaseName, Subdomain

LINE = "# yaml-language-server: $schema=../fleet.schema.json"


def neighbours(*files: str, first_line: str = "") -> list[Neighbour]:
    """Make files of `path: kind/code kind/code`."""
    made = []
    for each in files:
        path, _, documents = each.partition(": ")
        kinds = [word.partition("/")[0] for word in documents.split()]
        made.append(Neighbour(path, kinds, f"{first_line}\nkind: x\n".encode()))
    return made


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ([], "acme.yaml"),
        (["fleet.yaml: fleet/f"], "acme.yaml"),
        (["fleet.yaml: fleet/f", "plans/a.yaml: plan/a"], "instances/acme.yaml"),
        (["x/plans/a.yaml: plan/a"], "x/instances/acme.yaml"),
        (["customers/b.yaml: instance/b", "plans/a.yaml: plan/a"], "customers/acme.yaml"),
        (["all.yaml: fleet/f instance/b instance/c"], "acme.yaml"),
        (["eu/b.yml: instance/b", "eu/c.yml: instance/c", "us/d.yaml: instance/d"], "eu/acme.yml"),
        (["many/all.yaml: instance/b instance/c", "one/d.yaml: instance/d"], "one/acme.yaml"),
        (["instances/b.yaml: instance/b", "instances/acme.yaml: instance/other"], "instances/instance-acme.yaml"),
        (["instances/b.yaml: instance/b", "instances/ACME.yaml: instance/other"], "instances/instance-acme.yaml"),
    ],
)
def test_it_goes_where_those_of_its_kind_are(files: list[str], path: str) -> None:
    place = place_for("instance", "acme", neighbours(*files))
    assert place is not None
    assert place.path == path


def test_no_file_is_written_over() -> None:
    assert place_for("plan", "a", neighbours("a.yaml: fleet/f", "plan-a.yaml: template/t")) is None


def test_it_begins_with_the_line_for_editors_that_the_others_begin_with() -> None:
    files = neighbours("instances/b.yaml: instance/b", "instances/c.yaml: instance/c", first_line=LINE)
    files += neighbours("instances/d.yaml: instance/d")
    place = place_for("instance", "acme", files)
    assert place is not None
    assert place.modeline == LINE
    few = place_for("instance", "acme", files[1:] + neighbours("instances/e.yaml: instance/e"))
    assert few is not None
    assert few.modeline == ""


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Acme SA", "acme-sa"),
        ("  Zoé & Søn GmbH ", "zoe-and-son-gmbh"),
        ("Straße 12", "strasse-12"),
        ("../../etc/passwd", "etc-passwd"),
        ("東京", "customer"),
        ("Ω", "customer"),
        ("7", "customer-7"),
        ("x" * 80, "x" * 36),
        (f"{'x' * 35} y", "x" * 35),
    ],
)
def test_a_code_is_made_of_what_people_call_it(name: str, code: str) -> None:
    assert code_from(name, ()) == code


def test_a_code_that_is_taken_is_numbered() -> None:
    assert code_from("Acme", {"acme", "acme-2"}) == "acme-3"
    assert code_from("x" * 40, {"x" * 36}) == "x" * 34 + "-2"


@given(st.text(max_size=60), st.integers(0, 12))
def test_a_code_is_valid_wherever_it_is_used_and_nobody_elses(name: str, taken: int) -> None:
    codes: set[str] = set()
    for _ in range(taken + 1):
        code = code_from(name, codes)
        for each in (Code, DatabaseName, Subdomain):
            TypeAdapter(each).validate_python(code)
        assert code not in codes
        codes.add(code)
