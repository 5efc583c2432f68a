"""Choosing a password by a token of Odoo's, as a browser does on Odoo's own page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from schemas.secrets import Secret
from tests.contract.hosts import ContractHost
from tests.contract.wire import Account

CHOSEN = "a password that somebody chose"


@contextmanager
def entered(host: ContractHost, here: Account, login: str, token: Secret) -> Iterator[Callable[[], bool]]:
    """Choose the password: on Odoo's own page where there is one. Yields what tells whether that browser is still let in."""
    if not host.name.startswith("real"):
        here.call("res.users", "signup", {"password": CHOSEN}, token.reveal())
        yield lambda: False
        return
    with httpx.Client(base_url=host.wire.url, trust_env=False, timeout=60, follow_redirects=True) as browser:
        link = f"/web/reset_password?db={here.database}&token={token.reveal()}"

        def is_in() -> bool:
            answer = browser.post(
                "/web/session/get_session_info", json={"jsonrpc": "2.0", "method": "call", "params": {}}
            )
            return bool(answer.json().get("result", {}).get("uid"))

        browser.get(f"/web/login?db={here.database}")  # as `dbfilter` does at the customers' address
        chosen = {"token": token.reveal(), "password": CHOSEN, "confirm_password": CHOSEN}
        browser.post(link, data={**chosen, "login": login, "csrf_token": csrf(browser.get(link).text)})
        if not is_in():  # 19 asks for it once more
            page = f"/web/login?db={here.database}"
            sent = {"login": login, "password": CHOSEN, "csrf_token": csrf(browser.get(page).text)}
            browser.post(page, data=sent)
        assert is_in()
        assert CHOSEN not in browser.get(link).text
        yield is_in


def csrf(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page) or re.search(r'csrf_token: "([^"]+)"', page)
    assert found, page[:2000]
    return found[1]
