"""What operators see on the page and what its buttons do, as a browser without JavaScript has it."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from html import unescape

import pytest

from reconciler.access.roles import Role
from reconciler.health.signs import CAPACITY, LATENCY, HealthStatus
from reconciler.health.verdicts import HealthRecord
from reconciler.notices.notices import NoticeName
from reconciler.store.forgetful import NoMemory
from reconciler.web.page.languages import COOKIE
from tests.daemon.stage import Stage
from tests.harness.universe import fleet, instance
from tests.harness.virtual_time import EPOCH
from tests.web.asked import TEXT, TOKENS, Asked, hang
from tests.web.test_api_steering import Hanging
from tests.web.visits import Browser, visiting


def words(page: str) -> str:
    """Return what a page says, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.partition("<main")[2])).split())


def shown(path: str, text: str = TEXT) -> str:
    found: list[str] = []

    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in(Role.MANAGER)
        found.append(words(await browser.open(path)))

    visiting(story, text=text)
    return found[0]


def test_the_first_page_says_at_a_glance_how_the_fleet_is() -> None:
    page = shown("/")
    assert "Everything is as the text says." in page
    assert "3 instances" in page
    assert "2 active 1 suspended" in page
    assert "3 in sync" in page
    assert "2 / 2 servers online" in page
    assert "Pending changes None." in page


@pytest.mark.parametrize(
    ("path", "said", "unsaid"),
    [
        ("/servers", ["2 of 2", "one", "healthy", "of 100"], []),
        ("/servers?view=board", ["active 2", "maintenance 0", "offline 0", "one", "two"], []),
        ("/servers?health=critical", ["0 of 2", "Nothing fits."], ["19.0"]),
        ("/instances?label=tier%3Dgold", ["2 of 3", "Acme SA", "cafe"], ["suspended.beta"]),
        ("/instances?state=suspended&q=&server=", ["1 of 3", "suspended.beta"], ["Acme SA"]),
        ("/instances?in_sync=yes&sort=-code", ["3 of 3"], []),
        ("/templates", ["base", "● ready", "template_base"], ["▲"]),
        ("/plans", ["starter", "no limit"], []),
        ("/servers/one", ["server/one", "Odoo 19.0", "http://one.invalid", "Pending Nothing."], []),
        ("/servers/one?tab=instances", ["cafe"], ["beta"]),
        ("/servers/one?tab=configuration", ["master_password", "master_password env: MASTER", "default"], []),
        ("/instances/acme", ["instance/acme", "Acme SA", "in sync", "https://acme.example.com", "tier=gold"], []),
        ("/instances/acme?tab=configuration", ["labels tier: gold", "admin_password derived: {generation: 1} default"], []),
        ("/instances/acme?tab=nonsense", ["Observed ● active"], []),
        ("/templates/base", ["one", "two", "ready"], []),
        ("/plans/starter?tab=instances", ["Acme SA", "cafe"], []),
        ("/changes", ["Nothing is pending"], []),
        ("/events", ["Nothing is written down yet."], []),
        ("/passes", ["None yet."], []),
    ],
)  # fmt: skip
def test_each_page_says_what_it_is_for(path: str, said: list[str], unsaid: list[str]) -> None:
    page = shown(path)
    assert [each for each in said if each not in page] == [], page
    assert [each for each in unsaid if each in page] == [], page


def test_a_question_that_cannot_be_meant_is_told_and_everything_is_shown() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        answer = await browser.send("GET", "/instances?state=asleep&colour=red")
        assert answer.status_code == 422
        assert "state: " in words(answer.text)
        assert "3 of 3" in words(answer.text)
        assert (await browser.send("GET", "/events?level=loud")).status_code == 422
        assert (await browser.send("GET", "/instances/nobody")).status_code == 404

    visiting(story)


def test_long_lists_are_shown_in_parts() -> None:
    text = fleet(
        *(instance(f"c{number:03}", server="one") for number in range(60)), servers={"one": "19.0", "two": "19.0"}
    )

    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        first = await browser.open("/instances?sort=-code&server=one")
        assert "1 to 50 of 60" in words(first)
        following = re.search(r'rel="next" href="([^"]*)"', first)
        assert following is not None
        second = await browser.open(unescape(following[1]))
        assert "51 to 60 of 60" in words(second)
        assert "c000" in second
        assert "c059" not in second

    visiting(story, text=text)


def test_what_is_blocked_for_one_reason_is_shown_once_with_all_that_it_stops() -> None:
    codes = [f"c{number:02}" for number in range(12)]

    def all_of_them(state: str) -> str:
        documents = [instance(code, server="one", state=state) for code in codes]
        return fleet(*documents, servers={"one": "19.0", "two": "19.0"})

    async def story(browser: Browser, asked: Asked) -> None:
        asked.stage.universe.hosts["one"].kill()
        asked.stage.source.write(all_of_them("suspended"), "b" * 40)
        await asyncio.sleep(60)
        await browser.log_in()
        page = words(await browser.open("/changes"))
        assert "Blocked 14 " in page
        assert page.count("server one is offline") == 1
        assert "are blocked: server one is offline" in page
        assert [page.count(each) for each in (*(f"instance/{code}" for code in codes), "server/one")] == [1] * 13
        assert "and 4 more" in page
        glance = words(await browser.open("/"))
        assert "14 blocked." in glance
        assert glance.count("server one is offline") == 1
        assert "instance/c00, instance/c01, instance/c02 and 11 more are blocked: server one is offline" in glance
        assert "instance/c03" not in glance
        assert words(await browser.open("/servers/one")).count("server one is offline") <= 2  # its health says so too
        browser.cookies[COOKIE] = "fr"
        assert "et 4 autres" in words(await browser.open("/changes"))

    visiting(story, text=all_of_them("active"))


def test_what_is_paused_on_the_page_is_left_alone_until_it_is_resumed_there() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        answer = await browser.press("/instances/beta?tab=history", "/pause", reason="a  call")
        assert answer.headers["location"] == "/instances/beta?tab=history&told=pause"
        page = words(await browser.open(answer.headers["location"]))
        assert "Paused: nothing is changed there" in page
        assert "instance/beta is paused" in page
        asked.stage.source.write(TEXT.replace("state: suspended", "state: active"), "b" * 40)
        await asyncio.sleep(60)
        shown = words(await browser.open("/changes"))
        assert "Withheld 1" in shown
        assert "is paused" in shown
        assert "instance/beta is paused" in words(await browser.open("/"))
        await browser.press("/", "/resume")
        await asked.stage.converged()
        assert "beta" in asked.stage.universe.hosts["two"].databases

    told = [n.detail for n in visiting(story).notices if n.name in {NoticeName.PAUSED, NoticeName.RESUMED}]
    who = f"the-manager ({TOKENS[Role.MANAGER].id}), manager, from 192.0.2.7"
    assert told == [f"instance/beta was paused by {who}: a call", f"instance/beta was resumed by {who}"]


def test_reconciling_is_asked_for_with_a_button() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        await asyncio.sleep(30)
        before = len(asked.stage.universe.hosts["two"].calls)
        await browser.press("/servers/two", "/reconcile")
        await asyncio.sleep(1)
        assert len(asked.stage.universe.hosts["two"].calls) > before

    (notice,) = [n for n in visiting(story).notices if n.name is NoticeName.RECONCILE_ASKED]
    assert "two looked at now" in notice.detail


def test_whatever_people_and_hosts_write_is_text() -> None:
    evil = "\"<script>alert(1)</script>' onmouseover=x {{7*7}}"
    text = fleet(
        instance("acme", name=f"'{evil.replace(chr(39), chr(39) * 2)}'", labels="{tier: '<b>gold</b>'}"),
        servers={"one": "19.0", "two": "19.0"},
    ).replace("code: starter", "code: starter\ndescription: '<img src=x onerror=alert(2)>'")

    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        await browser.press("/instances/acme", "/pause", reason="<i>why</i>\x1b[2J\u202e")
        for path in (
            "/", "/instances", "/instances/acme", "/instances/acme?tab=configuration", "/instances/acme?tab=history",
            "/plans/starter", "/plans/starter?tab=configuration", "/events",
            "/instances?q=%22%3E%3Cscript%3Ealert(3)%3C/script%3E",
            "/events?name=%3Cscript%3E", "/?told=%3Cscript%3E", "/instances?label=%3Cb%3Egold%3D1",
        ):  # fmt: skip
            page = (await browser.send("GET", path)).text
            assert not re.search(r"<script>|<img src=x|<i>why|<b>gold|\u202e|\x1b|alert\(3\)</", page), path
            assert "49" not in re.findall(r"<h1>[^<]*", page)[0]

    visiting(story, text=text)


def test_while_the_store_is_locked_and_a_host_hangs_the_page_is_shown() -> None:
    memory = Hanging()

    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        await browser.open("/")
        hang(asked.stage, "two")
        memory.locked = True
        await asyncio.sleep(10)
        assert "3 instances" in words(await browser.open("/"))
        assert "cannot be read now" in words(await browser.open("/events"))
        await browser.open("/servers/two?tab=health")
        answer = await browser.press("/instances/acme", "/pause")
        assert (answer.status_code, "locked" in words(answer.text)) == (503, True)

    visiting(story, store=memory)


def test_before_there_is_a_fleet_the_page_says_what_is_waited_for() -> None:
    async def begin(stage: Stage) -> None:
        stage.source.write("kind: fleet\n")
        await asyncio.sleep(10)

    async def story(browser: Browser, asked: Asked) -> None:
        answer = await browser.log_in()
        assert (answer.status_code, "waiting for a valid fleet" in words(answer.text)) == (503, True)

    visiting(story, begin=begin)


def test_no_page_of_it_is_large() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        size = len((await browser.open("/")).encode())
        for name in ("page.css", "page.js", "icon.svg"):
            answer = await browser.send("GET", f"/static/{name}")
            assert answer.status_code == 200
            size += len(answer.content)
        assert size < 200_000
        for path in ("/static/nothing.css", "/static/..%2fshell.py", "/static/%2e%2e/shell.py"):
            assert (await browser.send("GET", path)).status_code == 404

    visiting(story)


class Remembering(NoMemory):
    """Remembers three looks at a server: critical, then healthy twice."""

    def health_history(self, *asked: object, **_: object) -> tuple[HealthRecord, ...]:
        looks = ((HealthStatus.HEALTHY, 8, 40.0), (HealthStatus.HEALTHY, 9, 50.0), (HealthStatus.CRITICAL, 90, 60.0))
        return tuple(
            HealthRecord(
                str(asked[0]), EPOCH - timedelta(minutes=15 * age), status, online=True,
                signs={LATENCY.name: latency, CAPACITY.name: free},
            )
            for age, (status, latency, free) in enumerate(looks)
        )  # fmt: skip


def test_health_latency_and_capacity_are_drawn_over_time_and_said_in_words() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        page = await browser.open("/servers/one?tab=health")
        assert 'aria-label="healthy in 2 of 3 looks"' in page
        drawn = re.findall(r'<rect class="(\w+)" x="([\d.]+)" width="100.000" height="(\d+)"', page)
        assert drawn == [("bad", "0.000", "20"), ("good", "100.000", "60"), ("good", "200.000", "60")], (
            "the oldest first"
        )
        assert 'aria-label="Latency, from 8 to 90 ms, now 8"' in page
        assert 'aria-label="Free capacity, from 40 to 60 %, now 40"' in page

    visiting(story, store=Remembering())
