"""Whatever is written in a field, what is said about it is in our words: no error of pydantic is without its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from reconciler.fleet import field_problems
from reconciler.fleet.documents import UNREADABLE, Hints
from reconciler.fleet.field_problems import explain, field_errors
from schemas.document import typed
from schemas.kinds import KINDS

WRONG: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        10**12,
        1.5,
        -0.5,
        float("inf"),
        float("nan"),
        "",
        " ",
        "x",
        "Not Right!",
        "a" * 5000,
        "no\nline",
        "2026-13-01",
    ),
    *(
        [],
        [1],
        [""],
        ["A B"],
        [None],
        [[]],
        ["/x"] * 101,
        {},
        {"a": 1},
        {"": ""},
        {"A b!": "x"},
        {"odoo_fleet.x": "1"},
        {"database.uuid": "x"},
    ),
    *(
        {"env": 1},
        {"env": ""},
        {"file": ""},
        {"file": "a/"},
        {"derived": None},
        {"derived": {"generation": "x"}},
        {"derived": {"x": 1}},
    ),
    *(
        {"env": "A", "file": "b"},
        {"env": "A", "more": 1},
        {"name": 5, "login": None},
        {"start": "x", "end": 5},
        {"verify": "x"},
    ),
]
# Of pydantic's own sentences.
FOREIGN = ("Input", "should be", "valid string", "Field required", "Extra inputs", "Value error", "instance of")


def errors_of(kind: str, written: dict[str, Any]) -> ValidationError | None:
    """What pydantic says about a document."""
    try:
        KINDS[kind].model_validate(written)
    except ValidationError as error:
        return error
    return None


def documents(kind: str) -> Iterator[dict[str, Any]]:
    """Documents with each wrong value in each field, and in each field of the mappings inside, of one and in a list."""
    for name, field in KINDS[kind].model_fields.items():
        for value in WRONG:
            yield {name: value}
        for part in parts_in(field.annotation):
            for inner in typed(part):
                for value in WRONG:
                    yield {name: {inner: value}}
                    yield {name: [{inner: value}]}


def parts_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models that a field may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from parts_in(each)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_words_of_our_own(kind: str) -> None:
    types: set[str] = set()
    for written in documents(kind):
        error = errors_of(kind, {"kind": kind, "code": "any", **written})
        if error is None:
            continue
        for each in field_errors(error):
            words = explain(each, KINDS[kind], Hints())
            assert not any(sentence in words.message for sentence in FOREIGN), words
            assert "message" in each.context or each.type in {"missing", "extra_forbidden", *field_problems._WORDS}, (
                each
            )
            types.add(each.type)
    assert len(types) > 8


def test_every_wording_is_used() -> None:
    seen = {
        each.type
        for kind in KINDS
        for written in documents(kind)
        if (error := errors_of(kind, {"kind": kind, "code": "any", **written})) is not None
        for each in field_errors(error)
    }
    assert set(field_problems._WORDS) - seen == set()


def test_nothing_more_is_said_about_what_the_reader_reported() -> None:
    for kind, model in KINDS.items():
        for name in model.model_fields:
            error = errors_of(kind, {"kind": kind, "code": "any", name: UNREADABLE})
            assert error is not None
            assert name not in {each.path[0] for each in field_errors(error)}, name
