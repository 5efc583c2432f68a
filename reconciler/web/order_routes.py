"""The API's routes for orders: an instance is added, changed or ended in the text, by a commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from reconciler.access.roles import Role
from reconciler.reports.plain import report
from reconciler.web.orders import Order, Ordered, Wish
from reconciler.web.problem_details import FieldProblem, RequestRefused
from reconciler.web.routes import Admitted, Endpoint
from schemas.instance import Instance

_OPTIONAL: dict[str, Any] = {
    name: (field.annotation | None, Field(default=None, description=field.description, examples=field.examples))  # type: ignore[operator]
    for name, field in Instance.model_fields.items()
    if name != "kind"
}
_DESCRIBED: Any = create_model(
    "InstanceFields",
    __config__=ConfigDict(extra="forbid"),
    __doc__="Fields of an instance's document, without `kind`. With null a field is left or taken out.",
    **_OPTIONAL,
)


class Fields(BaseModel):
    """The fields of a document as they were sent: judged with the whole fleet, by the same rules as its text."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        del schema
        return handler(_DESCRIBED.__pydantic_core_schema__)


class OrderDone(BaseModel):
    """What became of an order."""

    format: Literal[1]
    fleet: str
    kind: Literal["instance"]
    code: str = Field(description="Of the instance; made of its company where none was given.")
    commit: str = Field(description="What holds it; where nothing had to change, the newest commit that was looked at.")
    branch: str = Field(description="Where that commit is: the branch that the daemon follows, or one to be merged.")
    file: str = Field(description="The file that it wrote; empty where nothing had to change.")
    changed: bool = Field(description="Whether the text says anything else than before.")


def order_endpoints(base: str) -> tuple[Endpoint, ...]:
    """Return what can be ordered."""
    one, refusals = f"{base}/instances/{{code}}", (404, 409)
    return (
        Endpoint(
            "POST",
            f"{base}/instances",
            Role.MANAGER,
            "Order an instance: its document becomes a commit.",
            OrderDone,
            _create,
            body=Fields,
            status=201,
            refusals=(409,),
            keyed=True,
        ),
        Endpoint(
            "PATCH",
            one,
            Role.MANAGER,
            "Change fields of an instance's document, by a commit.",
            OrderDone,
            _change,
            body=Fields,
            refusals=refusals,
            keyed=True,
        ),
        Endpoint(
            "DELETE",
            one,
            Role.MANAGER,
            "End an instance: its document says `state: absent`, by a commit.",
            OrderDone,
            _end,
            refusals=refusals,
            keyed=True,
        ),
    )


async def _create(call: Admitted) -> Mapping[str, Any]:
    fields = {name: value for name, value in _fields(call).items() if value is not None}
    code = fields.get("code", "")
    if not isinstance(code, str):
        raise _wrong("code", "must be text")
    return await _answer(call, Order(Wish.CREATE, code, fields, call.key))


async def _change(call: Admitted) -> Mapping[str, Any]:
    fields, code = _fields(call), call.path["code"]
    if fields.pop("code", code) != code:
        raise _wrong("code", "stays as it is: a document of another code is another instance")
    return await _answer(call, Order(Wish.CHANGE, code, fields, call.key))


async def _end(call: Admitted) -> Mapping[str, Any]:
    return await _answer(call, Order(Wish.END, call.path["code"], {"state": "absent"}, call.key))


def _fields(call: Admitted) -> dict[str, Any]:
    fields = dict(call.body.model_extra or {})
    if fields.pop("kind", "instance") != "instance":
        raise _wrong("kind", "is `instance`, or left out")
    return fields


def _wrong(field: str, problem: str) -> RequestRefused:
    return RequestRefused(422, "the body has 1 wrong field", errors=(FieldProblem(field=field, problem=problem),))


async def _answer(call: Admitted, order: Order) -> Mapping[str, Any]:
    done: Ordered = await call.board.order(order, call.actor)
    return report(
        call.board.standing().fleet,
        kind="instance",
        code=done.code,
        commit=done.commit,
        branch=done.branch,
        file=done.file,
        changed=done.changed,
    )
