"""What stops a build, and what it then says and leaves behind: on a host in memory that is spoilt in one way at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.model.failures import (
    ConnectionCut,
    CutOff,
    DatabaseExists,
    HalfMadeDatabase,
    HostError,
    HostUnreachable,
    PasswordRefused,
    ProofFailed,
    Rejected,
    UnknownOutcome,
)
from reconciler.core.model.furnishing import Furnishing, Origin
from reconciler.core.model.observed import Mark
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies.template_versions import version
from reconciler.engine.building import FILES_AT_ONCE, LEAST_NUMBER, Builder, TimeLimits
from reconciler.engine.elsewhere import Elsewhere
from reconciler.engine.moves import SAMPLE
from schemas.secrets import Secret
from tests.core.scenes import as_declared, desired, instance, mark_for, seen_as, spec
from tests.engine.memory_host import WORKS, Counting, MemoryHost, Passwords
from tests.harness.virtual_time import VirtualClock, run

OWNER = "{name: Manager, login: manager@acme.example}"
TEXT = desired(instance("acme", owner=OWNER), instance("bare"))
BASE = spec(TEXT, "template/base")
ACME = spec(TEXT, "instance/acme")
BARE = spec(TEXT, "instance/bare")
NAME = "building-26112412000000001.acme"
TEMPLATE_NAME = "building-26112412000000001.template_base"
WITH_MORE = replace(ACME, modules=(*ACME.modules, "sale"))
"""One with a module that its template lacks."""


def builder(host: MemoryHost, steps: list[str] | None = None, *others: MemoryHost) -> Builder:
    told = steps if steps is not None else []
    ports = (host.port, Passwords(), VirtualClock(), Counting(), TimeLimits(create=900, clone=600), "19.0", told.append)
    elsewhere = Elsewhere([(other.port, ("acme",)) for other in others], {other.server for other in others})
    return Builder(*ports, elsewhere)


def ready(**template: Any) -> MemoryHost:
    """A host with its template, whose mark says what the keywords say."""
    host = MemoryHost()
    host.hold(BASE, **template)
    return host


def clone(
    host: MemoryHost,
    wanted: DatabaseSpec = ACME,
    final: str = "",
    former: str | None = None,
    meanwhile: Callable[[], object] = lambda: None,
    **spoilt: Any,
) -> HostError | None:
    """Build an instance; once the template was read the answers are spoilt, and something may happen meanwhile."""

    async def scenario() -> HostError | None:
        building = builder(host)
        try:
            source = await building.read_source(BASE)
            host.asked.clear()
            host.answers.update(spoilt)
            meanwhile()
            await building.clone_instance(wanted, BASE, source, final or wanted.target, former)
        except HostError as failure:
            return failure
        return None

    return run(scenario())


def create(host: MemoryHost, **spoilt: Any) -> HostError | None:
    async def scenario() -> HostError | None:
        host.answers.update(spoilt)
        try:
            await builder(host).create_template(BASE)
        except HostError as failure:
            return failure
        return None

    return run(scenario())


def said(failure: HostError | None) -> tuple[type[HostError], str, str, str]:
    """Return kind, reason, advice and database of a failure, which names its server."""
    assert failure is not None
    assert failure.server == "one"
    return type(failure), failure.what, failure.advice, failure.database


# The template


@pytest.mark.parametrize(
    ("mark", "seen", "why"),
    [
        ({"fleet": "theirs"}, {}, "the template is not ready: it belongs to fleet 'theirs'"),
        (
            {},
            {"modules": {"base": "to upgrade", "web": "installed", "mail": "to install"}},
            "the template is not ready: modules base, mail are being changed",
        ),
        ({"digest": ""}, {}, "the template is not ready: it is being changed, or a change of it was cut short"),
        (
            {"digest": "of another text"},
            {},
            "the template is not ready: it is being changed, or a change of it was cut short",
        ),
        (
            {"moving_from": "building-x"},
            {},
            "the template is not ready: it is being changed, or a change of it was cut short",
        ),
    ],
)
def test_a_template_that_is_not_ready_is_not_cloned(mark: dict[str, Any], seen: dict[str, Any], why: str) -> None:
    host = ready(**mark)
    host.databases["template_base"].seen = dict(seen)
    assert said(clone(host)) == (ProofFailed, why, "", "template_base")


def test_a_template_that_refuses_its_password_is_not_cloned() -> None:
    host = ready()
    host.databases["template_base"].password = "another"
    assert said(clone(host)) == (PasswordRefused, "the template refuses the declared password", "", "template_base")


# Steps, and what a build is born with


def test_a_build_says_what_it_is_at() -> None:
    host = ready()
    steps: list[str] = []

    async def scenario() -> None:
        building = builder(host, steps)
        await building.clone_instance(BARE, BASE, await building.read_source(BASE), "bare")
        assert steps == ["cloning", "settings", "verifying", "publishing"]
        steps.clear()
        await building.clone_instance(WITH_MORE, BASE, await building.read_source(BASE), "acme")
        assert steps == ["cloning", "settings", "modules", "verifying", "publishing"]
        steps.clear()
        host.databases.pop("template_base")
        await building.create_template(BASE)

    run(scenario())
    assert steps == ["creating", "settings", "modules", "verifying", "publishing"]


@pytest.mark.parametrize(("final", "quiet"), [("acme", False), ("suspended.acme", True)])
def test_a_clone_is_awake_exactly_if_it_is_in_service(final: str, *, quiet: bool) -> None:
    host = ready()
    assert clone(host, final=final) is None
    kept = host.databases[final]
    assert kept.quiet is quiet
    assert kept.mark == replace(
        mark_for(ACME, kept.uuid), moving_from="", in_service=True, owner="manager@acme.example"
    )
    assert host.done("begin_service") == [("begin_service", "switching.acme", True, not quiet)]
    assert {call[1] for call in host.done("forget_name")} == {"acme", final}


def test_scheduled_actions_that_somebody_holds_back_on_its_way_wake_where_it_rests() -> None:
    """Another reconciler, which looked at it under the lock."""
    host = ready()
    rename = host.rename

    async def held_back(old: str, new: str) -> None:
        await rename(old, new)
        host.databases[new].quiet = True

    host.rename = held_back  # type: ignore[method-assign]
    assert clone(host) is None
    assert not host.databases["acme"].quiet


def furnished(host: MemoryHost) -> list[Furnishing]:
    return [call[2] for call in host.done("furnish")]


BORN = Furnishing(
    ACME.at_birth(),
    Origin("uuid of template_base", BASE.digest()),
    password=Secret("admin_password of instance/acme"),
    owner_password=Secret("owner.initial_password of instance/acme"),
    mark=replace(mark_for(ACME, ""), moving_from=NAME, in_service=False),
    number=LEAST_NUMBER,
    files=FILES_AT_ONCE,
)


def test_a_clone_is_made_the_customers_own_all_at_once() -> None:
    host = ready()
    assert clone(host) is None
    assert furnished(host) == [BORN]
    assert host.done("install", "file_sizes", "logins", "set_credentials", "write_mark") == [
        ("file_sizes", "acme", None, ["1/logo"])
    ], "nothing by itself, and its files once more where it rests"
    host = ready()
    assert clone(host, BARE) is None
    assert furnished(host)[0].owner_password is None


def test_a_clone_whose_template_lacks_modules_gets_its_password_before_them_and_its_owner_and_mark_after_them() -> None:
    """Modules bring users, scheduled actions and settings of their own: all that is dealt with once more."""
    host = ready()
    assert clone(host, WITH_MORE) is None
    whole = replace(
        BORN, spec=WITH_MORE.at_birth(), mark=replace(mark_for(WITH_MORE, ""), moving_from=NAME, in_service=False)
    )
    assert furnished(host) == [
        replace(whole, owner_password=None, mark=None, number=None),
        replace(whole, password=None, quiet=True, files=SAMPLE),
    ]
    assert [call[0] for call in host.done("furnish", "install")] == ["furnish", "install", "furnish"]
    assert host.done("install") == [("install", NAME, *WITH_MORE.modules)]


def test_a_template_is_quiet_and_nobody_has_a_way_in_before_its_modules_and_after_them() -> None:
    host = MemoryHost()
    assert create(host) is None
    mark = replace(mark_for(BASE, ""), moving_from=TEMPLATE_NAME, made_of=version(BASE))
    first = Furnishing(BASE.at_birth(), quiet=True)
    assert furnished(host) == [first, replace(first, mark=mark, number=LEAST_NUMBER, files=SAMPLE)]
    assert [call[0] for call in host.done("furnish", "install")] == ["furnish", "install", "furnish"]


def test_before_its_first_rename_a_build_notes_whence_it_goes_and_that_it_never_served_anybody() -> None:
    """Whatever dies from here on, the next pass can tell that nothing of a customer's is in it, and where its files are."""
    host = ready()
    noted: list[Mark | None] = []
    rename = host.rename

    async def watched(old: str, new: str) -> None:
        noted.append(host.databases[old].mark)
        await rename(old, new)

    host.rename = watched  # type: ignore[method-assign]
    assert clone(host, BARE) is None
    name = NAME.replace("acme", "bare")
    assert noted[0] == replace(mark_for(BARE, f"uuid of {name}"), moving_from=name, in_service=False, owner="")


def test_a_neutralized_clone_stays_quiet_and_so_does_a_template() -> None:
    host = ready()
    assert clone(host, replace(BARE, neutralize=True)) is None
    assert host.databases["bare"].quiet
    assert host.done("clone")[0][3] is True
    host = MemoryHost()
    assert create(host) is None
    kept = host.databases["template_base"]
    assert kept.quiet
    assert kept.mark == replace(mark_for(BASE, kept.uuid), made_of=version(BASE))
    assert host.done("begin_service") == [("begin_service", "switching.template_base", False, False)]


# What stops a clone


@pytest.mark.parametrize("admin", ["admin", "manager@acme.example"])
def test_an_owner_whose_login_somebody_of_the_template_or_the_admin_account_has_is_not_made(admin: str) -> None:
    host = ready()
    if admin == "admin":
        host.databases["template_base"].logins.add("manager@acme.example")
    assert said(clone(host, replace(ACME, admin_login=admin))) == (
        Rejected,
        "the owner cannot be made: there is a user 'manager@acme.example' already, of the template or of a module",
        "choose another owner.login",
        "template_base",
    )
    assert host.done("clone") == []


def test_an_owner_may_have_the_login_that_the_templates_admin_account_had() -> None:
    host = ready()
    host.databases["template_base"].logins = {"admin"}
    assert ACME.owner is not None
    owner = ACME.owner.model_copy(update={"login": "admin"})
    assert clone(host, replace(ACME, admin_login="ops", owner=owner)) is None


def test_an_owner_whose_login_a_module_brought_is_not_made_and_the_build_is_dropped() -> None:
    host = ready()
    failure = clone(host, WITH_MORE, install={"manager@acme.example"})
    assert said(failure) == (Rejected, "there is a user of the owner's login already", "", NAME)
    assert list(host.databases) == ["template_base"]


@pytest.mark.parametrize("taken", ["acme", "suspended.acme", "switching.acme"])
def test_nothing_is_built_where_a_form_of_the_name_exists_listed_or_not(taken: str) -> None:
    advice = "if the host does not list it, it belongs to another PostgreSQL role of the same cluster"
    assert said(clone(ready(), exists={taken})) == (DatabaseExists, "the name is taken", advice, taken)


def test_nothing_is_built_where_the_former_name_is_borne_before_or_after_the_work() -> None:
    host = ready()
    host.hold(BARE, "old-acme")
    failure = clone(host, former="old-acme")
    assert said(failure)[1:] == (
        "the name is taken",
        "if the host does not list it, it belongs to another PostgreSQL role of the same cluster",
        "old-acme",
    )
    assert host.done("clone") == []
    host = ready()
    nothing: set[str] = set()
    failure = clone(host, former="old-acme", exists=[nothing] * 6 + [{"old-acme"}] * 6)
    assert said(failure) == (DatabaseExists, "old-acme was made by somebody else meanwhile", "", NAME)
    assert list(host.databases) == ["template_base"], "the whole build is dropped again"


@pytest.mark.parametrize(
    ("spoilt", "kind", "why"),
    [
        ({"furnish": {}}, ProofFailed, "the host says that it cloned the template, but files are missing"),
        ({"furnish": {"1/logo": ""}}, ProofFailed, "the host says that it cloned the template, but files are missing"),
        ({"furnish": {"1/logo": "9"}}, ProofFailed, "the host says that it cloned the template, but files are missing"),
        (
            {"furnish": ProofFailed("it does not take its own password", server="one", database=NAME)},
            ProofFailed,
            "it does not take its own password",
        ),
        ({"accepts": True}, ProofFailed, "it still answers to a password that is not its own (login 'admin')"),
        ({"accepts": [False, True]}, ProofFailed, "it still answers to a password that is not its own (login 'admin')"),
    ],
)
def test_a_clone_that_is_not_proven_whole_and_its_own_is_dropped_again(
    spoilt: dict[str, Any], kind: type[HostError], why: str
) -> None:
    host = ready()
    assert said(clone(host, **spoilt)) == (kind, why, "", NAME)
    assert list(host.databases) == ["template_base"]


@pytest.mark.parametrize("lost", [None, UnknownOutcome("no answer")])
@pytest.mark.parametrize(
    "mark",
    [
        None,
        mark_for(BASE, "of another template"),
        replace(mark_for(BASE, "uuid of template_base"), digest="of another text"),
    ],
)
def test_a_clone_of_a_template_that_was_changed_meanwhile_is_dropped_again(
    mark: Mark | None, lost: UnknownOutcome | None
) -> None:
    host = ready()

    def changes() -> None:
        host.databases["template_base"].mark = mark

    spoilt: dict[str, Any] = {"clone": lost or WORKS}
    failure = clone(host, meanwhile=changes, **spoilt)
    assert said(failure) == (ProofFailed, "the template was changed while it was cloned", "", NAME)
    assert list(host.databases) == ["template_base"]


def with_files(count: int) -> tuple[MemoryHost, dict[str, str]]:
    host = ready()
    files = {f"{number}/{number:x}": "10" for number in range(1, count + 1)}
    host.databases["template_base"].files = files
    return host, files


def test_files_of_a_clone_are_compared_in_the_run_that_makes_it_its_own_while_that_can_hold_them() -> None:
    host, _ = with_files(FILES_AT_ONCE)
    assert clone(host, BARE) is None
    assert [what.files for what in furnished(host)] == [FILES_AT_ONCE]
    host, _ = with_files(FILES_AT_ONCE + 1)
    assert clone(host, BARE) is None
    assert [what.files for what in furnished(host)] == [SAMPLE]
    assert [call[0] for call in host.done("file_sizes", "furnish")][:2] == ["file_sizes", "furnish"]
    host, files = with_files(FILES_AT_ONCE + 1)
    failure = clone(host, file_sizes={**files, "1/1": ""})
    why = "the host says that it cloned the template, but files are missing"
    assert said(failure) == (ProofFailed, why, "", NAME)
    assert furnished(host) == []


def test_of_the_files_of_a_clone_the_newest_are_looked_for_at_the_lock_and_where_it_rests() -> None:
    host, _ = with_files(SAMPLE + 3)
    newest = [f"{number}/{number:x}" for number in range(4, SAMPLE + 4)]
    assert clone(host, BARE) is None
    assert host.done("file_sizes") == [("file_sizes", "bare", None, sorted(newest))]

    def lost(key: str) -> HostError | None:
        host, files = with_files(SAMPLE + 3)
        rename = host.rename

        async def loses(old: str, new: str) -> None:
            await rename(old, new)
            host.databases[new].files = {**files, key: ""}

        host.rename = loses  # type: ignore[method-assign]
        return clone(host, BARE)

    failure = lost(newest[0])
    assert failure is not None
    assert failure.what == "its files did not come along; it was never in service and is kept as trash"
    assert lost("3/3") is None, "a folder moves whole or not at all: a sample tells"


NOT_AS_DECLARED = (
    "after it was configured, company is 'Wrong', not 'acme'; modules.base is 'not installed', not 'installed';"
    " modules.mail is 'not installed', not 'installed'"
)


@pytest.mark.parametrize(
    ("look", "why", "advice"),
    [
        ({"company": "Wrong", "timezone": "", "modules": {}}, NOT_AS_DECLARED, ""),
        (
            {"mark": None},
            "it bears no mark of this fleet",
            "it was not made by this fleet: choose another `database_name`",
        ),
        ({"active_crons": (1,)}, "after it was configured, schedule is '1 scheduled action active', not 'quiet'", ""),
    ],
)
def test_a_build_that_is_not_as_declared_when_it_is_looked_at_afresh_is_not_published(
    look: dict[str, Any], why: str, advice: str
) -> None:
    host = ready()
    shown = as_declared(ACME, NAME)
    uuid = f"uuid of {NAME}"
    assert shown.mark is not None
    whole = replace(shown, uuid=uuid, mark=replace(shown.mark, uuid=uuid, moving_from=NAME, in_service=False))
    assert clone(ready(), look=whole) is None
    assert said(clone(host, look=seen_as(whole, **look))) == (ProofFailed, why, advice, NAME)


# What stops a template


def test_a_create_whose_password_is_not_taken_is_a_failure_that_names_what_to_look_at() -> None:
    assert said(create(MemoryHost(), open=None)) == (
        ProofFailed,
        "the host says that it created the database, but it does not take its password: the initialisation failed",
        "the host's log says why; country_code and lang are worth a look",
        TEMPLATE_NAME,
    )


def test_a_template_that_still_takes_the_factory_password_is_not_published() -> None:
    failure = create(MemoryHost(), accepts=True)
    assert said(failure)[:2] == (ProofFailed, "it still answers to a password that is not its own (login 'admin')")


def test_a_worker_that_still_has_the_half_made_database_in_memory_is_asked_again() -> None:
    host = MemoryHost()
    assert create(host, accepts=[HalfMadeDatabase("KeyError"), WORKS]) is None
    assert len(host.done("identity")) == 8, "several calls at once reach all workers"
    host = MemoryHost()
    spoilt = [HalfMadeDatabase("KeyError"), WORKS]
    assert create(host, accepts=spoilt, identity=[HalfMadeDatabase("KeyError")] * 8) is None


# Lost answers


def test_a_create_whose_answer_was_lost_is_found_by_its_password() -> None:
    host = MemoryHost()
    half_made = [HalfMadeDatabase("KeyError")] * 8
    assert create(host, create=UnknownOutcome("no answer"), open=[None, None, WORKS], identity=half_made) is None
    assert len(host.done("identity")) == 8, "whatever workers have in memory, they are made to look again"


@pytest.mark.parametrize(
    ("lost", "seconds"), [(UnknownOutcome("no answer"), 600), (CutOff("the connection was closed"), 60)]
)
@pytest.mark.parametrize(
    "unfinished",
    [
        {"file_sizes": {}},
        {"identity": ("uuid of template_base", mark_for(BASE, "uuid of template_base"))},
        {"open": None},
    ],
)
def test_a_clone_whose_answer_was_lost_is_waited_for_as_long_as_it_may_take(
    lost: UnknownOutcome, seconds: int, unfinished: dict[str, Any]
) -> None:
    host = ready()
    failure = clone(host, clone=lost, **unfinished)
    assert said(failure) == (UnknownOutcome, "no answer came, and it was not complete within its limit", "", NAME)
    assert len(host.done("listed")) == seconds // 2 + 1, "once before, then every two seconds"
    assert NAME in host.databases, "whatever runs there now is not dropped"
    assert len(host.done("clone")) == 1, "and it is not sent again"


def test_what_may_pass_while_a_lost_clone_is_waited_for_does_not_end_the_wait() -> None:
    passing = [HostUnreachable("down"), HalfMadeDatabase("KeyError"), ConnectionCut("closed")]
    host = ready()
    assert clone(host, clone=UnknownOutcome("no answer"), identity=passing) is None


def test_of_a_lost_clone_without_a_trace_it_is_said_so() -> None:
    host = ready()
    failure = clone(host, clone=UnknownOutcome("no answer"), listed=[WORKS] + [{"template_base"}] * 20)
    assert said(failure) == (ProofFailed, "no answer came, and the host shows no trace of it", "", NAME)


def test_a_clone_that_was_refused_before_it_began_is_sent_again() -> None:
    host = ready()
    assert clone(host, clone=[HostUnreachable("down"), WORKS]) is None


@pytest.mark.parametrize("failure", [UnknownOutcome("no answer"), HostUnreachable("down")])
def test_what_a_build_is_given_is_given_once_though_the_answer_was_lost(failure: HostError) -> None:
    """The second time it is asked as the account that it has by then: its template's is refused where the first was heard."""
    host = ready()
    assert clone(host, furnish=[failure, WORKS]) is None
    assert furnished(host) == [BORN] * (1 if isinstance(failure, UnknownOutcome) else 2)
    assert host.done("furnished") == [("furnished", NAME)]
    host = ready()
    assert clone(host, WITH_MORE, furnish=[WORKS, failure, WORKS]) is None
    assert host.done("furnished") == [("furnished", NAME)] * 2
    host = MemoryHost()
    assert create(host, furnish=[failure, WORKS, failure, WORKS]) is None
    kept = host.databases["template_base"]
    assert kept.mark == replace(mark_for(BASE, kept.uuid), made_of=version(BASE))


def test_the_names_of_other_hosts_are_looked_at_before_a_build_goes_into_service() -> None:
    host, other = ready(), MemoryHost("two")
    other.hold(spec(desired(instance("acme"), servers=("two",)), "instance/acme", "two"), "suspended.acme")

    async def scenario() -> HostError | None:
        building = builder(host, None, other)
        try:
            await building.clone_instance(ACME, BASE, await building.read_source(BASE), "acme")
        except HostError as failure:
            return failure
        return None

    failure = run(scenario())
    assert failure is not None
    assert failure.what == "suspended.acme is on two; it was never in service and is kept as trash"
    assert failure.database == "switching.acme"
