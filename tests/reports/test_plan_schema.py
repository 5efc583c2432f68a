"""What `plan -o json` prints is what docs/schemas/plan.json says, field by field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Blocked, Changeset, Left, LeftAlone, Removed, Withheld
from reconciler.core.model.verbs import VERBS, in_order
from reconciler.reports.plan_json import plan_document

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/plan.json").read_text())


def closed(schema: Any) -> Any:
    """The same schema, refusing every field that it does not describe."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    if "required" in schema and "additionalProperties" not in schema:
        inner["additionalProperties"] = False
    return inner


def validate(document: Any) -> None:
    jsonschema.Draft202012Validator(closed(SCHEMA)).validate(document)


CHANGESETS = {
    "nothing": Changeset(),
    "one of each verb": Changeset(
        tuple(
            Action(
                verb, "instance", "acme", "prod-1", Reason.DECLARED, "acme", "acme", after=("activate server/prod-1",)
            )
            for verb in in_order()
        )
    ),
    "changes, blocked, left alone": Changeset(
        (
            Action(
                verbs.CONFIGURE,
                "template",
                "base",
                "prod-1",
                Reason.CHANGED,
                "base",
                "base",
                (FieldChange("lang", "en_US", "fr_BE"),),
            ),
        ),
        (Blocked("instance", "cafe", "", "no server can take it", "see `odoo-fleet place`"),),
        (LeftAlone("prod-1", "oldie", "once ours", Left.ORPHAN),),
        3,
    ),
    "paused and no longer declared": Changeset(
        withheld=(Withheld(Action(verbs.SUSPEND, "instance", "acme", "prod-1", Reason.DECLARED), "it is paused"),),
        removed=(
            Removed("instance", "cafe", "prod-1", "cafe", "stays as it is", "Café", "put it back"),
            Removed("server", "prod-2", "prod-2", "", "it is no longer asked"),
        ),
    ),
}


@pytest.mark.parametrize("name", CHANGESETS)
def test_documents_are_as_the_schema_says(name: str) -> None:
    validate(json.loads(json.dumps(plan_document(CHANGESETS[name], "demo", ["instance/acme", "tier=gold"]))))


def test_the_revision_that_was_compared_with_is_named_by_its_commit() -> None:
    validate(json.loads(json.dumps(plan_document(Changeset(), "demo", base=("main", "a" * 40)))))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = plan_document(Changeset(), "demo")
    for key in document:
        with pytest.raises(jsonschema.ValidationError):
            validate({name: value for name, value in document.items() if name != key})


def test_the_examples_of_the_schema_are_verbs_and_all_reasons() -> None:
    action = SCHEMA["$defs"]["action"]["properties"]
    assert set(action["verb"]["examples"]) <= VERBS.keys()
    assert action["reason"]["examples"] == [reason.value for reason in Reason]
