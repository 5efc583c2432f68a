"""The main job on real Odoo 19 and 14 as production has them: two workers, databases by subdomain, a proxy that gives up."""

import asyncio
import xmlrpc.client
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model import verbs
from reconciler.notices.events import ActionStep
from tests.harness.real_fleet import RealFleet, failures, instance, template
from tests.hosts.real_hosts import RealHost

PRODUCTION = pytest.mark.parametrize("real_host", ["real-19-production", "real-14-production"], indirect=True)
OWNER = "{name: Boss, login: boss@acme.example, groups: [base.group_user, base.group_erp_manager]}"


def login(host: RealHost, database: str, user: str, password: str) -> int | bool:
    common = xmlrpc.client.ServerProxy(f"{host.address.direct_url}/xmlrpc/2/common")
    uid = common.login(database, user, password)
    assert isinstance(uid, int)
    return uid


def active_crons(host: RealHost, database: str) -> set[int]:
    rows = host.psql(database, "select id from ir_cron where active")
    return {int(line) for line in rows.split()}


def fresh(tmp_path: Path, host: RealHost) -> RealFleet:
    host.empty()
    return RealFleet(tmp_path / "fleet", host)


@PRODUCTION
def test_one_apply_makes_a_template_and_five_instances_and_the_next_finds_nothing_to_do(
    tmp_path: Path, real_host: RealHost
) -> None:
    fleet = fresh(tmp_path, real_host)
    n = fleet.suffix
    documents = [
        template(n),
        instance(
            f"acme{n}",
            company="Acme SA",
            lang="fr_BE",
            country_code="BE",
            timezone="Europe/Brussels",
            modules="[contacts]",
            owner=OWNER,
            parameters='{"fleet.note": "hello"}',
        ),
        *(instance(f"{code}{n}") for code in ("beta", "gamma", "delta")),
        instance(f"sleepy{n}", state="suspended"),
    ]
    fleet.write(*documents)
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    expected = {f"template_{n}", f"acme{n}", f"beta{n}", f"gamma{n}", f"delta{n}", f"suspended.sleepy{n}"}
    assert set(real_host.databases()) == expected

    before = len(fleet.calls)
    again = asyncio.run(fleet.apply())
    assert again.planned.changeset.is_converged
    assert [c.method for c in fleet.calls[before:]] == ["version", "list"]

    fleet.memory.__init__()  # type: ignore[misc]
    assert asyncio.run(fleet.plan()).changeset.is_converged, (
        "without a store every database is looked at, and none differs"
    )

    template_password = fleet.password("template", "base").reveal()
    for code in (f"acme{n}", f"beta{n}"):
        assert not login(real_host, code, "admin", "admin")
        assert not login(real_host, code, "admin", template_password)
        assert login(real_host, code, "admin", fleet.password("instance", code).reveal())
    owner = fleet.password("instance", f"acme{n}", "owner.initial_password").reveal()
    assert login(real_host, f"acme{n}", "boss@acme.example", owner)
    assert real_host.psql(f"acme{n}", "select name from res_company where id = 1").strip() == "Acme SA"
    base_url = real_host.psql(f"acme{n}", "select value from ir_config_parameter where key = 'web.base.url'")
    assert base_url.strip() == f"https://acme{n}.example.test"
    # 19 writes a "security update" when a password is set; the operator's account has no address that it could go to.
    mails = "select email_to, state from mail_mail where email_to is not null or state <> 'exception'"
    assert not real_host.psql(f"acme{n}", mails).strip(), "nothing was mailed to anybody"

    assert active_crons(real_host, f"suspended.sleepy{n}") == set()
    assert active_crons(real_host, f"template_{n}") == set()
    awake = active_crons(real_host, f"beta{n}")
    assert awake
    fleet.write(*[d.replace("state: suspended", "state: active") for d in documents])
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert [o.action.verb for o in passed.outcomes] == [verbs.RESUME]
    assert active_crons(real_host, f"sleepy{n}") == awake
    for secret in [template_password, owner, fleet.environ["KEY"], fleet.environ["MASTER"]]:
        assert secret not in real_host.log_text()


@PRODUCTION
def test_what_is_edited_is_what_changes(tmp_path: Path, real_host: RealHost) -> None:
    fleet = fresh(tmp_path, real_host)
    n = fleet.suffix
    fleet.write(template(n), instance(f"acme{n}"), instance(f"other{n}"))
    assert asyncio.run(fleet.apply()).ok
    awake = active_crons(real_host, f"acme{n}")
    former = fleet.password("instance", f"acme{n}").reveal()

    fleet.write(
        template(n),
        instance(f"acme{n}", state="suspended", admin_password="{derived: {generation: 2}}"),
        instance(f"other{n}"),
    )
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert {o.action.code for o in passed.outcomes} == {f"acme{n}"}
    assert active_crons(real_host, f"suspended.acme{n}") == set()
    assert not login(real_host, f"suspended.acme{n}", "admin", former)
    assert login(real_host, f"suspended.acme{n}", "admin", fleet.password("instance", f"acme{n}").reveal())

    fleet.write(template(n), instance(f"acme2{n}", renamed_from=f"acme{n}", company="Acme NV"), instance(f"other{n}"))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert set(real_host.databases()) == {f"template_{n}", f"acme2{n}", f"other{n}"}
    assert active_crons(real_host, f"acme2{n}") == awake
    assert login(real_host, f"acme2{n}", "admin", fleet.password("instance", f"acme2{n}").reveal())


@PRODUCTION
def test_a_database_built_again_under_its_name_takes_no_password_of_the_former_one(
    tmp_path: Path, real_host: RealHost
) -> None:
    """ODOO.md 10: workers remember a database by name."""
    fleet = fresh(tmp_path, real_host)
    n = fleet.suffix
    name = f"acme{n}"
    fleet.write(template(n), instance(name, owner=OWNER))
    assert asyncio.run(fleet.apply()).ok
    models = f"{real_host.address.direct_url}/xmlrpc/2/object"
    admin = fleet.password("instance", name).reveal()
    uid = login(real_host, name, "admin", admin)
    xmlrpc.client.ServerProxy(models).execute_kw(
        name, uid, admin, "res.users", "write", [[uid], {"password": "customers-own"}]
    )

    def accepted() -> int:
        count = 0
        for _ in range(12):  # every call on a connection of its own, so that each worker has its turn
            try:
                xmlrpc.client.ServerProxy(models).execute_kw(
                    name, uid, "customers-own", "res.users", "search_count", [[]]
                )
                count += 1
            except xmlrpc.client.Fault as fault:
                assert "Access" in fault.faultString or fault.faultCode == 3  # noqa: PT017 -- the kind of refusal is the point
        return count

    assert accepted() == 12
    real_host.drop(name)
    passed = asyncio.run(fleet.apply(Limits(confirmed_listings=["real"])))
    assert passed.ok, failures(passed)
    assert name in real_host.databases()
    assert accepted() == 0


@pytest.mark.parametrize(
    ("step", "seconds"), [("creating", 3.0), ("modules", 1.5), ("cloning", 0.1), ("publishing", 0.2)]
)
def test_a_host_that_is_killed_in_the_middle_comes_back_and_converges(
    tmp_path: Path, real_19_production: RealHost, step: str, seconds: float
) -> None:
    fleet = fresh(tmp_path, real_19_production)
    n = fleet.suffix
    fleet.write(template(n), instance(f"acme{n}", modules="[contacts]"))
    asyncio.run(_apply_and_kill(fleet, step, seconds))
    passed = asyncio.run(fleet.apply())
    if not passed.ok:  # what was unknown is looked at again
        passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    assert asyncio.run(fleet.plan()).changeset.is_converged
    kept = {d for d in real_19_production.databases() if not d.startswith("building-")}
    assert kept == {f"template_{n}", f"acme{n}"}
    assert login(real_19_production, f"acme{n}", "admin", fleet.password("instance", f"acme{n}").reveal())


async def _apply_and_kill(fleet: RealFleet, step: str, seconds: float) -> None:
    """Kill the host so many seconds after an action came to a step, and start it again a little later."""
    host, loop = fleet.host, asyncio.get_running_loop()
    running = asyncio.ensure_future(fleet.apply())
    while not any(isinstance(e, ActionStep) and e.step == step for e in fleet.events):
        assert not running.done(), f"the run never came to {step!r}"
        await asyncio.sleep(0.01)
    await asyncio.sleep(seconds)
    host.kill()
    await asyncio.sleep(1)
    await loop.run_in_executor(None, host.start)
    await running
