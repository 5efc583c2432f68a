"""What may be written in `adopt`: a login, and where a password or a key is to be found, never the secret itself."""

from __future__ import annotations

import pytest

from reconciler.fleet.desired import resolve
from reconciler.loading.yaml_reader import read_documents
from schemas.adoption import Adoption
from schemas.references import EnvSecret
from tests.harness.universe import TEMPLATE, fleet, instance


def problems(text: str) -> list[str]:
    documents, found = read_documents("fleet.yaml", text.encode())
    _, more = resolve(documents)
    return [f"{each.code}: {each.message}" for each in (*found, *more)]


def test_an_instance_and_a_template_may_adopt() -> None:
    adopt = "{admin_login: boss, admin_password: {env: THEIRS}}"
    one = TEMPLATE.format(servers="one")
    text = fleet(instance("acme", adopt=adopt), instance("beta", adopt="{}")).replace(one, f"{one}adopt: {adopt}\n")
    documents, _ = read_documents("fleet.yaml", text.encode())
    desired, _ = resolve(documents)
    assert desired is not None
    said = Adoption(admin_login="boss", admin_password=EnvSecret(env="THEIRS"))
    assert desired.instances["acme"].adopt == desired.templates["base"].adopt == said
    assert desired.instances["beta"].adopt == Adoption()


@pytest.mark.parametrize(
    ("adopt", "problem"),
    [
        (
            "{admin_password: their own password}",
            "literal-secret: 'adopt.admin_password' holds the secret itself, not where to find it",
        ),
        (
            "{admin_password: {derived: {}}}",
            "invalid-secret: 'adopt.admin_password' must name a secret that is not derived",
        ),
        ("{password: {env: THEIRS}}", "unknown-field: no field 'password' in 'adopt'"),
        ("true", "wrong-type: 'adopt' must be a mapping, not true or false"),
    ],
)
def test_what_it_cannot_say_is_told_at_its_place(adopt: str, problem: str) -> None:
    assert problems(fleet(instance("acme", adopt=adopt))) == [problem]
