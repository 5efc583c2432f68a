"""A draft is judged as the fleet would be with it on the disk, and leaves no trace where it is not taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.editing.edits import UNSET, is_same
from reconciler.editing.fleet_text import AlreadyThere, FleetText, NoSuchDocument
from reconciler.editing.problems import field_of, new_errors
from reconciler.editing.spans import CannotEdit
from reconciler.loading.fleet_directory import load_fleet
from reconciler.loading.yaml_reader import read_documents
from tests.daemon.ordering import ACME, FLEET, NEW
from tests.editing.test_edits import VALUES

EMPTY = Path(__file__).parent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "instances").mkdir()
    (tmp_path / "fleet.yaml").write_text(FLEET)
    (tmp_path / "instances/acme.yaml").write_text(ACME)
    return tmp_path


def test_a_draft_is_judged_as_the_fleet_would_be_with_it(root: Path) -> None:
    text = FleetText(root)
    wrong = [
        text.added("instance", {"code": "zoe", "template": "nothing", "plan": "starter"}),
        text.edited("instance", "acme", [(("plan",), "nothing"), (("owner", "login"), UNSET)]),
        text.edited("plan", "starter", [(("code",), "other")]),
        text.edited("fleet", "test", [(("kind",), "plan")]),
    ]
    right = [
        text.added("instance", {"code": "zoe", **NEW}),
        text.edited("instance", "acme", [(("state",), "suspended")]),
        text.edited("fleet", "test", [(("defaults", "instance", "lang"), "fr_BE")]),
    ]
    for draft in (*wrong, *right, *wrong):
        path = Path(draft.path)
        judged = text.judge(draft)
        path.write_bytes(draft.after)
        found = load_fleet(root)
        assert judged.diagnostics == found.diagnostics
        assert (judged.desired is None) == (draft in wrong)
        if judged.desired is not None and found.desired is not None:
            assert judged.desired.digest == found.desired.digest
        if draft.before is None:
            path.unlink()
        else:
            path.write_bytes(draft.before)
    fresh = load_fleet(root)
    assert fresh.desired is not None
    assert text.loaded.desired is not None
    assert text.loaded.desired.digest == fresh.desired.digest


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_a_new_document_says_what_was_wanted_or_is_told_as_wrong(fields: dict[str, Any]) -> None:
    """Whatever a program sends: it is written as it was sent, or is a problem, or is refused."""
    text = FleetText(EMPTY)
    try:
        draft = text.added("instance", {**fields, "code": "zoe"})
    except CannotEdit:
        return
    documents, problems = read_documents("zoe.yaml", draft.after)
    assert problems or is_same([each.data for each in documents], [draft.document])
    assert problems or {name: each for name, each in draft.document.items() if name not in {"kind", "code"}} == {
        name: each for name, each in fields.items() if name not in {"kind", "code"}
    }


def test_what_was_taken_is_built_on_without_being_read(root: Path) -> None:
    text = FleetText(root)
    for code in ("zoe", "ada"):
        draft = text.added("instance", {"code": code, **NEW})
        text.take(draft, text.judge(draft))
    draft = text.edited("instance", "zoe", [(("state",), "suspended")])
    text.take(draft, text.judge(draft))
    assert text.loaded.desired is not None
    assert {code: each.state for code, each in text.loaded.desired.instances.items()} == {
        "acme": "active",
        "zoe": "suspended",
        "ada": "active",
    }
    with pytest.raises(AlreadyThere):
        text.added("instance", {"code": "ada", **NEW})
    text.read(root)  # none of it was written
    with pytest.raises(NoSuchDocument):
        text.edited("instance", "zoe", [(("state",), "active")])


def test_each_problem_is_told_by_its_field(root: Path) -> None:
    text = FleetText(root)
    fields = {
        "code": "zoe",
        "template": "nothing",
        "modules": ["crm", "Bad One"],
        "owner": {"name": "x", "lang": "?"},
        "x": 1,
    }
    draft = text.added("instance", fields)
    problems = new_errors(text.loaded, text.judge(draft))
    found = {field_of(draft, each) for each in problems}
    assert found == {"template", "plan", "modules[1]", "owner.login", "owner.lang", "x"}
    draft = text.added("instance", {"code": "zoe", **NEW, "template": "nothing"})
    assert [field_of(draft, each) for each in new_errors(text.loaded, text.judge(draft))] == ["template"]
