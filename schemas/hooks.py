"""Hooks: programs and web calls of the operator's, before and after actions of chosen verbs."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from schemas.document import Part, type_of_sequence
from schemas.references import KeyReference
from schemas.texts import EXPLANATIONS, problem
from schemas.windows import Selector, VerbName

_ARGUMENT = r"^[^\x00-\x1f\x7f]*$"
EXPLANATIONS[_ARGUMENT] = "one line of text"
_CALL_EXAMPLE = "for example https://hooks.example.net/odoo"


def _check_command(written: tuple[str, ...]) -> tuple[str, ...]:
    """Take a program by its whole path: what lies in the fleet's repository is never meant."""
    parts = written[0].split("/")
    if parts[0] or len(parts) < 2 or not all(parts[1:]) or {".", ".."} & set(parts):  # noqa: PLR2004 -- "/" and a name
        example = 'for example command: ["/usr/local/bin/check-disk", "--free=10"]'
        raise problem("invalid-hook", "'command' begins with the whole path of a program", example)
    return written


def _check_call(written: str) -> str:
    """Take the address of a web call; one with a password in it is not repeated."""
    try:
        parts = urlsplit(written)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise problem("invalid-url", "'url' is not a valid address", _CALL_EXAMPLE) from None
    if parts.scheme not in {"http", "https"} or not host or not written.isprintable() or " " in written:
        raise problem("invalid-url", "'url' must start with http:// or https://", _CALL_EXAMPLE)
    if parts.username is not None or parts.query or parts.fragment:
        raise problem("invalid-url", "'url' may hold no credentials, nor a part after '?' or '#'", "sign with `secret`")
    return written


class Hook(Part):
    """A program or a web call of the operator's, before or after actions of some verbs."""

    verbs: Annotated[tuple[VerbName, ...], type_of_sequence, Field(min_length=1)] = Field(
        description="What it comes before or after.", examples=[["clone", "suspend"]]
    )
    selector: Selector = Field(
        default={},
        description="Labels of what it concerns: its own, and its server's where it has none of that name; left out: everything.",
        examples=[{"region": "eu"}],
    )
    when: Literal["before", "after"] = Field(
        description="`before`: its failure stops the action, and nothing was touched. `after`: it is told how the action ended; "
        "its failure is told and undoes nothing.",
        examples=["after"],
    )
    command: (
        Annotated[
            tuple[Annotated[str, Field(pattern=_ARGUMENT, max_length=4096)], ...],
            type_of_sequence,
            Field(min_length=1, max_length=100),
            AfterValidator(_check_command),
        ]
        | None
    ) = Field(
        default=None,
        description="A program by its whole path, with its arguments; no shell reads them. It gets the action as JSON on its "
        "standard input. It runs only where `--allow-commands` allows it.",
        examples=[["/usr/local/bin/check-disk", "--free=10"]],
    )
    url: Annotated[str, Field(max_length=2048), AfterValidator(_check_call)] | None = Field(
        default=None,
        description="An address that gets the action as JSON by POST; any answer but 2xx is a failure.",
        examples=["https://hooks.example.net/odoo"],
    )
    secret: KeyReference | None = Field(
        default=None,
        description="What web calls are signed with (HMAC-SHA-256), by reference; whoever receives them has it too.",
        examples=[{"env": "HOOK_SECRET"}],
    )
    timeout_seconds: int = Field(
        default=30, ge=1, le=3600, description="How long it may take in all; then it is ended.", examples=[30]
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.command is None) is (self.url is None):
            raise problem("invalid-hook", "a hook has either a 'command' or a 'url'", "name one of them")
        if (self.url is None) is not (self.secret is None):
            what = "'secret' signs web calls" if self.url is None else "a 'url' needs a 'secret' to sign with"
            raise problem("invalid-hook", what, "for example secret: {env: HOOK_SECRET}")
        return self

    @property
    def runs(self) -> str:
        """Name what it runs, as people recognise it."""
        return self.command[0] if self.command else self.url or ""
