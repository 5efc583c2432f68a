"""What every document of a fleet has, and how strict all models are.

Models are frozen and strict: a number is never taken for text nor text for a number, and an unknown field is an error.
Each field checks itself alone, so that the fleet's defaults can be checked field by field; rules between fields and
between documents live in `reconciler.fleet`. Models never read a file, a clock or the environment.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from schemas.texts import Code, LabelKey, LabelValue, Line


def code_of(validated: dict[str, Any]) -> str:
    """Give a field that was left out the document's code as its value."""
    code: str = validated["code"]
    return code


class Part(BaseModel):
    """A mapping inside a document."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


def typed(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Return the fields of a model by the names that people type: `from` is no name that a class can have."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


class Document(Part):
    """What every kind of document has."""

    refers: ClassVar[Mapping[str, str]] = {}
    """Fields that name other documents, and of which kind those are."""

    noun: ClassVar[str] = ""
    """What people call one of them, if that is not its kind."""

    usual_defaults: ClassVar[Mapping[str, object]] = {}
    """An example of fields that a fleet gives to all of them."""

    kind: str
    code: Code = Field(
        description="Short name, unique among the documents of its kind; other documents refer to it.",
        examples=["acme", "prod-1"],
    )
    name: Line = Field(
        default_factory=code_of,
        description="Name to show. Left out: the code.",
        examples=["Acme SA", "Production Server 1"],
    )
    description: str = Field(
        default="",
        description="Free text for the people who maintain the fleet; recorded and shown only.",
        examples=["Moved from the old data centre in March."],
    )
    labels: Mapping[LabelKey, LabelValue] = Field(
        default={},
        description="Free key-value pairs to select documents by (`--selector region=eu`).",
        examples=[{"region": "eu"}, {"tier": "gold"}],
    )
    active: bool = Field(
        default=True,
        description="`false` retires the document: a server, template or plan that is not active may not be named by "
        "an "
        "instance that is not absent. On an instance it is recorded and shown only; use `state` there.",
        examples=[False],
    )

    @property
    def address(self) -> str:
        """Its name everywhere: `instance/acme`."""
        return f"{self.kind}/{self.code}"


class Pausable(Document):
    """What something is done to, and what can be left alone for a while."""

    withheld: ClassVar[str] = "nothing is done to it"
    """What a pause withholds."""

    paused: bool = Field(
        default=False,
        description="`true` withholds every change of it until the line is removed: it is looked at and reported, never "
        "touched. A paused server withholds what would happen on it, a paused fleet everything.",
        examples=[True],
    )


# A YAML sequence arrives as a list; frozen models hold tuples. Only the container is lax, its items stay strict.
type_of_sequence = Field(strict=False)
Lines = Annotated[tuple[Line, ...], type_of_sequence]
