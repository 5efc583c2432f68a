"""The page in English and French: which of them is spoken, that all of its own sentences are, and what stays as it is."""

from __future__ import annotations

import asyncio
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.pofile import read_po

from reconciler.access.roles import Role
from reconciler.reports.status import InSync
from reconciler.web.page.languages import COOKIE, LANGUAGES, choose
from reconciler.web.page.shell import templates
from schemas.instance import Instance
from tests.harness.universe import fleet, instance
from tests.web.asked import TEXTS, Asked
from tests.web.test_pages_shown import words
from tests.web.visits import Browser, visiting

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "reconciler/web/page"
FRENCH = {"Accept-Language": "fr-CA,fr;q=0.9,en;q=0.5"}
PATHS = (
    "/", "/servers", "/servers?view=board", "/servers/one", "/servers/one?tab=instances", "/servers/one?tab=health",
    "/servers/one?tab=configuration", "/templates", "/templates/base", "/plans", "/plans/starter", "/instances",
    "/instances/acme", "/instances/acme?tab=history", "/instances?q=nobody", "/instances?limit=1", "/changes", "/events",
    "/passes", "/?told=pause", "/?told=order", "/?told=backup", "/?told=approve", "/instances/nobody",
)  # fmt: skip


def extracted() -> set[str | tuple[str, ...]]:
    """Return what the page says, as `make translations` finds it."""
    with (PAGE / "babel.cfg").open() as stream:
        methods, options = parse_mapping_cfg(stream)  # type: ignore[no-untyped-call]
    keywords = {**DEFAULT_KEYWORDS, **parse_keywords(["say", "RequestRefused:2"])}
    found = extract_from_dir(
        ROOT / "reconciler",
        [(f"{each[0].removeprefix('reconciler/')}", each[1]) for each in methods],
        options,
        keywords,
    )
    return {message for _, _, message, _, _ in found}


def catalogue(code: str) -> Catalog:
    return read_po(io.BytesIO((PAGE / f"{code}.po").read_bytes()), locale=code, abort_invalid=True)


def several(text: object) -> list[str]:
    """Return a sentence, or its forms of one thing and of many."""
    return list(map(str, text)) if isinstance(text, list | tuple) else [str(text or "")]


def sentences(code: str) -> list[Message]:
    return [message for message in catalogue(code) if message.id]


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_each_sentence_of_the_page_is_translated_and_nothing_else_is(code: str) -> None:
    said, translated = extracted(), {message.id for message in sentences(code)}
    assert len(said) > 150
    assert said - translated == set(), "run `make translations` and translate what is new"
    assert translated - said == set(), "run `make translations`: the page does not say this any more"
    for message in sentences(code):
        texts = several(message.string)
        assert all(texts), f"{message.id} is not translated"
        assert not message.fuzzy, f"{message.id} is guessed"
        assert not list(message.check(catalogue(code))), f"{message.id} has other variables"
        assert not re.search(r"[<>&\"']", "".join(texts)), f"{message.id}: write typographic quotes"


class Heard(HTMLParser):
    """What somebody hears who listens to a page in its language: its text and its labels, without what is marked as English."""

    SILENT = ("input", "img", "link", "meta", "br", "rect", "polyline")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._stack: list[bool] = [False]
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        is_english = self._stack[-1] or given.get("lang") == "en" or given.get("translate") == "no"
        if not is_english:
            self.texts += [given[name] or "" for name in ("aria-label", "placeholder", "data-label") if name in given]
        if tag not in self.SILENT:
            self._stack.append(is_english)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Nothing that closes itself says anything."""

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.SILENT:
            self._stack.pop()

    def handle_data(self, text: str) -> None:
        if not self._stack[-1]:
            self.texts.append(text)


def patterns() -> dict[str, re.Pattern[str]]:
    """Return each English sentence that is another one in French, as it may be found in a page."""
    found = {}
    for message in sentences("fr"):
        texts = several(message.string)
        for each in several(message.id):
            pattern = "".join(
                ".*" if part.startswith("%(") else re.escape(part.replace("%%", "%"))
                for part in re.split(r"(%\(\w+\)s)", each)
            )
            if not any(re.fullmatch(pattern, re.sub(r"%\(\w+\)s", "x", text), re.DOTALL) for text in texts):
                found[each] = re.compile(pattern)
    return found


def test_a_french_page_says_nothing_of_its_own_in_english() -> None:
    english = patterns()

    async def story(browser: Browser, asked: Asked) -> None:
        browser.cookies[COOKIE] = "fr"
        pages = [(await browser.send("GET", "/login")).text, (await browser.log_in(token="wrong")).text]
        await browser.log_in(Role.MANAGER)
        await browser.press("/instances/beta", "/pause", reason="a call")
        pages += [(await browser.send("GET", path)).text for path in PATHS]
        pages.append((await browser.send("POST", "/pause", data={"csrf": "wrong"})).text)
        heard = {text.strip() for page in pages for text in Heard(page).texts}
        said = {
            (sentence, text)
            for sentence, pattern in english.items()
            for text in heard
            if text and pattern.fullmatch(text) and text not in codes
        }
        assert said == set()
        assert all('<html lang="fr">' in page for page in pages)

    codes = {"one", "two", "acme", "beta", "cafe", "base", "starter"}
    visiting(story)


@pytest.mark.parametrize(
    ("kept", "accepted", "spoken"),
    [
        ("", "", "en"),
        ("", "fr", "fr"),
        ("", "fr-CA,en;q=0.8", "fr"),
        ("", "de,en;q=0.4,fr;q=0.9", "fr"),
        ("", "en-GB,fr;q=0.9", "en"),
        ("", "fr;q=0,de", "en"),
        ("", "fr;q=x, *", "en"),
        ("", ";;,=,fr;q=", "en"),
        ("en", "fr", "en"),
        ("fr", "en", "fr"),
        ("../fr", "fr", "fr"),
        ("xx", "", "en"),
    ],
)
def test_the_language_is_the_one_that_was_chosen_or_that_the_browser_wants(
    kept: str, accepted: str, spoken: str
) -> None:
    assert choose(kept, accepted).code == spoken


def test_the_language_is_switched_before_and_after_log_in_and_remembered() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        assert "Se connecter" in (await browser.send("GET", "/login", headers=FRENCH)).text
        assert "Log in" in (await browser.send("GET", "/login")).text
        answer = await browser.send("POST", "/language", data={"language": "fr", "back": "/login?next=/plans"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/plans")
        cookie = answer.headers["set-cookie"].lower()
        assert all(each in cookie for each in ("max-age=31536000", "httponly", "samesite=strict", "path=/"))
        await browser.log_in(Role.USER)
        page = await browser.send("GET", "/", headers={"Accept-Language": "en"})
        assert (page.headers["content-language"], '<html lang="fr">' in page.text) == ("fr", True)
        assert "Tout est conforme au texte." in words(page.text)
        assert "3 instances" in words(page.text)
        await browser.send("POST", "/language", data={"language": "en", "back": "/"})
        assert "Everything is as the text says." in words(await browser.open("/"))

    visiting(story)


def test_a_language_that_there_is_not_changes_nothing_and_a_switch_leads_nowhere_else() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        for language in ("xx", "fr\r\nSet-Cookie: a=b", ""):
            answer = await browser.send("POST", "/language", data={"language": language, "back": "//evil.example"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            assert "set-cookie" not in answer.headers
        assert (await browser.send("GET", "/language")).status_code == 405

    visiting(story)


def test_what_the_daemon_says_stays_english_and_is_marked_as_such() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        browser.cookies[COOKIE] = "fr"
        await browser.log_in(Role.MANAGER)
        await browser.press("/instances/beta", "/pause", reason="<b>\u202e")
        page = await browser.open("/instances/beta")
        assert re.search(r'lang="en">instance/beta is paused', page)
        assert "&lt;b&gt;\\u202e" in page
        refused = await browser.send("POST", "/pause", data={"csrf": "wrong"})
        assert "est pas de cette session" in refused.text

    visiting(story)


def test_numbers_agree_with_what_they_count_and_a_copy_names_its_source() -> None:
    text = fleet(
        instance("acme"),
        instance("beta", state="suspended"),
        instance("cafe", state="suspended"),
        "kind: instance\ncode: trial\nclone_of: acme\nplan: starter\n",
        servers={"one": "19.0", "two": "19.0"},
    )

    async def story(browser: Browser, asked: Asked) -> None:
        browser.cookies[COOKIE] = "fr"
        await browser.log_in(Role.MANAGER)
        assert "2 en service 2 suspendues" in words(await browser.open("/"))
        copy = await browser.open("/instances/trial")
        assert 'de <a href="/instances/acme">acme</a>' in copy
        assert "copy of" not in copy
        asked.stage.universe.hosts["one"].kill()
        asked.stage.universe.hosts["two"].kill()
        await asyncio.sleep(600)
        assert "4 d\u2019état inconnu" in words(await browser.open("/"))

    visiting(story, text=text)


@pytest.mark.parametrize(
    "state",
    [*get_args(Instance.model_fields["state"].annotation), *(each for each in InSync if each is not InSync.YES)],
)
@pytest.mark.parametrize("code", LANGUAGES)
def test_each_state_that_an_instance_can_be_in_is_counted(code: str, state: str) -> None:
    counted = templates(LANGUAGES[code]).get_template("macros.html").module.counted  # type: ignore[attr-defined]
    one, two = str(counted(1, state)), str(counted(2, state))
    assert (one[:2], two[:2]) == ("1 ", "2 ")
    assert code == "en" or "suspended" not in one


def test_a_wrong_token_is_told_in_french() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        answer = await browser.send("POST", "/login", data={"token": TEXTS[Role.USER] + "x"}, headers=FRENCH)
        assert "ce jeton est inconnu, a été révoqué ou a expiré." in words(answer.text)

    visiting(story)
