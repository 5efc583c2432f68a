"""The models: strict, frozen, described; their JSON Schema accepts what they accept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError

from reconciler.loading.yaml_reader import read_documents
from schemas.document import typed
from schemas.instance import Instance
from schemas.json_schema import json_schema
from schemas.kinds import KINDS
from schemas.references import LiteralSecret, secrets_in
from schemas.secrets import Secret
from schemas.server import Server
from schemas.template import Template

ROOT = Path(__file__).parents[2]
SERVER: dict[str, Any] = {
    "kind": "server",
    "code": "prod-1",
    "server_url": "https://odoo.example.com",
    "odoo_version": "19.0",
    "master_password": {"env": "M"},
}
INSTANCE: dict[str, Any] = {"kind": "instance", "code": "acme-sa", "template": "t", "plan": "p"}


def models() -> Iterator[type[BaseModel]]:
    """All models, those inside others too."""
    todo: list[Any] = list(KINDS.values())
    seen: set[Any] = set()
    while todo:
        each = todo.pop()
        if isinstance(each, type) and issubclass(each, BaseModel) and each not in seen:
            seen.add(each)
            yield each
            todo += [field.annotation for field in typed(each).values()]
        todo += get_args(each)


def test_every_field_is_described_with_an_example() -> None:
    lacking = [
        f"{model.__name__}.{name}"
        for model in models()
        for name, field in typed(model).items()
        if not field.description or (not field.examples and model.__name__ != "LiteralSecret")
    ]
    assert lacking == []


def test_every_model_is_strict_frozen_and_closed() -> None:
    for model in models():
        config = model.model_config
        assert (config["strict"], config["frozen"], config["extra"]) == (True, True, "forbid"), model


def test_examples_are_valid() -> None:
    base = {"server": SERVER, "instance": INSTANCE}
    for kind in ("server", "instance"):
        for name, field in KINDS[kind].model_fields.items():
            for example in field.examples or ():
                KINDS[kind].model_validate({**base[kind], name: example if name != "kind" else kind})


def test_left_out_names_come_from_the_code() -> None:
    instance = Instance.model_validate(INSTANCE)
    assert (instance.name, instance.database_name, instance.subdomain) == ("acme-sa", "acme-sa", "acme-sa")
    template = Template.model_validate({"kind": "template", "code": "my-shop", "server": "s"})
    assert template.template_db == "template_my_shop"
    assert template.server_codes == ("s",)
    assert template.modules == ("base", "web", "mail", "portal")
    assert Template.model_validate({"kind": "template", "code": "t", "servers": ["a", "b"]}).server_codes == ("a", "b")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("HTTPS://Odoo.Example.com:443/", "https://odoo.example.com"),
        ("http://localhost:8069//", "http://localhost:8069"),
        ("http://[::1]:80/odoo/", "http://[::1]/odoo"),
        ("https://odoo.example.com:80", "https://odoo.example.com:80"),
    ],
)
def test_an_address_has_one_spelling(written: str, kept: str) -> None:
    assert Server.model_validate({**SERVER, "server_url": written}).server_url == kept


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            "odoo",
            "//odoo",
            "http:/odoo",
            "http:///x",
            "http://o doo",
            "http://odoo\\x",
            "http://@odoo",
            "http://a:b@odoo",
        ),
        *(
            "http://odoo?",
            "http://odoo#x",
            "http://odoo:x",
            "http://odoo:0x50",
            "http://ödoo",
            "http://[::1",
            "http://odoo/\n",
        ),
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        Server.model_validate({**SERVER, "server_url": written})


def test_secrets_do_not_show() -> None:
    server = Server.model_validate(
        {**SERVER, "master_password": "hunter2", "db_password": {"derived": {"generation": 2}}}
    )
    for text in (str(server), repr(server), server.model_dump_json(), str(server.model_dump())):
        assert "hunter2" not in text
    assert str(server.master_password) == "[secret]"
    assert str(server.db_password) == "{derived: {generation: 2}}"


def test_errors_do_not_show_what_was_written() -> None:
    with pytest.raises(ValidationError) as caught:
        Server.model_validate({**SERVER, "master_password": {"env": "hunter 2"}})
    assert "hunter" not in str(caught.value)


def sample_documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """The documents of the sample fleet."""
    for path in sorted((ROOT / "fleet").rglob("*.yaml")):
        for document in read_documents(str(path), path.read_bytes())[0]:
            assert document.kind is not None
            assert document.data is not None
            yield document.kind, dict(document.data)


def test_json_schema_accepts_the_sample_fleet() -> None:
    whole = jsonschema.Draft202012Validator(json_schema())
    for kind, document in sample_documents():
        jsonschema.Draft202012Validator(json_schema(kind)).validate(document)
        whole.validate(document)


@pytest.mark.parametrize(
    "wrong",
    [
        {**INSTANCE, "foo": 1},
        {**INSTANCE, "modules": "sale"},
        {**INSTANCE, "code": "Acme"},
        {**INSTANCE, "state": "on"},
        {**INSTANCE, "owner": {"name": "A"}},
        {**INSTANCE, "admin_password": {"derived": {"generation": 0}}},
        {**INSTANCE, "admin_password": {"vault": "x"}},
        {"kind": "instance", "code": "acme"},
        {**SERVER, "odoo_version": 19.0},
        {**SERVER, "max_instances": 0},
        {"kind": "template", "code": "t", "server": "a", "servers": ["b"]},
        {"kind": "fleet", "code": "f", "format": 2},
        {"kind": "fleet", "code": "f", "format": 1, "defaults": {"plan": {"foo": 1}}},
        {"kind": "fleet", "code": "f", "format": 1, "secret_key": {"derived": {}}},
        {"kind": "planet", "code": "f"},
        {"code": "f"},
    ],
)
def test_json_schema_refuses_what_the_models_refuse(wrong: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(wrong)
    if wrong.get("kind") in KINDS:
        assert not jsonschema.Draft202012Validator(json_schema(wrong["kind"])).is_valid(wrong)


def test_json_schema_is_valid_and_serialises() -> None:
    for kind in (None, *KINDS):
        schema = json_schema(kind)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema)) == schema
    with pytest.raises(KeyError):
        json_schema("planet")


def test_the_secret_type_is_had_without_building_any_model() -> None:
    program = "import sys; from schemas.secrets import Secret; sys.exit('pydantic' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


def with_literals(schema: dict[str, Any], node: dict[str, Any], made: list[LiteralSecret]) -> Any:
    """Return a value with a secret itself wherever a JSON Schema lets one stand, and note each; None where none may."""
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    if node.get("title") == "LiteralSecret":
        made.append(LiteralSecret.model_construct(value=Secret("hunter2")))
        return made[-1]
    fields = {name: with_literals(schema, each, made) for name, each in node.get("properties", {}).items()}
    if any(fields.values()):
        model = next(model for model in models() if model.__name__ == node["title"])
        return model.model_construct(code="x", **{name: value for name, value in fields.items() if value})
    if "items" in node and (item := with_literals(schema, node["items"], made)):
        return (item,)
    named = (with_literals(schema, each, made) for each in node.get("patternProperties", {}).values())
    if value := next(filter(None, named), None):
        return {"main": value}
    ways = (with_literals(schema, each, made) for each in [*node.get("anyOf", []), *node.get("oneOf", [])])
    return next(filter(None, ways), None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_in_the_text_is_found_wherever_one_may_stand(kind: str) -> None:
    """What is not found is not refused. `defaults` are judged as fields of the documents that they are for."""
    schema, made = KINDS[kind].model_json_schema(), list[LiteralSecret]()
    schema["properties"].pop("defaults", None)
    document = with_literals(schema, schema, made)
    found = [path for path, each in secrets_in(document) if isinstance(each, LiteralSecret)]
    assert len(found) == len(set(found)) == len(made), found
    assert made or kind == "plan"
