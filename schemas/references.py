"""How a fleet names a secret without holding it: `{env: NAME}`, `{file: PATH}`, one or the other, or `{derived: {}}`.

`str` of each is what the text says, which is never a value: a literal shows `[secret]`. Resolving a reference is
`reconciler.loading.secrets`; deriving one is `reconciler.fleet.secrets`.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Field, GetJsonSchemaHandler, Tag, field_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from schemas.document import Part
from schemas.parts import Place, parts_in
from schemas.secrets import REDACTED, Secret
from schemas.texts import EXPLANATIONS, FilePath, problem

_ENVIRONMENT_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
EXPLANATIONS[_ENVIRONMENT_NAME] = "the name of an environment variable: letters, digits and '_'"


class EnvSecret(Part):
    """A secret in an environment variable of the command that needs it."""

    env: str = Field(
        pattern=_ENVIRONMENT_NAME,
        description="Name of the environment variable. One line break at the end of its value is not part of the secret.",
        examples=["PROD_1_MASTER_PASSWORD"],
    )

    def __str__(self) -> str:
        return f"{{env: {self.env}}}"


class FileSecret(Part):
    """A secret in a file."""

    file: FilePath = Field(
        description="Path of the file, relative to the document that names it. One line break at its end and a byte "
        "order mark at its beginning are not part of the secret.",
        examples=["../secrets/prod-1-master", "/run/secrets/prod-1-master"],
    )

    def __str__(self) -> str:
        return f"{{file: {self.file}}}"


class EitherSecret(EnvSecret, FileSecret):
    """A secret in an environment variable or, where that is not set or empty, in a file: one text for several places."""

    @property
    def ways(self) -> tuple[EnvSecret, FileSecret]:
        """The two, in the order in which they are looked at."""
        return EnvSecret(env=self.env), FileSecret(file=self.file)

    def __str__(self) -> str:
        return f"{{env: {self.env}, file: {self.file}}}"


class Derivation(Part):
    """Which of the successive values of a derived secret is meant."""

    generation: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        description="Raise it by one to rotate the secret: the tool then knows the former and the new value.",
        examples=[2],
    )


class DerivedSecret(Part):
    """A secret computed from the fleet's `secret_key` and the place that it is for; nothing is stored."""

    derived: Derivation = Field(
        default=Derivation(), description="Computed from the fleet's `secret_key`.", examples=[{}, {"generation": 2}]
    )

    @property
    def generation(self) -> int:
        """The generation declared, 1 at first."""
        return self.derived.generation

    def __str__(self) -> str:
        return f"{{derived: {{generation: {self.generation}}}}}"


class LiteralSecret(Part):
    """A secret that stands in the text itself: refused unless the fleet document has `allow_literal_secrets: true`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    value: Secret = Field(description="The value, which nothing shows.")

    @model_validator(mode="before")
    @classmethod
    def _wrap(cls, written: Any) -> Any:
        if isinstance(written, str):
            if not written:
                raise problem("invalid-secret", "a secret may not be empty")
            return {"value": Secret(written)}
        return written

    @field_serializer("value", when_used="json")
    def _redact(self, value: Secret) -> str:
        return str(value)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        del schema
        if handler.mode == "serialization":
            properties = {"value": {"type": "string", "const": REDACTED}}
            return {"type": "object", "properties": properties, "required": ["value"], "title": "LiteralSecret"}
        return {
            "type": "string",
            "minLength": 1,
            "title": "LiteralSecret",
            "description": "Only with `allow_literal_secrets`.",
        }

    def __str__(self) -> str:
        return REDACTED


# Tags are put into the place of an error; no field can bear such a name, so that they are told apart there.
_TAGS = {"env": "<env>", "file": "<file>", "derived": "<derived>"}


def _which(written: Any) -> str | None:
    if isinstance(written, str):
        return "<literal>"
    if isinstance(written, LiteralSecret):
        return "<literal>"
    fields = written if isinstance(written, Mapping) else vars(written) if isinstance(written, Part) else {}
    known = [tag for field, tag in _TAGS.items() if field in fields]
    if known == ["<env>", "<file>"]:
        return "<either>"
    return known[0] if len(known) == 1 else None


def _which_key(written: Any) -> str | None:
    tag = _which(written)
    return None if tag == "<derived>" else tag


SecretReference = Annotated[
    Annotated[EnvSecret, Tag("<env>")]
    | Annotated[FileSecret, Tag("<file>")]
    | Annotated[EitherSecret, Tag("<either>")]
    | Annotated[DerivedSecret, Tag("<derived>")]
    | Annotated[LiteralSecret, Tag("<literal>")],
    Discriminator(_which, custom_error_type="invalid-secret", custom_error_message="secret"),
]

# A key that everything is derived from cannot itself be derived.
KeyReference = Annotated[
    Annotated[EnvSecret, Tag("<env>")]
    | Annotated[FileSecret, Tag("<file>")]
    | Annotated[EitherSecret, Tag("<either>")]
    | Annotated[LiteralSecret, Tag("<literal>")],
    Discriminator(_which_key, custom_error_type="invalid-secret-key", custom_error_message="secret"),
]

_REFERENCES: tuple[type[EnvSecret | FileSecret | DerivedSecret | LiteralSecret], ...]
_REFERENCES = (EnvSecret, FileSecret, DerivedSecret, LiteralSecret)


def secrets_in(whole: object, above: Place = ()) -> Iterator[tuple[Place, SecretReference]]:
    """Yield all references to secrets in a document, or in the value that a field at `above` has, each with its place."""
    yield from parts_in(whole, _REFERENCES, above)
