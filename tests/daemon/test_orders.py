"""Orders become commits on a real bare repository: each once, none lost, whoever else writes there; in real time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from reconciler.access.roles import Role
from reconciler.daemon import orders as module
from reconciler.fleet.diagnostics import Diagnostic
from reconciler.git import writing
from reconciler.loading import incremental
from reconciler.loading.discovery import FoundFile, read_file
from reconciler.web.orders import Order, Ordered, Wish
from reconciler.web.problem_details import RequestRefused
from tests.daemon.ordering import ACME, FLEET, NEW, Shop, actor, head, instances, repository, shown
from tests.git.repositories import Author, git
from tests.git.sources import fetch


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return repository(tmp_path)


@pytest.fixture
def shop(author: Author, tmp_path: Path) -> Shop:
    return Shop(author.remote, tmp_path / "daemon")


def told(story: Awaitable[Any]) -> Any:
    async def run() -> Any:
        return await story

    return asyncio.run(run())


def test_an_order_is_a_commit_of_one_file_with_who_ordered_it(author: Author, shop: Shop) -> None:
    before = head(author)
    done = told(shop.create("zoe", key="order-1", company="Zoé SA", labels={"shop": "12"}))
    assert done == Ordered("zoe", head(author), "main", "fleet/instances/zoe.yaml", changed=True)
    assert git(author.remote, "rev-parse", "main^") == before
    assert git(author.remote, "diff", "--name-status", "main^", "main") == "A\tfleet/instances/zoe.yaml"
    assert shown(author, done.file) == (
        'kind: instance\ncode: zoe\ntemplate: basic\nplan: starter\ncompany: Zoé SA\nlabels: {shop: "12"}'
    )
    people = git(author.remote, "log", "-1", "--format=%an <%ae> %cn <%ce>", "main")
    assert people == "Orders <orders@example.com> Daemon <daemon@example.com>"
    message = git(author.remote, "log", "-1", "--format=%B", "main")
    assert message.startswith("Add instance/zoe\n\nOrdered by shop (01234567), manager.\n\n")
    assert "order-1" not in message
    assert shop.told == [(Wish.CREATE, done)]


def test_a_new_instance_is_called_by_its_company(author: Author, shop: Shop) -> None:
    shop.orders.taken = lambda: {"zoe-sohne-2"}
    codes = [told(shop.create(company="Zoé & Söhne", key=str(number))).code for number in range(2)]
    assert codes == ["zoe-and-sohne", "zoe-and-sohne-2"]
    shop.orders.taken = lambda: {"zoe-and-sohne-3"}
    assert told(shop.create(company="Zoé & Söhne")).code == "zoe-and-sohne-4"
    assert 'name: "Zoé & Söhne"' in shown(author, "fleet/instances/zoe-and-sohne.yaml")
    refusal = told(shop.refused(Wish.CREATE, "", NEW))
    assert (refusal.status, "neither a code nor anything to make one of" in refusal.detail) == (422, True)


def test_a_change_leaves_every_other_byte_as_it_is(author: Author, shop: Shop) -> None:
    done = told(shop.change("acme", state="suspended", owner={"lang": "fr_BE"}, labels={"a": None, "b": "c"}))
    expected = ACME.replace("{env: ZOE}}", "{env: ZOE}, lang: fr_BE}") + "state: suspended\nlabels: {b: c}\n"
    assert shown(author, done.file) == expected.strip()
    told(shop.change("acme", state=None, labels=None, owner={"lang": None}))
    assert shown(author, done.file) == ACME.strip()
    before = head(author)
    assert told(shop.change("acme", plan="starter")) == Ordered("acme", before, "main", "", changed=False)
    assert head(author) == before


def test_an_end_is_said_in_the_text_and_no_document_vanishes(author: Author, shop: Shop) -> None:
    done = told(shop.end("acme"))
    assert shown(author, done.file) == f"{ACME}state: absent"
    assert not told(shop.end("acme")).changed
    told(shop.change("acme", state="active", deletion_protection=True))
    refusal = told(shop.refused(Wish.END, "acme", {"state": "absent"}))
    assert (refusal.status, [each.field for each in refusal.errors]) == (422, ["state"])


def test_the_same_key_is_answered_alike_by_whoever_is_asked_and_done_once(author: Author, tmp_path: Path) -> None:
    first, second = Shop(author.remote, tmp_path / "first"), Shop(author.remote, tmp_path / "second")
    done = told(first.create("zoe", key="a key: with\u00fcmlaut"))
    git(author.clone, "pull", "--quiet", "--rebase")
    author.commit("On it goes", instances="kind: instance\ncode: other\ntemplate: basic\nplan: starter\n")
    ended = told(first.end("zoe", key="another"))
    for shop in (first, second, Shop(author.remote, tmp_path / "third")):
        assert told(shop.create("zoe", key="a key: with\u00fcmlaut")) == done
        assert told(shop.end("zoe", key="another")) == ended
    assert head(author) == ended.commit
    with pytest.raises(RequestRefused) as refused:
        told(second.create("zoe", key="another"))
    assert (refused.value.status, "another order" in refused.value.detail) == (422, True)
    assert len(first.told) == 2
    assert second.told == []


def test_the_same_key_sent_many_times_at_once_to_two_daemons_is_done_once(author: Author, tmp_path: Path) -> None:
    shops = [Shop(author.remote, tmp_path / name) for name in ("first", "second")]

    async def story() -> list[Ordered]:
        return await asyncio.gather(*(shops[n % 2].create(company="Zoé", key="one") for n in range(12)))

    done = asyncio.run(story())
    assert {each.commit for each in done} == {head(author)}
    assert set(instances(author, tmp_path / "seen")) == {"acme", "zoe"}


def test_two_hundred_orders_at_once_to_two_daemons_lose_none_while_somebody_else_pushes(
    author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ORDER_SECONDS", 240.0)  # whatever else this machine does meanwhile
    monkeypatch.setattr(writing, "TRY_SECONDS", 120.0)
    shops = [Shop(author.remote, tmp_path / name) for name in ("first", "second")]
    over = threading.Event()

    def push() -> int:
        pushed = 0
        while pushed < 8 and not over.wait(0.5):
            git(author.clone, "pull", "--quiet", "--rebase")
            try:
                author.commit("Somebody else", notes=f"# {pushed}\n")
            except AssertionError:  # others were faster
                git(author.clone, "reset", "--quiet", "--hard", "origin/main")
            else:
                pushed += 1
        return pushed

    async def story() -> list[Ordered]:
        somebody = asyncio.create_task(asyncio.to_thread(push))
        try:
            orders = (shops[n % 2].create(company=f"Shop {n % 100}", key=f"order-{n}") for n in range(200))
            return await asyncio.gather(*orders)
        finally:
            over.set()
            await somebody

    done = asyncio.run(story())
    there = instances(author, tmp_path / "seen")
    assert len({each.code for each in done}) == 200
    assert {each.code for each in done} | {"acme"} == set(there)
    history = git(author.remote, "rev-list", "main").splitlines()
    assert {each.commit for each in done} <= set(history)
    assert len({each.commit for each in done}) == 200


def test_an_order_that_waits_too_long_is_not_done_later(author: Author, tmp_path: Path) -> None:
    """Whoever is told that nothing was done can rely on it."""
    shop = Shop(author.remote, tmp_path / "daemon")

    async def story() -> None:
        await shop.create("warm")
        patience, module.ORDER_SECONDS = module.ORDER_SECONDS, 0.3
        try:
            await shop.orders.git._turn.acquire()
            first = asyncio.create_task(shop.create("begun", key="begun"))
            await asyncio.sleep(0.1)
            second = asyncio.create_task(shop.create("late"))
            results = await asyncio.gather(first, second, return_exceptions=True)
            assert ["may be done all the same" in str(results[0]), "nothing was done" in str(results[1])] == [
                True,
                True,
            ]
            assert [each.status for each in results if isinstance(each, RequestRefused)] == [503, 503]
        finally:
            module.ORDER_SECONDS = patience
            shop.orders.git._turn.release()
        assert (await shop.create("begun", key="begun")).changed

    asyncio.run(story())
    assert set(instances(author, tmp_path / "seen")) == {"acme", "warm", "begun"}


@pytest.mark.parametrize(
    ("wish", "code", "fields", "status", "said"),
    [
        (Wish.CREATE, "acme", NEW, 409, "has instance/acme already"),
        (Wish.CREATE, "zoe", {"template": "basik", "plan": "starter"}, 422, "template: unknown-template"),
        (Wish.CREATE, "zoe", {"template": "basic"}, 422, "plan: missing-field: 'plan' is missing"),
        (Wish.CREATE, "zoe", {**NEW, "colour": "red"}, 422, "colour: unknown-field"),
        (Wish.CREATE, "zoe", {**NEW, "owner": {"name": "Zoé"}}, 422, "owner.login: missing-field"),
        (Wish.CREATE, "zoe", {**NEW, "modules": ["Bad Name"]}, 422, "modules[0]"),
        (Wish.CREATE, "zoe", {**NEW, "subdomain": "acme"}, 422, "subdomain: duplicate-subdomain"),
        (Wish.CREATE, "zoe", {**NEW, "server": "nowhere"}, 422, "server: unknown-server"),
        (Wish.CREATE, "../../zoe", NEW, 422, "code: invalid-"),
        (Wish.CREATE, "..", NEW, 422, "code: "),
        (Wish.CREATE, "/etc/zoe", NEW, 422, "code: "),
        (Wish.CREATE, "zoe\x00", NEW, 422, ""),
        (Wish.CREATE, "zoe\ncode: y", NEW, 422, ""),
        (Wish.CREATE, "z" * 5000, NEW, 422, "code: "),
        (Wish.CREATE, "zoe", {**NEW, "name": "a\nplan: gold"}, 422, "name"),
        (Wish.CREATE, "zoe", {**NEW, "name": "\ud800"}, 422, ""),
        (Wish.CREATE, "zoe", {**NEW, "a: b\nc": "d"}, 422, ""),
        (Wish.CREATE, "zoe", {**NEW, "subscription": {"start": 1e308}}, 422, ""),
        (Wish.CREATE, "zoe", {**NEW, "admin_password": "hunter2-hunter2"}, 422, "admin_password: literal-secret"),
        (Wish.CREATE, "zoe", {**NEW, "admin_password": {"env": "ODOO_FLEET_KEY"}}, 403, "admin_password names a file"),
        (Wish.CREATE, "zoe", {**NEW, "adopt": {"admin_password": {"file": "/etc/shadow"}}}, 403, "needs the role admin"),
        (Wish.CREATE, "zoe", {**NEW, "restore_from": {"archive": "/etc/x.zip"}}, 403, "restore_from.archive names"),
        (Wish.CHANGE, "nobody", {"state": "active"}, 404, "no instance of this code"),
        (Wish.CHANGE, "../acme", {"state": "active"}, 404, "no instance of this code"),
        (Wish.CHANGE, "acme", {"state": "asleep"}, 422, "state: "),
        (Wish.CHANGE, "acme", {"owner": {"initial_password": {"env": "OTHER"}}}, 403, "owner.initial_password names"),
        (Wish.CHANGE, "acme", {"plan": None}, 422, "missing-field"),
        (Wish.END, "nobody", {"state": "absent"}, 404, "no instance of this code"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_by_its_field_and_changes_nothing(
    author: Author, shop: Shop, wish: Wish, code: str, fields: dict[str, Any], status: int, said: str
) -> None:
    before = head(author)
    named = {"code": code, **fields} if wish is Wish.CREATE else fields
    refusal = told(shop.refused(wish, code, named))
    whole = f"{refusal.detail} {' '.join(f'{each.field}: {each.problem}' for each in refusal.errors)}"
    assert (refusal.status, said in whole) == (status, True), whole
    assert not any(secret in whole for secret in ("hunter2", str(shop.directory)))
    assert head(author) == before
    assert shop.told == []


def test_a_secret_in_the_text_is_refused_though_the_fleet_allows_it(author: Author, shop: Shop) -> None:
    author.commit("Allow", fleet=FLEET.replace("format: 1", "format: 1\nallow_literal_secrets: true"))
    refusal = told(shop.refused(Wish.CHANGE, "acme", {"admin_password": "hunter2-hunter2"}))
    assert (refusal.status, [each.field for each in refusal.errors]) == (422, ["admin_password"])
    assert "hunter2" not in f"{refusal.detail}{refusal.errors}"


def test_an_admin_may_name_files_and_variables_and_anybody_may_change_beside_them(author: Author, shop: Shop) -> None:
    told(shop.change("acme", owner={"lang": "fr_BE"}))
    told(shop.place(Wish.CHANGE, "acme", {"admin_password": {"env": "ACME"}}, role=Role.ADMIN))
    assert "admin_password: {env: ACME}" in shown(author, "fleet/instances/acme.yaml")


def test_nothing_is_ordered_into_a_text_that_is_not_valid(author: Author, shop: Shop) -> None:
    told(shop.create("warm"))
    git(author.clone, "pull", "--quiet", "--rebase")
    author.commit("Broken", broken="kind: plan\ncode: [\n")
    told_before = told(shop.refused(Wish.CREATE, "zoe", {"code": "zoe", **NEW}))
    assert (told_before.status, "broken.yaml:" in told_before.detail) == (409, True), told_before.detail
    (author.clone / "fleet/broken.yaml").unlink()
    author.commit("Mended")
    assert told(shop.create("zoe")).changed


def test_a_file_that_is_no_fleets_is_never_written_over_nor_one_behind_a_link(author: Author, shop: Shop) -> None:
    (author.clone / "fleet/instances/zoe.yaml").mkdir(parents=True)
    author.write("fleet/instances/zoe.yaml/.note", "x")
    author.write("shared/beta.yaml", ACME.replace("acme", "beta"))
    (author.clone / "fleet/instances/beta.yaml").symlink_to("../../shared/beta.yaml")
    author.commit("Odd things")
    assert told(shop.refused(Wish.CREATE, "zoe", {"code": "zoe", **NEW})).status == 409
    refusal = told(shop.refused(Wish.CHANGE, "beta", {"state": "suspended"}))
    assert (refusal.status, "a link" in refusal.detail) == (409, True)
    assert shown(author, "shared/beta.yaml") == ACME.replace("acme", "beta").strip()


def test_orders_on_branches_of_their_own_wait_for_people(author: Author, tmp_path: Path) -> None:
    shops = [Shop(author.remote, tmp_path / name, apart=True) for name in ("first", "second")]
    before = head(author)

    async def story() -> list[Ordered]:
        return await asyncio.gather(
            *(shops[n % 2].create("zoe", key="one") for n in range(6)), shops[0].create("other")
        )

    *same, other = asyncio.run(story())
    assert len({each.commit for each in same}) == 1
    assert (head(author, same[0].branch), head(author, other.branch)) == (same[0].commit, other.commit)
    assert head(author) == before
    git(author.clone, "fetch", "--quiet")
    git(author.clone, "merge", "--quiet", "--no-ff", "-m", "Merge", f"origin/{same[0].branch}")
    author.push()
    git(author.remote, "branch", "-D", same[0].branch)
    again = told(Shop(author.remote, tmp_path / "third", apart=True).create("zoe", key="one"))
    assert again.commit == same[0].commit


@pytest.mark.parametrize(
    ("hook", "status", "said"),
    [("echo no >&2; exit 1", 503, "protected there"), ("sleep 60", 503, "may have been taken all the same")],
)
def test_a_remote_that_does_not_take_it_is_told_and_the_next_order_is_carried_out(
    author: Author, tmp_path: Path, hook: str, status: int, said: str
) -> None:
    shop = Shop(author.remote, tmp_path / "daemon", push_seconds=2.0)
    told(shop.create("warm"))
    place = author.remote / "hooks/pre-receive"
    place.write_text(f"#!/bin/sh\n{hook}\n")
    place.chmod(0o755)
    began = time.monotonic()
    with pytest.raises(RequestRefused) as refused:
        told(shop.create("zoe", key="one"))
    assert (refused.value.status, said in refused.value.detail) == (status, True), refused.value.detail
    assert time.monotonic() - began < 15
    place.unlink()
    assert told(shop.create("zoe", key="one")).code == "zoe"
    assert len([*git(author.remote, "log", "--grep=Add instance/zoe", "--format=%H", "main").split()]) == 1


def test_a_push_whose_answer_is_lost_is_found_again(author: Author, tmp_path: Path) -> None:
    """The remote takes it and then hangs: it is killed, looked for, and found."""
    shop = Shop(author.remote, tmp_path / "daemon", push_seconds=2.0)
    told(shop.create("warm"))
    place = author.remote / "hooks/post-receive"
    place.write_text("#!/bin/sh\nsleep 60\n")
    place.chmod(0o755)
    done = told(shop.create("zoe"))
    assert head(author) == done.commit


def test_a_branch_that_is_worked_in_there_is_told_with_what_to_do(tmp_path: Path, author: Author) -> None:
    shop = Shop(author.clone, tmp_path / "daemon")
    refusal = told(shop.refused(Wish.CREATE, "zoe", {"code": "zoe", **NEW}))
    assert (refusal.status, "name a bare repository" in refusal.detail) == (503, True), refusal.detail


def test_names_cannot_write_trailers_of_their_own(author: Author, shop: Shop) -> None:
    evil = actor(name="x\n\nOrder-Key: forged\nOrder-Code: other")
    fields = {"code": "zoe", **NEW, "labels": {"a": "b"}}
    told(shop.orders.place(Order(Wish.CREATE, "zoe", fields, "k"), evil))
    trailers = git(author.remote, "log", "-1", "--format=%(trailers:only)", "main").splitlines()
    assert [line.partition(":")[0] for line in trailers if line] == [
        "Order-File",
        "Order-Code",
        "Order-Key",
        "Order-Request",
    ]
    assert "forged" not in "".join(trailers)


def test_the_daemon_fetches_what_was_ordered_and_orders_go_on_from_what_it_fetched(author: Author, shop: Shop) -> None:
    source = shop.orders.git
    first = told(shop.create("zoe"))
    assert fetch(source).commit == first.commit
    git(author.clone, "pull", "--quiet", "--rebase")
    commit = author.commit("Somebody else", plans="kind: plan\ncode: gold\n")
    assert fetch(source).commit == commit
    done = told(shop.create("beta", plan="gold"))
    assert git(author.remote, "rev-parse", f"{done.commit}^") == commit


def test_a_branch_that_was_pushed_by_force_is_written_on_as_it_is_now(author: Author, shop: Shop) -> None:
    told(shop.create("zoe", key="one"))
    author.push("--force")
    fetch(shop.orders.git)
    again = told(shop.create("zoe", key="one"))
    assert again.changed
    assert set(instances(author, shop.directory.parent / "seen")) == {"acme", "zoe"}


def test_the_text_is_read_before_anybody_orders_and_the_first_order_reads_none_of_it(
    author: Author, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def seen(file: FoundFile) -> bytes | Diagnostic:
        read.append(file.shown)
        return read_file(file)

    monkeypatch.setattr(incremental, "read_file", seen)

    async def story() -> None:
        shop.orders.prepare()
        async with asyncio.timeout(20):
            while not any(name.endswith("acme.yaml") for name in read):
                await asyncio.sleep(0.02)
        before = head(author)
        first, second = await asyncio.gather(shop.create("zoe"), shop.create("beta"))
        assert len([name for name in read if name.endswith("acme.yaml")]) == 1
        assert git(author.remote, "rev-parse", f"{first.commit}^") == before
        assert second.commit == head(author)

    told(story())


def test_a_text_that_could_not_be_read_beforehand_keeps_nobody_from_ordering(author: Author, shop: Shop) -> None:
    away = author.remote.rename(author.remote.with_name("away.git"))

    async def story() -> None:
        shop.orders.prepare()
        with pytest.raises(RequestRefused):
            await shop.create("zoe")
        away.rename(author.remote)
        assert (await shop.create("zoe")).commit == head(author)

    told(story())
