"""Installing modules, and quieting what they bring, with the patience that a real host asks for.

A module brings scheduled actions that are due at once. While one of them runs, module operations and writes to
scheduled actions are refused whole, and nothing is left to do but to ask again.
"""

import functools
import time
from collections.abc import Callable
from typing import TypeVar

from tests.contract.hosts import quiesce
from tests.contract.wire import Account, Refusal

_T = TypeVar("_T")
_PATIENCE_SECONDS = 60.0


def install(account: Account, name: str) -> dict[str, str]:
    """Install the module; gives the host's answer."""
    module = account.call("ir.module.module", "search", [["name", "=", name]])
    answer: dict[str, str] = _patiently(lambda: account.call("ir.module.module", "button_immediate_install", module))
    return answer


def uninstall(account: Account, name: str, patience: float = _PATIENCE_SECONDS) -> dict[str, str]:
    """Uninstall the module with all that depends on it; gives the host's answer."""
    module = account.call("ir.module.module", "search", [["name", "=", name]])
    press = functools.partial(account.call, "ir.module.module", "button_immediate_uninstall", module)
    answer: dict[str, str] = _patiently(press, patience)
    return answer


def quiesce_patiently(account: Account) -> None:
    """Switch the new scheduled actions off."""
    _patiently(lambda: quiesce(account))


def _patiently(work: Callable[[], _T], patience: float = _PATIENCE_SECONDS) -> _T:
    deadline = time.monotonic() + patience
    while True:
        try:
            return work()
        except Refusal:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
