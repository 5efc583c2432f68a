"""The search itself: a secret is found in each of the forms that text takes, or a test that finds none says nothing."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest

from tests.secrecy.fleet import SECRETS
from tests.secrecy.traces import Written


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("before", ["", "x", "user:"])
def test_a_secret_is_found_in_every_form(name: str, before: str) -> None:
    secret = SECRETS[name]
    plain = f"{before}{secret} and more"
    written = [
        plain,
        json.dumps({"a": plain}),
        json.dumps(json.dumps(plain)),
        repr(plain),
        html.escape(plain),
        quote(plain),
        base64.b64encode(plain.encode()).decode(),
        base64.urlsafe_b64encode(plain.encode()).decode(),
        base64.b64encode((before + secret).encode()).decode(),
        plain.encode().hex(),
    ]
    for text in written:
        assert Written({name: secret}, {"it": text.encode()}).found(), text


def test_what_holds_none_is_clean() -> None:
    assert Written(SECRETS, {"it": b"[secret] {derived: {generation: 1}} QUJDREVGR0hJSktMTU5PUA=="}).found() == []
