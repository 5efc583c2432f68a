"""What is answered where a request is not: a status, and problem details of RFC 9457 in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response

CONTENT_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field of a request."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description="Its name; parts of parts are joined by dots.", examples=["limit"])
    problem: str = Field(
        description="What is wrong, and what it may be.", examples=["should be less than or equal to 500"]
    )


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(default="about:blank", description="`about:blank`: the status says what kind of problem it is.")
    title: str = Field(description="The status in words.", examples=["Forbidden"])
    status: int = Field(description="The status of the answer.", examples=[403])
    detail: str = Field(description="What is wrong, for a person, and what to do about it.")
    errors: tuple[FieldProblem, ...] = Field(default=(), description="Of a request with wrong fields, each of them.")


@dataclass
class RequestRefused(Exception):
    """A request that is answered with a problem."""

    status: int
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[FieldProblem, ...] = ()

    def __str__(self) -> str:
        return f"{self.status}: {self.detail}"


def wrong_fields(error: ValidationError, what: str) -> RequestRefused:
    """Return the refusal of a request whose fields are not as they must be; what was sent is not repeated."""
    errors = tuple(
        FieldProblem(field=".".join(map(str, each["loc"])) or what, problem=_said(each["msg"]))
        for each in error.errors(include_url=False, include_input=False)
    )
    return RequestRefused(
        422, f"the {what} has {len(errors)} wrong field{'s' if len(errors) > 1 else ''}", errors=errors
    )


def _said(message: str) -> str:
    return message.removeprefix("Input ").removeprefix("Value error, ")


def problem_answer(refused: RequestRefused, headers: Mapping[str, str]) -> Response:
    """Return a refusal as an answer."""
    title = HTTPStatus(refused.status).phrase
    problem = Problem(title=title, status=refused.status, detail=refused.detail, errors=refused.errors)
    text = problem.model_dump_json(exclude=set() if problem.errors else {"errors"})
    return Response(text, refused.status, {**headers, **refused.headers}, CONTENT_TYPE)
