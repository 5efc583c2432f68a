"""No password that the template's makers, or Odoo's demonstration data, know is taken by what is published (item 7).

A clone keeps every login of its template with its password and its API keys.
"""

from __future__ import annotations

import asyncio

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from tests.harness.virtual_time import run
from tests.odoo_items.stage import ACME, Stage, both, instance, password

DEMO = "demo: true\n"
KNOWN = (("demo", "demo"), ("portal", "portal"), ("helper", "known to its makers"))
OWNER = "{name: Boss, login: boss@acme.example, groups: [base.group_user]}"
OWNED = instance("acme", server="one", owner=OWNER)


def add_helper(stage: Stage) -> None:
    """Give somebody a user of the template, with an API key and a second factor."""
    template = stage.database("template_base")
    admin = template.rows("res.users")[2]
    helper = {**admin, "login": "helper", "password": "known to its makers"}
    user = template.insert("res.users", helper)
    second = template.insert("res.users", {**helper, "login": "second", "totp_enabled": True})
    for owner in (user, second, 2):
        template.insert("res.users.apikeys", {"name": "key", "user_id": owner, "key": f"key of {owner}"})


async def owner_gets_in(stage: Stage) -> None:
    """To be asked first: on 14 ten wrong logins make the right one wrong."""
    assert await stage.client.login(
        "acme", password("instance/acme", what="owner.initial_password"), "boss@acme.example"
    )
    assert await stage.client.login("acme", password("instance/acme")) == 2


async def taken(stage: Stage, database: str, logins: tuple[tuple[str, str], ...] = KNOWN) -> list[str]:
    """List what lets somebody in: known passwords, and the API keys of whoever may have been given one."""
    client = stage.client
    found = [login for login, secret in logins if await client.login(database, secret, login)]
    users = [user for user in map(stage.database(database).user, ("admin", "helper", "second")) if user]
    keys = [(user["login"], f"key of {user['id']}") for user in users]
    return found + [f"key of {login}" for login, key in keys if await client.login(database, key, login)]


@both
def test_neither_a_demonstration_template_nor_its_clones_take_the_passwords_of_demonstration(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version, template=DEMO)
        await stage.applied(OWNED)
        assert stage.database("acme").user("demo"), "the users stay"
        assert stage.database("acme").user("portal")
        await owner_gets_in(stage)
        assert await taken(stage, "template_base") == []
        assert await taken(stage, "acme") == []

    run(scenario())


@both
def test_whoever_was_given_a_user_of_the_template_has_none_in_its_clones(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()
        add_helper(stage)
        assert await taken(stage, "template_base") == ["helper", "key of admin", "key of helper", "key of second"]
        await stage.applied(OWNED)
        assert await taken(stage, "acme") == []
        second = stage.database("acme").user("second")
        assert second is not None
        assert not second["totp_enabled"]
        assert await taken(stage, "template_base") == ["helper", "key of admin", "key of helper", "key of second"]

    run(scenario())


@both
def test_users_that_modules_bring_lose_their_passwords_before_the_clone_is_published(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()

        def bring_a_user(step: str) -> None:
            if step == "install.finished":
                (build,) = stage.builds()
                row = {**stage.database(build).rows("res.users")[2], "login": "helper", "password": KNOWN[2][1]}
                stage.database(build).insert("res.users", row)

        stage.host.on_step = bring_a_user
        await stage.applied(instance("acme", server="one", modules="[contacts]", owner=OWNER))
        assert stage.database("acme").user("helper")
        await owner_gets_in(stage)
        assert await taken(stage, "acme") == []

    run(scenario())


@both
def test_at_no_step_is_anything_published_that_takes_a_known_password(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version, template=DEMO)
        published: set[str] = set()

        def look(step: str) -> None:
            for name in stage.in_service():
                users = stage.database(name).rows("res.users").values()
                known = [u["login"] for u in users if (u["login"], u["password"]) in KNOWN]
                assert known == [], f"{name} at {step}"
                published.add(name)

        stage.host.watchers.append(look)
        await stage.applied(ACME)
        assert published == {"template_base", "acme"}

    run(scenario())


@both
def test_users_of_a_database_in_service_keep_their_passwords_whatever_is_configured(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        acme = stage.database("acme")
        user = {**acme.rows("res.users")[2], "login": "theirs", "password": "their own"}
        acme.insert("res.users", user)
        await stage.applied(instance("acme", server="one", modules="[contacts]", company="Another name"))
        await stage.applied(instance("acme", server="one", modules="[contacts]", state="suspended"))
        assert await stage.client.login("suspended.acme", "their own", "theirs")

    run(scenario())


@both
def test_a_server_action_that_a_crash_left_in_service_is_told_and_removed(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        model = next(stage.database("acme").matching("ir.model", model="ir.config_parameter"))["id"]
        left = {"name": "odoo-fleet: set apart", "model_id": model, "state": "code", "code": "number = 1"}
        theirs = {**left, "name": "Remind the sales team"}
        for row in (left, theirs):
            stage.database("acme").insert("ir.actions.server", row)
        stage.forget()
        passed = await stage.applied(ACME)
        (done,) = passed.outcomes
        (change,) = [c for c in done.action.changes if c.field == "server_actions"]
        assert (change.observed, change.desired) == ("1 left by a run cut short", "none")
        kept = [row["name"] for row in stage.database("acme").rows("ir.actions.server").values()]
        assert kept == ["Remind the sales team"]

    run(scenario())


@both
def test_a_rename_that_dies_before_its_server_action_is_run_leaves_none_at_the_end(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        renamed = instance("nova", server="one", renamed_from="acme")

        def made(step: str) -> bool:
            called = stage.host.calls[-1] if stage.host.calls else None
            return bool(called and step == "execute.committed" and called.model_method == "ir.actions.server.create")

        await stage.apply_killed(made, renamed)
        assert len(stage.database("acme").rows("ir.actions.server")) == 1
        await asyncio.sleep(60)
        await stage.applied(renamed)
        assert names.parse("nova").state is NameState.PUBLISHED
        assert not stage.database("nova").rows("ir.actions.server")

    run(scenario())
