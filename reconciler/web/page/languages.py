"""The languages of the page, by gettext: catalogues are `.po` files beside this module, compiled when the daemon starts.

English is what the templates say. What a daemon, a host or a person says is never translated: it is shown as it is, marked as
English, so that it can be searched for and compared with logs.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup, escape

from reconciler.reports.escapes import visible

COOKIE = "odoo-fleet-language"
COOKIE_SECONDS = 365 * 86_400


@dataclass(frozen=True)
class Language:
    """One language.

    Args:
        code: as in `lang` of HTML.
        name: in itself.
        catalogue: its sentences.
    """

    code: str
    name: str
    catalogue: NullTranslations = field(default_factory=NullTranslations)

    def say(self, message: str, **given: Any) -> str:
        """Say a sentence, with what is given filled in."""
        return self.catalogue.gettext(message) % given

    def markup(self, message: str, **given: Any) -> Markup:
        """Say a sentence as HTML: what is given is text, unless it is markup."""
        return _filled(self.catalogue.gettext(message), given)

    def markup_of(self, one: str, many: str, number: int, **given: Any) -> Markup:
        """Say a sentence of a number of things as HTML."""
        return _filled(self.catalogue.ngettext(one, many, number), {"num": number, **given})

    def known(self, text: str) -> str | None:
        """Return a sentence of the page's own, or a word, in this language; None of what has no translation."""
        if self.code == ENGLISH:
            return text
        found = self.catalogue.gettext(text)
        return found if text and found != text else None


def _filled(sentence: str, given: Mapping[str, Any]) -> Markup:
    return escape(sentence) % {name: visible(v) if type(v) is str else v for name, v in given.items()}


def _catalogue(code: str) -> GNUTranslations:
    with files("reconciler.web.page").joinpath(f"{code}.po").open("rb") as stream:
        sentences = read_po(stream, locale=code, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, sentences)
    compiled.seek(0)
    return GNUTranslations(compiled)


ENGLISH = "en"
LANGUAGES = {each.code: each for each in (Language(ENGLISH, "English"), Language("fr", "Français", _catalogue("fr")))}


def choose(kept: str, accepted: str) -> Language:
    """Return the language of a visitor.

    Args:
        kept: what their browser keeps of the switch; nothing if it was never used.
        accepted: what their browser sends as `Accept-Language`.
    """
    if kept in LANGUAGES:
        return LANGUAGES[kept]
    wanted = sorted(map(_range, accepted[:1000].split(",")), key=lambda each: -each[1])
    found = (LANGUAGES.get(code) for code, weight in wanted if weight > 0)
    return next((each for each in found if each), LANGUAGES[ENGLISH])


def _range(text: str) -> tuple[str, float]:
    tag, _, parameter = text.partition(";")
    code = tag.strip().lower().partition("-")[0]
    name, _, weight = parameter.strip().partition("=")
    try:
        return code, float(weight) if name else 1.0
    except ValueError:
        return code, 0.0


def N_(text: str) -> str:  # noqa: N802 -- gettext's own name for a text that is translated where it is shown
    """Mark a text for the catalogue."""
    return text
