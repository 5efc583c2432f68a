"""References to secrets lead to values, or say where they stand and why not; no value is ever in what is said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from reconciler.fleet.secrets import SecretUnavailable, derive, new_key, parse_key
from reconciler.loading.fleet_directory import load_fleet
from reconciler.loading.secrets import SecretResolver
from schemas.references import SecretReference
from schemas.secrets import Secret
from tests.loading.fleets import BASE, INSTANCE, write

KEY, FORMER = (new_key(bytes([number]) * 32).reveal() for number in (1, 2))
OWNER = "owner: {name: A, login: b}\n"


class Fleet:
    """A fleet on disk and the resolver of its secrets."""

    def __init__(self, directory: Path, instance: str = "", base: str = BASE, **environ: str) -> None:
        self.root = directory / "fleet"
        write(self.root, {"sub/base.yaml": base, "x.yaml": INSTANCE + instance})
        loaded = load_fleet(self.root)
        assert loaded.desired is not None, loaded.diagnostics
        self.desired = loaded.desired
        self.resolver = SecretResolver(self.desired, environ, self.root)

    def reference(self, kind: str, code: str, field: str) -> SecretReference:
        """The reference in a field."""
        by_kind: dict[str, Any] = {"server": self.desired.servers, "instance": self.desired.instances}
        document: Any = by_kind[kind][code]
        for part in field.split("."):
            document = getattr(document, part)
        reference: SecretReference = document
        return reference

    def resolve(self, kind: str, code: str, field: str) -> str:
        """The value in a field."""
        return self.resolver.resolve(self.reference(kind, code, field), kind, code, field).reveal()

    def former(self, code: str, field: str) -> list[str]:
        """Former values of a field of an instance."""
        return [
            each.reveal()
            for each in self.resolver.former(self.reference("instance", code, field), "instance", code, field)
        ]


def test_a_variable_is_read(tmp_path: Path) -> None:
    assert Fleet(tmp_path, MASTER_1="s3cret").resolve("server", "prod-1", "master_password") == "s3cret"


@pytest.mark.parametrize(("environ", "why"), [({}, "not set"), ({"MASTER_1": ""}, "empty")])
def test_a_variable_that_is_not_there_says_so(environ: dict[str, str], why: str, tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable) as caught:
        Fleet(tmp_path, **environ).resolve("server", "prod-1", "master_password")
    assert str(caught.value) == (
        f"{tmp_path}/fleet/sub/base.yaml:10:18: the secret {{env: MASTER_1}} for server/prod-1 master_password "
        f"is not available: the environment variable is {why}"
    )


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"pw\n", "pw"), (b"pw", "pw"), (b"pw\r\n", "pw"), (b"pw\n\n", "pw\n"), (b" p w \n", " p w ")],
)
def test_a_file_is_read_beside_its_document_without_its_last_line_break(
    content: bytes, value: str, tmp_path: Path
) -> None:
    fleet = Fleet(tmp_path, base=BASE.replace("{env: MASTER_1}", "{file: secrets/one}"))
    write(fleet.root, {"sub/secrets/one": content})
    assert fleet.resolve("server", "prod-1", "master_password") == value


@pytest.mark.parametrize(
    ("written", "value"),
    [("pw\n", "pw"), ("pw\r\n", "pw"), ("\ufeffpw\r\n", "pw"), ("pw\n\n", "pw\n"), (" p w ", " p w "), ("pw\r", "pw")],
)
@pytest.mark.parametrize("way", ["env", "file"])
def test_what_programs_put_around_a_secret_is_no_part_of_it(written: str, value: str, way: str, tmp_path: Path) -> None:
    """A Kubernetes secret made with `echo`, a file saved on Windows: the same rule wherever it stands."""
    base = BASE.replace("{env: MASTER_1}", f"{{{way}: MASTER_1}}")
    fleet = Fleet(tmp_path, base=base, MASTER_1=written)
    write(fleet.root, {"sub/MASTER_1": written.encode()})
    assert fleet.resolve("server", "prod-1", "master_password") == value
    assert ["odd-secret"] * (value != value.strip()) == [w.code for w in fleet.resolver.warnings]


@pytest.mark.parametrize(
    ("value", "told"), [("pass word", False), ("pässwörd", False), ("pass\nword", True), ("\tpassword", True)]
)
def test_what_was_hardly_meant_is_told_without_the_value(value: str, *, told: bool, tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, MASTER_1=value)
    assert fleet.resolve("server", "prod-1", "master_password") == value
    assert [w.code for w in fleet.resolver.warnings] == ["odd-secret"] * told
    assert not any("word" in w.message.replace("password", "") for w in fleet.resolver.warnings)


def test_space_around_a_key_is_no_news(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, KEY=f" {KEY}\n\n")
    assert fleet.resolve("instance", "acme", "admin_password") in derived(KEY, 1)
    assert not fleet.resolver.warnings


@pytest.mark.parametrize(("written", "why"), [("\n", "empty"), ("\ufeff", "empty"), ("pw\udcff", "not UTF-8")])
def test_a_variable_that_gives_nothing_says_so(written: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable, match=f"the environment variable is {why}"):
        Fleet(tmp_path, MASTER_1=written).resolve("server", "prod-1", "master_password")


def test_what_was_taken_with_a_line_break_before_is_a_former_value(tmp_path: Path) -> None:
    """So that a database which got it as its password is given the right one, and does not refuse the fleet."""
    assert Fleet(tmp_path, "admin_password: {env: X}\n", X="pass-word\n").former("acme", "admin_password") == [
        "pass-word\n"
    ]
    fleet = Fleet(tmp_path / "file", "admin_password: {file: X}\n")
    write(fleet.root, {"X": "\ufeffpass-word\n".encode()})
    assert fleet.former("acme", "admin_password") == ["\ufeffpass-word"]


def test_a_file_named_by_a_default_lies_beside_the_fleet_document(tmp_path: Path) -> None:
    base = BASE.replace("code: test\n", "code: test\ndefaults: {instance: {admin_password: {file: shared}}}\n")
    fleet = Fleet(tmp_path, base=base)
    write(fleet.root, {"sub/shared": "from the default"})
    assert fleet.resolve("instance", "acme", "admin_password") == "from the default"


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "no such file or directory"), (b"\n", "the file is empty"), (b"pw\xff", "the file is not UTF-8")],
)
def test_a_file_that_gives_nothing_says_so_and_not_what_it_holds(
    content: bytes | None, why: str, tmp_path: Path
) -> None:
    fleet = Fleet(tmp_path, base=BASE.replace("{env: MASTER_1}", "{file: one}"))
    if content is not None:
        write(fleet.root, {"sub/one": content})
    with pytest.raises(SecretUnavailable, match=why) as caught:
        fleet.resolve("server", "prod-1", "master_password")
    assert "pw" not in str(caught.value)
    assert caught.value.__cause__ is None


EITHER = BASE.replace("{env: MASTER_1}", "{env: MASTER_1, file: secrets/one}")


@pytest.mark.parametrize(
    ("environ", "value"),
    [({"MASTER_1": "of the variable"}, "of the variable"), ({}, "of the file"), ({"MASTER_1": "\n"}, "of the file")],
)
def test_of_a_variable_and_a_file_the_first_with_something_in_it_is_read(
    environ: dict[str, str], value: str, tmp_path: Path
) -> None:
    """One text for CI, where a variable that is not set for a job is often empty, and for a service with files."""
    fleet = Fleet(tmp_path, base=EITHER, **environ)
    write(fleet.root, {"sub/secrets/one": b"of the file\n"})
    assert fleet.resolve("server", "prod-1", "master_password") == value
    assert str(fleet.reference("server", "prod-1", "master_password")) == "{env: MASTER_1, file: secrets/one}"


def test_where_neither_gives_a_secret_all_places_are_named_with_why(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable) as caught:
        Fleet(tmp_path, base=EITHER).resolve("server", "prod-1", "master_password")
    assert str(caught.value) == (
        f"{tmp_path}/fleet/sub/base.yaml:10:18: the secret {{env: MASTER_1, file: secrets/one}} for server/prod-1"
        " master_password is not available: the environment variable is not set, and the file cannot be read: no such"
        " file or directory"
    )


def test_a_variable_that_is_there_and_broken_does_not_lead_on_to_the_file(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, base=EITHER, MASTER_1="pw\udcff")
    write(fleet.root, {"sub/secrets/one": b"of the file\n"})
    with pytest.raises(SecretUnavailable, match=r"the environment variable is not UTF-8$"):
        fleet.resolve("server", "prod-1", "master_password")


def test_a_key_may_be_in_a_variable_or_a_file_too(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, base=BASE.replace("{env: KEY}", "{env: KEY, file: key}"))
    write(fleet.root, {"sub/key": KEY.encode()})
    assert fleet.resolve("instance", "acme", "admin_password") in derived(KEY, 1)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, base=BASE.replace("{env: MASTER_1}", "{file: pipe}"))
    os.mkfifo(fleet.root / "sub/pipe")
    with pytest.raises(SecretUnavailable, match="a named pipe is not a file of text"):
        fleet.resolve("server", "prod-1", "master_password")


def test_a_file_that_every_account_can_read_is_told_unless_it_is_the_fleets_own(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    base = BASE.replace("{env: MASTER_1}", f"{{file: {outside}}}").replace("{env: MASTER_2}", "{file: own}")
    fleet = Fleet(tmp_path, base=base)
    write(tmp_path, {"outside": "pw", "fleet/sub/own": "pw"})
    for mode, codes in ((0o600, []), (0o644, ["readable-secret"])):
        outside.chmod(mode)
        fleet.resolve("server", "prod-1", "master_password")
        fleet.resolve("server", "prod-2", "master_password")
        assert [warning.code for warning in fleet.resolver.warnings] == codes


def test_a_derived_secret_depends_on_its_place_alone(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, OWNER, KEY=KEY)
    values = [fleet.resolve("instance", "acme", field) for field in ("admin_password", "owner.initial_password")]
    key = parse_key(KEY)
    assert values == [
        derive(key, "instance", "acme", "admin_password", 1).reveal(),
        derive(key, "instance", "acme", "owner.initial_password", 1).reveal(),
    ]


def test_a_key_that_is_too_short_says_so_where_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable) as caught:
        Fleet(tmp_path, KEY="tooshort").resolve("instance", "acme", "admin_password")
    assert str(caught.value).endswith(
        "base.yaml:4:13: the secret {env: KEY} for fleet/test secret_key is not available: the key is shorter than 32 "
        "bytes"
    )
    assert "tooshort" not in str(caught.value)


def derived(key: str, *generations: int) -> list[str]:
    """Values of the admin's password of `acme`."""
    return [derive(parse_key(key), "instance", "acme", "admin_password", each).reveal() for each in generations]


def test_former_values_are_those_of_former_keys_then_the_generations_around_under_every_key(tmp_path: Path) -> None:
    base = BASE.replace("secret_key", "former_secret_keys: [{env: FORMER}]\nsecret_key")
    fleet = Fleet(tmp_path, "admin_password: {derived: {generation: 3}}\n", base, KEY=KEY, FORMER=FORMER)
    found = fleet.former("acme", "admin_password")
    around = [value for generation in (2, 4, 1, 5) for key in (KEY, FORMER) for value in derived(key, generation)]
    assert found == derived(FORMER, 3) + around


def test_former_values_go_five_generations_back(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, "admin_password: {derived: {generation: 9}}\n", KEY=KEY)
    assert fleet.former("acme", "admin_password") == derived(KEY, 8, 10, 7, 11, 6, 5, 4)


def test_other_references_have_no_former_values(tmp_path: Path) -> None:
    assert Fleet(tmp_path, "admin_password: {env: X}\n", X="pass-word").former("acme", "admin_password") == []


@pytest.mark.parametrize(
    "value", ["admin", "Demo", "portal", "odoo", "PASSWORD", " password ", "the-operator", "7 chars"]
)
@pytest.mark.parametrize("way", ["env", "file"])
def test_a_password_that_would_be_guessed_is_refused_without_being_told(value: str, way: str, tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, f"admin_login: the-operator\nadmin_password: {{{way}: X}}\n", X=value)
    write(fleet.root, {"X": value})
    with pytest.raises(SecretUnavailable) as caught:
        fleet.resolve("instance", "acme", "admin_password")
    reason = "it is shorter than 8 characters" if value == "7 chars" else "it is one of those that anybody tries first"
    assert str(caught.value) == (
        f"{tmp_path}/fleet/x.yaml:6:17: the secret {{{way}: X}} for instance/acme admin_password is refused: {reason}"
    )


def test_the_owners_password_is_compared_with_the_owners_login(tmp_path: Path) -> None:
    owner = "owner: {name: A, login: boss@acme.example, initial_password: {env: X}}\n"
    assert Fleet(tmp_path / "a", owner, X="the-operator").resolve("instance", "acme", "owner.initial_password")
    with pytest.raises(SecretUnavailable, match="is refused"):
        Fleet(tmp_path / "b", owner, X="BOSS@acme.example").resolve("instance", "acme", "owner.initial_password")


def test_what_opens_no_database_of_ours_may_be_short(tmp_path: Path) -> None:
    """A host's master password is as long as whoever runs that host has made it."""
    assert Fleet(tmp_path, MASTER_1="admin").resolve("server", "prod-1", "master_password") == "admin"


def test_a_literal_is_its_own_value_where_it_is_allowed(tmp_path: Path) -> None:
    base = BASE.replace("code: test\n", "code: test\nallow_literal_secrets: true\n").replace(
        "{env: MASTER_1}", "hunter2"
    )
    fleet = Fleet(tmp_path, base=base)
    assert fleet.resolve("server", "prod-1", "master_password") == "hunter2"
    assert "hunter2" not in repr(fleet.desired)
    assert "hunter2" not in fleet.desired.servers["prod-1"].model_dump_json()
    assert isinstance(
        fleet.resolver.resolve(fleet.reference("server", "prod-1", "master_password"), "", "", ""), Secret
    )


@pytest.mark.parametrize(
    ("reference", "environ", "origin"),
    [
        ("{env: MASTER_1}", {"MASTER_1": "pass-word"}, "read from the environment variable MASTER_1"),
        ("{file: one}", {}, "read from the file one"),
        (
            "{env: MASTER_1, file: one}",
            {"MASTER_1": "pass-word"},
            "read from the environment variable MASTER_1, not the file one",
        ),
        ("{env: MASTER_1, file: one}", {}, "read from the file one, since the environment variable is not set"),
        (
            "{env: MASTER_1, file: one}",
            {"MASTER_1": ""},
            "read from the file one, since the environment variable is empty",
        ),
        ("{derived: {}}", {"KEY": KEY}, "derived from the fleet's key, read from the environment variable KEY"),
    ],
)
def test_a_value_knows_where_it_was_read(reference: str, environ: dict[str, str], origin: str, tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, f"admin_password: {reference}\n", **environ)
    write(fleet.root, {"one": b"from-the-file", "sub/one": b"from-the-file"})
    value = fleet.resolver.resolve(
        fleet.reference("instance", "acme", "admin_password"), "instance", "acme", "admin_password"
    )
    assert value.origin == origin
    assert value.reveal() not in origin
