"""Databases that answer to other passwords than the declared ones: said once, with where the declared one was read."""

from __future__ import annotations

import pytest

from tests.cli.saving import applied, apply, save  # noqa: F401 -- a fixture
from tests.cli.world import World

OTHER_KEY = "another-key-than-the-fleet-had-before"


def test_a_key_that_is_lost_is_one_message(applied: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("ODOO_FLEET_KEY", OTHER_KEY)
    ran = applied.run("plan", "--refresh")
    assert ran.out.count("no longer answers to the declared password") == 1
    text = " ".join(ran.out.split())
    assert "stops instance/acme, instance/bistro, instance/cafe, template/restaurant on prod-1," in text
    assert "derived from the fleet's key, read from the environment variable ODOO_FLEET_KEY" in text
    assert "`former_secret_keys`" in text
    assert "`odoo-fleet secret show KIND/CODE admin_password`" in text
    page = applied.run("plan", "--refresh", "-o", "markdown").out
    assert page.count("no longer answers to the declared password") == 1
    assert "- `acme`, `bistro`, `cafe`, template `restaurant`: its account" in page


@pytest.fixture
def owned(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A fleet that was applied with a password of one instance's own, read from a file where the variable is not set."""
    monkeypatch.delenv("ACME_PASSWORD", raising=False)
    (world.fleet / "acme-password").write_text("old-and-secret\n")
    own = "server: prod-1\nadmin_password: {env: ACME_PASSWORD, file: acme-password}\n"
    world.replace("instances.yaml", "server: prod-1\n", own)
    world.store = f"sqlite:///{world.root}/state.sqlite"
    assert world.run("apply", "--yes").code == 0
    return world


def test_a_secret_of_ones_own_that_changed_is_named_by_its_place(owned: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two places the one that was read, and that the other was not."""
    monkeypatch.setenv("ACME_PASSWORD", "new-and-secret")
    ran = owned.run("plan", "--refresh")
    text = " ".join(ran.out.split())
    assert "read from the environment variable ACME_PASSWORD, not the file acme-password" in text
    assert "`odoo-fleet secret show instance/acme admin_password`" in text
    monkeypatch.delenv("ACME_PASSWORD")
    (owned.fleet / "acme-password").write_text("new-and-secret\n")
    text = " ".join(owned.run("plan", "--refresh").out.split())
    assert "read from the file acme-password, since the environment variable is not set" in text
    assert "and-secret" not in text


def test_a_plan_is_the_same_where_a_secret_is_read_elsewhere(owned: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI saves it with a variable, who applies it has a file: what is blocked for both has not moved."""
    monkeypatch.setenv("ACME_PASSWORD", "new-and-secret")
    owned.replace("instances.yaml", "state: suspended", "state: active")
    file = save(owned, "--refresh")
    monkeypatch.delenv("ACME_PASSWORD")
    (owned.fleet / "acme-password").write_text("new-and-secret\n")
    ran = apply(owned, file)
    assert "done     resume instance/cafe" in ran.err, ran.out + ran.err


def test_check_says_where_a_refused_master_password_was_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_PASSWORD", "another")
    text = " ".join(world.run("check", "prod-1").out.split())
    assert "it was read from the environment variable MASTER_PASSWORD" in text
