"""`apply FILE` refuses what was edited, what is another's, and what has moved since; it names all of it and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import saved_plans
from reconciler.fleet.secrets import parse_key
from reconciler.planfile.saved_changesets import PURPOSE
from reconciler.planfile.sealing import key_name, seal, seal_key
from reconciler.version import __version__
from tests.cli.saving import applied, apply, kept, refusal, save
from tests.cli.world import FLEET, INSTANCES, KEY, World, run

__all__ = ["applied", "kept"]

Change = Callable[[World, Path], None]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


# Not a changeset, or not this fleet's


def edited(text: str, edit: Callable[[Any], object]) -> str:
    document = json.loads(text)
    edit(document)
    return json.dumps(document)


EDITED = "its seal does not fit what it says: it was edited after it was saved"
NO_CHANGESET = "it is not a changeset that `odoo-fleet plan --out` wrote"

FILES: dict[str, tuple[Callable[[str], str], str]] = {
    "an action more": (
        lambda text: edited(text, lambda d: d["changeset"]["actions"].append(d["changeset"]["actions"][0])),
        EDITED,
    ),
    "another database": (
        lambda text: edited(text, lambda d: d["changeset"]["actions"][2].update(becomes="evil")),
        EDITED,
    ),
    "other limits": (lambda text: edited(text, lambda d: d["limits"].update(allowed=["removals"])), EDITED),
    "another address": (
        lambda text: edited(text, lambda d: d["limits"]["server_urls"].update(x="http://evil")),
        EDITED,
    ),
    "an older text": (lambda text: edited(text, lambda d: d.update(digest="0" * 64)), EDITED),
    "a field more": (lambda text: edited(text, lambda d: d.update(more=1)), EDITED),
    "another seal": (lambda text: edited(text, lambda d: d["seal"].update(value="0" * 64)), EDITED),
    "a seal that is no text": (lambda text: edited(text, lambda d: d["seal"].update(value=[])), "it has no seal"),
    "no seal": (lambda text: edited(text, lambda d: d.pop("seal")), "it has no seal"),
    "half of it": (lambda text: text[: len(text) // 2], f"{NO_CHANGESET}, or not all of it: no JSON"),
    "nothing": (lambda _: "", f"{NO_CHANGESET}, or not all of it: no JSON"),
    "other JSON": (lambda _: '{"format": 1, "actions": []}', NO_CHANGESET),
    "a number": (lambda _: "7", NO_CHANGESET),
    "YAML": (lambda _: "kind: odoo-fleet changeset\n", f"{NO_CHANGESET}, or not all of it: no JSON"),
    "far too deep": (lambda _: "[" * 100_000, f"{NO_CHANGESET}, or not all of it: no JSON"),
    "a newer format": (
        lambda text: edited(text, lambda d: d.update(format=3)),
        "its format is 3, and this version reads format 2: a newer odoo-fleet wrote it",
    ),
    "a format that is none": (
        lambda text: edited(text, lambda d: d.update(format=True)),
        "its format is True, and this version reads format 2",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_not_as_it_was_saved_is_refused(kept: tuple[World, str], tmp_path: Path, name: str) -> None:
    world, text = kept
    write, reason = FILES[name]
    file = tmp_path / "plan.json"
    file.write_text(write(text))
    calls = {code: len(host.calls) for code, host in world.hosts.items()}
    assert refusal(world, file) == [reason]
    assert {code: len(host.calls) for code, host in world.hosts.items()} == calls, "no host was even asked"


def test_bytes_that_are_no_text_are_refused(kept: tuple[World, str], tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(b"\xff\xfe\x00{")
    assert refusal(kept[0], file) == [f"{NO_CHANGESET}, or not all of it: no JSON"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [("missing", "No such file or directory"), ("directory", "Is a directory"), ("pipe", "it is not a regular file")],
)
def test_what_is_no_file_is_refused(kept: tuple[World, str], tmp_path: Path, make: str, reason: str) -> None:
    file = tmp_path / "plan.json"
    if make == "directory":
        file.mkdir()
    elif make == "pipe":
        os.mkfifo(file)
    assert refusal(kept[0], file) == [f"it cannot be read: {reason}"]


def test_spaces_and_order_do_not_matter(world: World) -> None:
    file = save(world)
    document = json.loads(file.read_text())
    file.write_text(json.dumps(dict(reversed(document.items())), indent=7))
    assert apply(world, file).code == 0


def test_another_key_is_named_as_the_reason(
    kept: tuple[World, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, text = kept
    file = tmp_path / "plan.json"
    file.write_text(text)
    monkeypatch.setenv("ODOO_FLEET_KEY", "f" * 32)
    assert refusal(world, file) == ["it was sealed with another key than this fleet's (it says: fleet 'test')"]


@pytest.mark.parametrize("edit", [lambda d: d.pop("hosts"), lambda d: d["changeset"].update(foreign={"prod-1": 1})])
def test_a_form_of_another_version_is_said_in_one_sentence(
    kept: tuple[World, str], tmp_path: Path, edit: Callable[[dict[str, Any]], object]
) -> None:
    """The seal is right, so that nobody edited it: an older build wrote less, or a newer one something else."""
    world, text = kept
    document = json.loads(text)
    del document["seal"]
    edit(document)
    key = seal_key(parse_key(KEY), PURPOSE.format(fleet="test"))
    document["seal"] = {"key": key_name(key), "value": seal(document, key)}
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(document))
    version = f"another version of odoo-fleet saved it (it says: {__version__}), in a form that this one does not read"
    assert refusal(world, file) == [version]
    assert "Make a new one with `odoo-fleet plan --out FILE`" in apply(world, file).err


def test_a_key_that_is_not_there_is_said(
    kept: tuple[World, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, text = kept
    (tmp_path / "plan.json").write_text(text)
    monkeypatch.delenv("ODOO_FLEET_KEY")
    for ran in (apply(world, tmp_path / "plan.json"), world.run("plan", "--out", str(tmp_path / "new.json"))):
        assert (ran.code, ran.out) == (1, "")
        assert "the environment variable is not set" in ran.err
    assert not (tmp_path / "new.json").exists()


def test_another_fleet_with_the_same_key_has_another_seal(kept: tuple[World, str], tmp_path: Path) -> None:
    world, text = kept
    other = tmp_path / "fleet"
    shutil.copytree(world.fleet, other)
    (other / "fleet.yaml").write_text(FLEET.replace("code: test", "code: other"))
    (tmp_path / "plan.json").write_text(text)
    ran = run("apply", str(tmp_path / "plan.json"), "--yes", "--fleet", str(other), "--store", "none")
    assert ran.code == 1
    assert "sealed with another key than this fleet's (it says: fleet 'test')" in ran.err


# What moved


def edit_text(world: World, _file: Path) -> None:
    world.replace("instances.yaml", "company: Acme SA", "company: Acme NV")


def add_document(world: World, _file: Path) -> None:
    world.write("more.yaml", "kind: instance\ncode: dodo\ntemplate: restaurant\nplan: starter\n")


def remove_document(world: World, _file: Path) -> None:
    world.write("instances.yaml", INSTANCES.partition("---\n")[2])


def edit_default(world: World, _file: Path) -> None:
    world.replace("fleet.yaml", "code: test\n", "code: test\ndefaults: {instance: {timezone: Europe/Brussels}}\n")


TEXTS: dict[str, tuple[Change, list[str]]] = {
    "a document was edited": (edit_text, ["the text was edited: instance/acme was edited"]),
    "a document was added": (add_document, ["the text was edited: instance/dodo was added"]),
    "a document was removed": (remove_document, ["the text was edited: instance/acme was removed"]),
    "a default was edited": (
        edit_default,
        ["the text was edited: fleet/test, instance/acme, instance/bistro, instance/cafe were edited"],
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_was_edited_since_is_refused_by_document(world: World, name: str) -> None:
    file = save(world)
    change, reasons = TEXTS[name]
    change(world, file)
    assert refusal(world, file) == reasons


def test_comments_files_and_order_are_no_edit(world: World) -> None:
    file = save(world)
    (world.fleet / "instances.yaml").unlink()
    first, *others = INSTANCES.split("---\n")
    world.write("a.yaml", "# moved here\n" + "---\n".join(others))
    world.write("z.yaml", first)
    assert apply(world, file).code == 0


def test_another_version_of_the_tool_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    file = save(world)
    monkeypatch.setattr(saved_plans, "__version__", "9.9.9")
    assert refusal(world, file) == ["odoo-fleet 0.1.0 made it, and this is odoo-fleet 9.9.9"]


def test_a_database_that_somebody_created_is_refused(world: World) -> None:
    file = save(world)
    world.hosts["prod-2"].add_database("cafe")
    reasons = refusal(world, file)
    assert reasons[0] == "prod-2 lists cafe now, and did not"
    assert any(reason.startswith("instance/cafe is blocked now: cafe: ") for reason in reasons), reasons


def test_a_database_that_vanished_is_refused(applied: World) -> None:
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    file = save(applied)
    del applied.hosts["prod-1"].databases["acme"]
    reasons = refusal(applied, file)
    assert reasons[0] == "prod-1 no longer lists acme"
    assert "instance/acme is blocked now: clone: changes on prod-1 are frozen: it no longer lists acme" in reasons


def test_a_host_that_does_not_answer_is_refused(world: World) -> None:
    file = save(world)
    world.hosts["prod-2"].kill()
    reasons = refusal(world, file)
    assert reasons[0] == "prod-2 does not answer now, and did"
    assert any(reason.startswith("instance/cafe is blocked now: server prod-2 is offline") for reason in reasons)
    about_acme = [reason for reason in reasons if "acme" in reason]
    assert any("it may be on prod-2, which cannot be seen now" in reason for reason in about_acme)


def test_a_host_that_was_upgraded_is_refused(world: World) -> None:
    file = save(world)
    world.hosts["prod-2"].version = "18.0"
    reasons = refusal(world, file)
    assert reasons[0] == "prod-2 runs Odoo 18.0 now, and ran 19.0"
    assert any(
        "instance/cafe is blocked now: server prod-2 runs Odoo 18.0, declared is 19.0" in each for each in reasons
    )


def test_drift_in_what_is_to_be_changed_is_refused_field_by_field(applied: World) -> None:
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    file = save(applied)
    database = applied.hosts["prod-1"].databases["acme"]
    company = next(iter(database.rows("res.company")))
    database.update("res.company", company, {"name": "Acme by hand"})
    assert refusal(applied, file) == [
        '\'configure instance/acme on prod-1\': company is "Acme by hand" on the host now, and was "Acme SA"'
    ]


def test_a_second_field_that_differs_is_refused(applied: World) -> None:
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    file = save(applied)
    applied.hosts["prod-1"].databases["acme"].set_parameter("web.base.url", "http://by.hand")
    (reason,) = refusal(applied, file)
    assert reason.startswith("'configure instance/acme on prod-1': parameters.web.base.url differs now as well: ")


def test_what_was_applied_already_is_refused(world: World) -> None:
    file = save(world)
    assert apply(world, file).code == 0
    reasons = refusal(world, file)
    assert reasons[0] == "nothing of it is left to do"
    assert "'clone instance/acme on prod-1' is done already" in reasons


def test_what_was_paused_meanwhile_is_refused(applied: World) -> None:
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    file = save(applied)
    assert applied.run("pause", "instance/acme", "--reason", "the customer asked").code == 0
    (reason,) = refusal(applied, file)
    assert reason.startswith("'configure instance/acme on prod-1' is withheld now: instance/acme is paused (since ")
    assert reason.endswith("UTC): the customer asked")
    assert applied.run("resume", "instance/acme").code == 0
    assert apply(applied, file).code == 0


def test_what_was_resumed_meanwhile_is_refused(applied: World) -> None:
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    assert applied.run("pause", "instance/acme").code == 0
    file = save(applied)
    assert applied.run("resume", "instance/acme").code == 0
    assert refusal(applied, file) == [
        "'configure instance/acme on prod-1' is to be done now, and is not in the changeset",
        "'configure instance/acme on prod-1' is no longer withheld",
    ]
