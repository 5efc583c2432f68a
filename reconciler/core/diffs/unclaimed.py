"""Databases between two names that no document claims: left by a rename whose text was reverted or removed meanwhile.

Such a database may be that of any instance that is missing. Whose it is, its mark tells; until it was opened nothing is cloned.
It is opened as a few of those, and as what its name or memory says of documents that are not in the text any more (`depths`).
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.diffs.drafts import Draft
from reconciler.core.model.names import DatabaseName
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.policies.claims import Doubt, Found, is_anothers, is_whose
from reconciler.fleet.desired import Desired
from schemas.instance import Instance


def seen(desired: Desired, observed: Observed) -> Iterator[tuple[ObservedHost, DatabaseName]]:
    """Yield them, each with the host that lists it."""
    for host, name in observed.switching:
        if not desired.claims(name.target):
            yield host, name


def reverted(draft: Draft, instance: Instance) -> tuple[Found, ...]:
    """Find those that are an instance's own: a rename of it was cut short, and is not in the text any more."""
    return tuple(
        Found(host.server, name, renamed=True)
        for host, name in seen(draft.desired, draft.observed)
        if instance.server in (None, host.server)
        and (look := host.looks.get(name.text)) is not None
        and look.opened
        and is_whose(look, draft.desired.settings.code) == ("instance", instance.code)
    )


def doubt(draft: Draft, instance: Instance) -> Doubt | None:
    """Say which of them may be an instance's, so that nothing is cloned for it, or nothing."""
    for host, name in seen(draft.desired, draft.observed):
        look = host.looks.get(name.text)
        if look is not None and look.opened and is_anothers(look, draft.desired.settings.code, instance):
            continue
        return Doubt(
            f"{name.text} on {host.server} is on its way between two names and no document claims it: it may be this one",
            f"restore the document that declared {name.target}, with its `renamed_from`, and apply it; only if that database is"
            " nobody's any more, rename it by hand to a name that no document declares",
        )
    return None


def renamed_away(draft: Draft, instance: Instance) -> Doubt | None:
    """A rename that was reverted in the text leaves the database under the name that no document claims any more.

    A new customer of the former code looks the same from here; one of the two the text has to say.
    """
    claimed = draft.desired.names
    codes = [code for code in (instance.code, instance.renamed_from) if code]
    for entry in (entry for code in codes for entry in draft.inventory.of("instance", code)):
        host = draft.host(entry.server)
        is_claimed = entry.target in claimed.places or entry.target in claimed.former
        if not is_claimed and host and host.forms_of(entry.target):
            return Doubt(
                f"the database of this code was renamed to {entry.target} on {entry.server}, and no document declares that",
                f"if it is the same customer, write `renamed_from: {entry.target}` to rename it back, or declare it under that"
                " name; a new customer gets another `code`",
            )
    return None
