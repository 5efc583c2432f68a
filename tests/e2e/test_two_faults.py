"""Two troubles at once on real Odoo 19 and 14, with customers at work: nothing that they were told is saved is lost."""

import asyncio
import http.client
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler import wiring
from reconciler.core.deciding import Limits
from reconciler.core.model import names
from reconciler.core.model.failures import CutOff
from reconciler.core.model.names import NameState
from reconciler.core.model.outcomes import Result
from reconciler.engine import moves
from reconciler.engine.reconcile import Passed
from reconciler.notices.events import ActionStep
from reconciler.odoo.apply import databases
from reconciler.odoo.connection import HostConnection
from tests.e2e.test_production import PRODUCTION, login
from tests.harness.real_customers import OWNER, RealCustomers
from tests.harness.real_fleet import RealFleet, failures, instance, passes_until, template
from tests.hosts.real_hosts import RealHost

EVERY_MOMENT = bool(os.environ.get("ODOO_FLEET_EXHAUSTIVE"))
"""Simulated hosts die at each moment in the gate; real ones at one of each kind there, at all of them with this set."""

CONFIRMED = Limits(confirmed_listings=["real"])
"""What earlier tests made on the host is gone, and that is right."""
BUILD_LIMIT = timedelta(hours=2)
"""`retention.building_hours` of a fleet that says nothing of it."""


@pytest.fixture(scope="module")
def templates() -> dict[str, RealFleet]:
    """Fleets whose template has been built, by host: every test clones it, under names of its own."""
    return {}


@pytest.fixture
def fleet(
    real_host: RealHost, templates: dict[str, RealFleet], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealFleet]:
    name = real_host.address.name
    if name not in templates:
        real_host.empty()
        made = RealFleet(tmp_path_factory.mktemp(name) / "fleet", real_host)
        made.write(template(made.suffix))
        applied(made)
        templates[name] = made
    fleet = templates[name]
    yield fleet
    real_host.start()
    for database in real_host.databases():
        if database != f"template_{fleet.suffix}":
            real_host.drop(database)


def applied(fleet: RealFleet, *documents: str, limits: Limits | None = None) -> Passed:
    """Apply what must end well; where the proxy gave a busy host up, so that the end is unknown, look once more."""
    passed = attempted(fleet, *documents, limits=limits)
    results = {o.result for o in passed.outcomes}
    if Result.UNKNOWN in results and Result.FAILED not in results:
        passed = attempted(fleet, limits=limits)
    assert passed.ok, failures(passed)
    return passed


def attempted(fleet: RealFleet, *documents: str, limits: Limits | None = None) -> Passed:
    """Apply, however it ends."""
    if documents:
        fleet.write(template(fleet.suffix), *documents)
    return asyncio.run(fleet.apply(limits or CONFIRMED))


def converged(fleet: RealFleet) -> None:
    """A few applies later all is as declared."""
    seen = ""
    for _ in range(4):
        passed = attempted(fleet)
        seen = failures(passed)
        if passed.ok and passed.after.changeset.is_converged:
            return
    pytest.fail(f"it does not converge: {seen}")


def owned(code: str, **fields: object) -> str:
    return instance(code, owner=OWNER, **fields)


def customers(fleet: RealFleet, code: str, *names: str, loops: int = 2) -> RealCustomers:
    password = fleet.password("instance", code, "owner.initial_password").reveal()
    return RealCustomers(fleet.host, password, code, *names, loops=loops)


def page_status(host: RealHost, name: str) -> int:
    """What a browser is told at the login page of a subdomain."""
    connection = http.client.HTTPConnection(urlsplit(host.address.url).netloc, timeout=30)
    try:
        connection.request("GET", "/web/login", headers={"Host": f"{name}.example.test"})
        return connection.getresponse().status
    finally:
        connection.close()


class Dying:
    """Has the host die between the halves of renames: the database bears its new name, and its files still lie under the old.

    Each entry of `moments` tells of which rename, by its old and new name; they are met in this order.
    """

    def __init__(self, host: RealHost, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moments: deque[Callable[[str, str], bool]] = deque()
        self._host, self._send = host, databases._rename
        monkeypatch.setattr(databases, "_rename", self)
        monkeypatch.setattr(moves, "_LOOKS", 2)  # the host stays away until somebody starts it

    async def __call__(self, connection: HostConnection, old: str, new: str) -> None:
        before, after = self._host.filestore_path(old), self._host.filestore_path(new)
        carried = before.is_dir() and not after.exists()
        await self._send(connection, old, new)
        if self.moments and self.moments[0](old, new):
            self.moments.popleft()
            self._host.kill()
            if carried:  # otherwise the host leaves both folders where they are
                assert not before.exists()
                after.rename(before)
            raise CutOff("the host died", server="real", database=old)


@pytest.fixture
def dying(real_host: RealHost, monkeypatch: pytest.MonkeyPatch) -> Dying:
    return Dying(real_host, monkeypatch)


def to(name: str) -> Callable[[str, str], bool]:
    return lambda _old, new: new == name


def counted(which: int) -> Callable[[str, str], bool]:
    """The rename with this number, from 1 on."""
    seen = iter(range(1, 1000))
    return lambda _old, _new: next(seen) == which


def killed(fleet: RealFleet, dying: Dying, moment: Callable[[str, str], bool], *documents: str) -> None:
    """Apply until the host has died at a moment, and the pass says that not all went well."""
    dying.moments.append(moment)
    assert not passes_until(lambda: not dying.moments, lambda: attempted(fleet, *documents), "that rename").ok


class Watch:
    """Looks at the host's names all the time: of the forms in service there is one at most, whoever moves what."""

    def __init__(self, host: RealHost, *targets: str) -> None:
        self.troubles: list[str] = []
        self.looks = 0
        self._host, self._targets = host, targets
        self._served: set[str] = set()

    def look(self) -> None:
        self.looks += 1
        parsed = [names.parse(name) for name in self._host.databases()]
        for target in self._targets:
            forms = [n.text for n in parsed if n.target == target and n.state in names.IN_SERVICE]
            if len(forms) > 1:
                self.troubles.append(f"at once: {forms}")

    @contextmanager
    def watching(self) -> Iterator[None]:
        ended = threading.Event()

        def run() -> None:
            while not ended.is_set():
                self.look()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        assert not self.troubles, self.troubles


@contextmanager
def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> Iterator[None]:
    """It is so much later, for the tool."""
    real = wiring.SystemClock.now
    with monkeypatch.context() as patch:

        def now(clock: wiring.SystemClock) -> datetime:
            return real(clock) + by

        patch.setattr(wiring.SystemClock, "now", now)
        yield


def nothing_is_swept(fleet: RealFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the build limit has passed, no building name is left that anything of a customer's could bear."""
    before = {d for d in fleet.host.databases() if names.parse(d).state is not NameState.BUILDING}
    with later(monkeypatch, 2 * BUILD_LIMIT):
        attempted(fleet)
    assert before <= set(fleet.host.databases())


# -- a host that dies between the halves of a rename, and again when that is put right -------------------------------


@PRODUCTION
def test_a_host_that_dies_as_a_build_takes_the_lock_costs_that_build_and_nothing_else(
    fleet: RealFleet, dying: Dying, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"lock{fleet.suffix}"
    killed(fleet, dying, to(f"switching.{code}"), owned(code))
    fleet.host.start()
    converged(fleet)
    with customers(fleet, code) as working:
        working.work_until()
    nothing_is_swept(fleet, monkeypatch)
    working.everything_is_in(code)


@PRODUCTION
@pytest.mark.parametrize("which", [1, 2, 3] if EVERY_MOMENT else [2])
def test_a_host_that_dies_at_a_publication_and_again_at_the_repair_loses_no_customer(
    fleet: RealFleet, dying: Dying, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    code = f"pub{which}{fleet.suffix}"
    killed(fleet, dying, to(code), owned(code))
    assert code in fleet.host.databases()
    with customers(fleet, code) as working:
        fleet.host.start()
        working.work_until()
        assert working.saved.pictures, "14 hides them, and they are files too"
        killed(fleet, dying, counted(which))
        fleet.host.start()
        assert not [d for d in fleet.host.databases() if names.parse(d).state is NameState.BUILDING]
        if code in fleet.host.databases():
            working.work_until()
        converged(fleet)
        working.work_until()
    nothing_is_swept(fleet, monkeypatch)
    working.everything_is_in(code)


@PRODUCTION
def test_a_host_that_dies_at_a_resumption_and_again_at_the_repair_loses_no_file(
    fleet: RealFleet, dying: Dying, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"resume{fleet.suffix}"
    applied(fleet, owned(code))
    with customers(fleet, code) as working:
        working.work_until()
        applied(fleet, owned(code, state="suspended"))
        killed(fleet, dying, to(code), owned(code))
        fleet.host.start()
        working.work_until()
        killed(fleet, dying, to(f"switching.{code}"))
        fleet.host.start()
        converged(fleet)
        working.work_until()
    nothing_is_swept(fleet, monkeypatch)
    working.everything_is_in(code)


# -- customers who upload all the time -------------------------------------------------------------------------------


@PRODUCTION
def test_who_uploads_all_the_time_is_suspended_resumed_and_renamed_at_the_first_try(
    fleet: RealFleet, record_property: Callable[[str, object], None]
) -> None:
    code, new = f"busy{fleet.suffix}", f"shop{fleet.suffix}"
    applied(fleet, owned(code))
    with customers(fleet, code, new) as working:
        working.work_until(10)
        applied(fleet, owned(code, state="suspended"))
        asleep = time.monotonic()
        applied(fleet, owned(code))
        working.work_until()
        record_property("seconds until work goes on after a resume", round(working.longest_gap(asleep), 2))
        renaming = time.monotonic()
        applied(fleet, owned(new, renamed_from=code))
        working.work_until()
        record_property("seconds out of reach in a rename", round(working.longest_gap(renaming), 2))
    working.everything_is_in(new)
    converged(fleet)


@PRODUCTION
def test_stale_folders_of_the_lock_and_of_the_suspended_name_cost_no_file(fleet: RealFleet) -> None:
    code = f"stale{fleet.suffix}"
    applied(fleet, owned(code))
    with customers(fleet, code) as working:
        working.work_until()
        for name in (f"switching.{code}", f"suspended.{code}"):
            fleet.host.make_stale_filestore(name)
        applied(fleet, owned(code, state="suspended"))
        fleet.host.make_stale_filestore(code)
        applied(fleet, owned(code))
        working.work_until()
    working.everything_is_in(code)


# -- two reconcilers whose texts differ ------------------------------------------------------------------------------


async def _overtaken(ours: RealFleet, theirs: RealFleet, step: str) -> None:
    """Theirs begins when ours comes to a step."""
    begun = len(ours.events)
    first = asyncio.ensure_future(ours.apply(CONFIRMED))
    while not any(isinstance(e, ActionStep) and e.step == step for e in ours.events[begun:]):
        assert not first.done(), f"the run never came to {step!r}"
        await asyncio.sleep(0.01)
    await asyncio.gather(first, theirs.apply(CONFIRMED), return_exceptions=True)


@PRODUCTION
@pytest.mark.parametrize("step", ["cloning", "settings", "publishing"] if EVERY_MOMENT else ["publishing"])
def test_two_reconcilers_whose_texts_differ_in_the_state_never_publish_two(
    fleet: RealFleet, tmp_path: Path, step: str
) -> None:
    code = f"two{step[:3]}{fleet.suffix}"
    other = RealFleet(tmp_path / "other", fleet.host)
    fleet.write(template(fleet.suffix), owned(code))
    other.write(template(fleet.suffix), owned(code, state="suspended"))
    watch = Watch(fleet.host, code)
    with watch.watching():
        asyncio.run(_overtaken(fleet, other, step))
        converged(fleet)
    assert page_status(fleet.host, code) == 200
    assert watch.looks > 10


@PRODUCTION
def test_two_reconcilers_that_suspend_and_resume_a_customer_never_make_two_of_it(
    fleet: RealFleet, tmp_path: Path
) -> None:
    code = f"both{fleet.suffix}"
    other = RealFleet(tmp_path / "other", fleet.host)
    applied(fleet, owned(code))
    other.write(template(fleet.suffix), owned(code))
    fleet.write(template(fleet.suffix), owned(code, state="suspended"))
    with customers(fleet, code) as working, Watch(fleet.host, code).watching():
        working.work_until()
        asyncio.run(_overtaken(fleet, other, "taking out of reach"))
        converged(fleet)
        converged(other)
        working.work_until()
    working.everything_is_in(code)


# -- a setting that fails in a renamed document ----------------------------------------------------------------------


@PRODUCTION
def test_a_setting_that_fails_takes_no_renamed_customer_out_of_service(fleet: RealFleet) -> None:
    code, new, next_one = (f"{stem}{fleet.suffix}" for stem in ("old", "new", "next"))
    applied(fleet, owned(code))
    with customers(fleet, code, new) as working:
        working.work_until()
        broken = owned(new, renamed_from=code, modules="[no_such_module]")
        passed = attempted(fleet, broken, instance(next_one))
        assert not passed.ok
        assert "no_such_module" in failures(passed)
        assert {new, next_one} <= set(fleet.host.databases())
        working.work_until()
        assert page_status(fleet.host, new) == 200
        assert login(fleet.host, new, "admin", fleet.password("instance", new).reveal())

        assert not attempted(fleet).ok
        working.work_until()
        applied(fleet, owned(code, renamed_from=new), instance(next_one))
        assert code in fleet.host.databases()
        working.work_until()
        assert page_status(fleet.host, code) == 200
        applied(fleet, owned(code), instance(next_one))
        converged(fleet)
    working.everything_is_in(code)


@PRODUCTION
def test_a_rename_that_was_cut_short_is_undone_by_a_plain_revert_of_the_text(fleet: RealFleet, dying: Dying) -> None:
    code, new, next_one = (f"{stem}{fleet.suffix}" for stem in ("back", "away", "third"))
    applied(fleet, owned(code))
    with customers(fleet, code, new) as working:
        working.work_until()
        killed(fleet, dying, to(f"switching.{new}"), owned(new, renamed_from=code))
        assert f"switching.{new}" in fleet.host.databases()
        fleet.host.start()
        applied(fleet, owned(code), instance(next_one))
        working.work_until()
        assert page_status(fleet.host, code) == 200
        converged(fleet)
    working.everything_is_in(code)
