"""The API's description (OpenAPI 3.1), made of the table of routes that serves it."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from reconciler.version import __version__
from reconciler.web.problem_details import CONTENT_TYPE, Problem
from reconciler.web.routes import KEY, Endpoint

_FOR_ALL = (401, 403, 422, 429, 503)
"""Without a good token, beyond a role, an unknown field in the query, too many wrong tokens, nothing known yet."""

_WITH_BODY = (400, 413, 415)
_REFS = "#/components/schemas/{model}"
_Mode = Literal["validation", "serialization"]
_Key = tuple[type[BaseModel], _Mode]


def openapi(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Return the description of a table of routes."""
    table = [*endpoints]
    references, definitions = _schemas(table)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in table:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "odoo-fleet",
            "version": __version__,
            "description": "A fleet of Odoo databases, as its daemon knows it. Fields are added, none changes its meaning.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made by `odoo-fleet token new`."}
            },
            "schemas": definitions,
        },
    }


def _schemas(table: Iterable[Endpoint]) -> tuple[dict[_Key, Any], dict[str, Any]]:
    """Return a reference to each model, and the definitions that they lead to."""
    wanted: dict[_Key, None] = {(Problem, "serialization"): None}
    for endpoint in table:
        if endpoint.answer is not BaseModel:
            wanted[endpoint.answer, "serialization"] = None
        if endpoint.body is not None:
            wanted[endpoint.body, "validation"] = None
    inputs: Any = [(model, mode, TypeAdapter(model)) for model, mode in wanted]
    found, document = TypeAdapter.json_schemas(inputs, ref_template=_REFS)
    references: dict[_Key, Any] = {key: schema for key, schema in found.items() if key in wanted}
    return references, document["$defs"]


def _operation(endpoint: Endpoint, references: dict[_Key, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "description": f"Needs the role `{endpoint.role}`.",
        "operationId": _name(endpoint),
        "parameters": [*map(_in_path, endpoint.parameters), *_in_query(endpoint), *_in_headers(endpoint)],
        "responses": _responses(endpoint, references),
        "x-role": endpoint.role.value,
    }
    if endpoint.body is not None:
        schema = references[endpoint.body, "validation"]
        is_required = any(field.is_required() for field in endpoint.body.model_fields.values())
        operation["requestBody"] = {"required": is_required, "content": {"application/json": {"schema": schema}}}
    return operation


def _name(endpoint: Endpoint) -> str:
    words = [part.strip("{}").replace(".", "-") for part in endpoint.path.split("/")[3:]]
    return "-".join([endpoint.method.lower(), *words])


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _in_query(endpoint: Endpoint) -> Iterable[dict[str, Any]]:
    schema = endpoint.query.model_json_schema()
    definitions = schema.get("$defs", {})
    for name, field in schema.get("properties", {}).items():
        plain = {
            key: value for key, value in _inlined(field, definitions).items() if key not in {"title", "description"}
        }
        yield {
            "name": name,
            "in": "query",
            "required": False,
            "description": field.get("description", f"Its {name}."),
            "schema": plain,
        }


def _in_headers(endpoint: Endpoint) -> Iterable[dict[str, Any]]:
    if endpoint.keyed:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "A text of your own: what bears the same one is done once, and answered alike each time.",
            "schema": {"type": "string", "pattern": f"^{KEY.pattern}$"},
        }


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Put what a schema refers to where it refers to it."""
    if isinstance(schema, dict):
        reference = schema.get("$ref", "")
        if reference:
            schema = {**definitions[reference.rpartition("/")[2]], **{k: v for k, v in schema.items() if k != "$ref"}}
        return {key: _inlined(value, definitions) for key, value in schema.items()}
    return [_inlined(each, definitions) for each in schema] if isinstance(schema, list) else schema


def _responses(endpoint: Endpoint, references: dict[_Key, Any]) -> dict[str, Any]:
    is_described = endpoint.answer is not BaseModel
    plain = {"type": "object" if endpoint.content == "application/json" else "string"}
    good = references[endpoint.answer, "serialization"] if is_described else plain
    kind = endpoint.content.partition(";")[0]
    answers: dict[str, Any] = {
        str(endpoint.status): {"description": endpoint.summary, "content": {kind: {"schema": good}}}
    }
    problem = {CONTENT_TYPE: {"schema": references[Problem, "serialization"]}}
    for status in sorted({*_FOR_ALL, *endpoint.refusals, *(_WITH_BODY if endpoint.body else ())}):
        answers[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    return answers
