"""What a host's version means for the calls to it."""

import pytest

from reconciler.odoo import versions
from reconciler.odoo.protocol import Door
from reconciler.odoo.versions import Version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("19", Version(19, 0)),
        ("19.0", Version(19, 0)),
        (" 19.0-20260201 ", Version(19, 0)),
        ("19.0+e-20260201", Version(19, 0)),
        ("19.1a1", Version(19, 1)),
        ("saas~18.2", Version(18, 2)),
        ("saas-18.2+e", Version(18, 2)),
        ("", None),
        ("new", None),
        ("1999999", None),
    ],
)
def test_versions_are_read(text: str, version: Version | None) -> None:
    assert Version.parse(text) == version


@pytest.mark.parametrize(
    ("parts", "version"),
    [
        ([19, 0, 0, "final", 0, ""], Version(19, 0)),
        (["saas~18", 2, 0, "final", 0, "e"], Version(18, 2)),
        ([], None),
        ([None, 3], None),
    ],
)
def test_version_parts_are_read(parts: list[object], version: Version | None) -> None:
    assert Version.from_version_info(parts) == version


@pytest.mark.parametrize(
    ("text", "door"), [("14.0", Door.XML), ("15.0", Door.XML), ("16.0", Door.JSON), ("19.0", Door.JSON)]
)
def test_the_door_is_the_one_that_tells_failures(text: str, door: Door) -> None:
    assert versions.door(Version.parse(text)) is door


def test_an_unknown_version_takes_the_door_that_all_have() -> None:
    assert versions.door(None) is Door.XML


@pytest.mark.parametrize(
    ("question", "first_true", "last_false"),
    [
        (versions.neutralizes, Version(17), Version(16)),
        (versions.has_module_state_reset, Version(19), Version(18, 4)),
        (lambda v: not versions.has_database_service(v), Version(19, 1), Version(19, 0)),
        (lambda v: not versions.has_login_cooldown_on_rpc(v), Version(16), Version(15)),
        (lambda v: not versions.keeps_former_passwords_cached(v), Version(19), Version(18)),
        (lambda v: versions.groups_field(v) == "group_ids", Version(19), Version(18)),
        (lambda v: versions.language_field(v) == "lang_ids", Version(16), Version(15)),
    ],
)
def test_each_difference_begins_with_its_version(question: object, first_true: Version, last_false: Version) -> None:
    assert callable(question)
    assert question(first_true)
    assert not question(last_false)


def test_versions_are_ordered_and_printed() -> None:
    assert sorted([Version(19, 1), Version(18, 4), Version(19)]) == [Version(18, 4), Version(19), Version(19, 1)]
    assert str(Version(18, 2)) == "18.2"
