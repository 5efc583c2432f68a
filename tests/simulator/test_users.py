"""Users: the mails that go out, what each version checks, and who may do what."""

import pytest

from tests.simulator.client import Client, Refused, a_host, play, refusal

QUIETLY = {"no_reset_password": True}


async def _with_mail(version: str = "19.0") -> Client:
    client = Client(a_host(version))
    await client.create("acme")
    await client.install("acme", "mail")
    await client.quiesce("acme")
    client.host.outbox.clear()
    return client


@pytest.mark.parametrize("version", ["14.0", "19.0"])
def test_new_user_with_an_address_is_invited_at_once_unless_the_context_says_no(version: str) -> None:
    async def scenario() -> None:
        client = await _with_mail(version)
        values = {"name": "Ann", "login": "ann", "email": "ann@acme.example", "password": "hers"}
        await client.execute("acme", "res.users", "create", values, context=QUIETLY)
        assert client.host.outbox == []
        await client.execute("acme", "res.users", "create", {**values, "login": "ann2"})
        assert [(sent.name, sent.what) for sent in client.host.outbox] == [
            ("acme", "mail: invitation to ann@acme.example")
        ]

    play(scenario)


def test_security_notice_goes_to_the_users_address_on_19() -> None:
    async def scenario() -> None:
        client = await _with_mail()
        await client.execute("acme", "res.users", "write", [2], {"password": "wanted"})
        assert client.host.outbox == []
        await client.execute("acme", "res.users", "write", [2], {"email": "old@acme.example"})
        await client.execute("acme", "res.users", "write", [2], {"password": "wanted"})
        await client.execute("acme", "res.users", "write", [2], {"email": "new@acme.example"})
        assert [sent.what for sent in client.host.outbox] == [
            "mail: security update (password) to old@acme.example",
            "mail: security update (email) to old@acme.example",
        ]

    play(scenario)


def test_language_that_is_not_active_is_refused_on_14_and_taken_on_19() -> None:
    async def scenario() -> None:
        old, new = Client(a_host("14.0")), Client(a_host("19.0"))
        for client in (old, new):
            await client.create("acme")
        assert (await refusal(old.execute("acme", "res.users", "write", [2], {"lang": "fr_BE"}))).name == "ValueError"
        assert await new.execute("acme", "res.users", "write", [2], {"lang": "xx_XX"}) is True
        wizard = await old.execute("acme", "base.language.install", "create", {"lang": "fr_BE"})
        await old.execute("acme", "base.language.install", "lang_install", [wizard])
        assert await old.execute("acme", "res.users", "write", [2], {"lang": "fr_BE"}) is True

    play(scenario)


def test_languages_are_installed_by_id_on_19_and_found_only_with_inactive_ones() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("acme")
        domain = [["code", "=", "nl_BE"]]
        assert await client.execute("acme", "res.lang", "search", domain) == []
        found = await client.execute("acme", "res.lang", "search", domain, context={"active_test": False})
        wizard = await client.execute("acme", "base.language.install", "create", {"lang_ids": [[6, 0, found]]})
        await client.execute("acme", "base.language.install", "lang_install", [wizard])
        assert await client.execute("acme", "res.lang", "search", domain) == found

    play(scenario)


@pytest.mark.parametrize(("version", "field"), [("14.0", "groups_id"), ("19.0", "group_ids")])
def test_groups_are_found_by_external_id_and_kept_in_the_versions_field(version: str, field: str) -> None:
    async def scenario() -> None:
        client = Client(a_host(version))
        await client.create("acme")
        domain = [["module", "=", "base"], ["name", "in", ["group_user", "group_erp_manager"]]]
        rows = await client.execute("acme", "ir.model.data", "search_read", domain, ["res_id"])
        groups = [row["res_id"] for row in rows]
        values = {"name": "Ann", "login": "ann", "password": "hers", field: [[6, 0, groups]]}
        user = await client.execute("acme", "res.users", "create", values, context=QUIETLY)
        stored = (await client.execute("acme", "res.users", "read", [user], [field]))[0][field]
        assert set(groups) <= set(stored)
        other = "group_ids" if field == "groups_id" else "groups_id"
        assert (await refusal(client.execute("acme", "res.users", "read", [user], [other]))).name.endswith("ValueError")

    play(scenario)


def test_plain_user_may_not_look_at_parameters_nor_write_users() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("acme")
        values = {"name": "Ann", "login": "ann", "password": "hers"}
        user = await client.execute("acme", "res.users", "create", values)

        async def as_ann(model: str, method: str, *args: object) -> object:
            return await client.call("object", "execute_kw", "acme", user, "hers", model, method, list(args))

        for call in (
            as_ann("ir.config_parameter", "search", []),
            as_ann("ir.config_parameter", "get_param", "database.uuid"),
            as_ann("res.users", "write", [2], {"password": "x"}),
            as_ann("ir.module.module", "button_immediate_install", [1]),
        ):
            assert (await refusal(call)).name == "odoo.exceptions.AccessError"
        assert await as_ann("res.users", "write", [user], {"tz": "Europe/Brussels"}) is True
        assert await as_ann("res.users", "change_password", "hers", "new") is True
        assert await client.login("acme", "new", "ann") == user

    play(scenario)


def test_login_is_unique_and_a_failed_call_writes_nothing() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("acme")
        before = await client.execute("acme", "res.partner", "search_count", [])
        with pytest.raises(Refused, match="same login"):
            await client.execute(
                "acme", "res.users", "create", [{"name": "Ann", "login": "ann"}, {"name": "Bob", "login": "admin"}]
            )
        assert await client.execute("acme", "res.partner", "search_count", []) == before
        assert await client.execute("acme", "res.users", "search", [["login", "=", "ann"]]) == []

    play(scenario)


def test_password_is_never_read_back() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("acme")
        row = (await client.execute("acme", "res.users", "read", [2]))[0]
        assert "wanted" not in str(row)

    play(scenario)
