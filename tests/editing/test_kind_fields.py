"""What `KEY=VALUE` means for each kind of field."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.editing.edits import UNSET
from reconciler.editing.kind_fields import KindFields


@pytest.mark.parametrize(
    ("kind", "written", "keys", "value"),
    [
        ("instance", "state=suspended", "state", "suspended"),
        ("instance", "name=no", "name", "no"),
        ("instance", "name=a=b", "name", "a=b"),
        ("instance", "owner.lang=fr_BE", "owner/lang", "fr_BE"),
        ("instance", "parameters.mail.catchall.alias=12", "parameters/mail.catchall.alias", "12"),
        ("instance", "labels.a.b=true", "labels/a.b", "true"),
        ("instance", "modules=crm, sale", "modules", ["crm", "sale"]),
        ("instance", "modules=[crm, sale]", "modules", ["crm", "sale"]),
        ("instance", "deletion_protection=true", "deletion_protection", True),
        ("instance", "subscription.end=2026-12-31", "subscription/end", "2026-12-31"),
        ("instance", "admin_password={env: X}", "admin_password", {"env": "X"}),
        ("instance", "admin_password.derived.generation=2", "admin_password/derived/generation", 2),
        ("instance", "backup=false", "backup", False),
        ("instance", "name=", "name", UNSET),
        ("instance", "no.such=field", "no/such", "field"),
        ("server", "odoo_version=19.0", "odoo_version", "19.0"),
        ("server", "max_instances=10", "max_instances", 10),
        ("fleet", "defaults.instance.lang=fr_BE", "defaults/instance/lang", "fr_BE"),
        ("fleet", "backup_targets.main.url=file:///b", "backup_targets/main/url", "file:///b"),
    ],
)
def test_a_word_of_a_command_line_means_what_its_field_can_hold(kind: str, written: str, keys: str, value: Any) -> None:
    assert KindFields.of(kind).change(written) == (tuple(keys.split("/")), value)


@pytest.mark.parametrize("written", ["", "state", "=x", "owner.=x", ".x=y"])
def test_what_is_no_field_and_value_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="write KEY=VALUE"):
        KindFields.of("instance").change(written)
