"""Where else a database of a name may stand: under another form of the name, on another host, on this host under another name."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass, field

from reconciler.core.model import names
from reconciler.core.model.failures import ConnectionCut, DatabaseExists, HostError, LastingError
from reconciler.core.model.names import NameState
from reconciler.core.policies import one_host
from reconciler.engine.ports import Host


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The other hosts on which the instance of a build may stand, each with the names that it may have there.

    Each tells by its list. One that has the template, so that the instance can be made there, is asked for each name as well.
    Of those in `surely` no answer is none: a database moved from there, and may be back in service.
    `strangers` are all others of the text that are not known yet to be other hosts; what is found out is kept there.
    """

    hosts: Sequence[tuple[Host, Collection[str]]] = ()
    with_template: Container[str] = ()
    strangers: dict[str, Host] = field(default_factory=dict)
    surely: Collection[str] = ()

    async def require_another(self, server: str, build: str) -> None:
        """Make sure that no other server of the text is this very host: a building name stands on one host alone.

        Raises:
            LastingError: one is.
        """
        asked = [*self.strangers.values()]
        # Of nothing `gather` would make a loop where none runs, and close it nowhere.
        answers = await asyncio.gather(*map(_listed, asked)) if asked else ()
        for host, listed in zip(asked, answers, strict=True):
            if build in listed:
                what = f"{server} and {host.server} are one host: {build} is on both"
                raise LastingError(what, server=server, database=build, advice=one_host.ADVICE)
            if listed:
                self.strangers.pop(host.server, None)

    async def require_none(self, surely: Collection[str] = ()) -> None:
        """Make sure, while the lock is borne here, that no other host holds a form of these names.

        Two reconcilers whose texts name different hosts each bear a lock of its own; one of them sees the other's. A host that
        does not answer was judged before by what it listed last.

        Args:
            surely: servers that must answer, beside those that must anyway.

        Raises:
            DatabaseExists: one of them does.
            HostError: one that must answer does not.
        """
        for (host, _), found in zip(self.hosts, await self._ask({*self.surely, *surely}), strict=True):
            if found:
                taken = sorted(found)
                raise DatabaseExists(
                    f"{' and '.join(taken)} is on {host.server}", server=host.server, database=taken[0]
                )

    async def _ask(self, surely: Collection[str]) -> Sequence[set[str]]:
        asked = (self._forms_on(h, targets, sure=h.server in surely) for h, targets in self.hosts)
        return await asyncio.gather(*asked)

    async def _forms_on(self, host: Host, targets: Collection[str], *, sure: bool) -> set[str]:
        found: set[str] = set()
        passed_over = () if sure else (HostError,)
        with contextlib.suppress(*passed_over):
            listed = [*map(names.parse, await host.listed(hurry=True))]
            if sure and not listed:
                raise ConnectionCut("it lists no database at all", server=host.server)
            found.update(n.text for n in listed if n.state in names.FORMS and n.target in targets)
        if sure or host.server in self.with_template:
            with contextlib.suppress(*passed_over):
                found.update(await host.taken([form for target in targets for form in names.fixed_forms(target)]))
        return found


async def _listed(host: Host) -> tuple[str, ...]:
    with contextlib.suppress(HostError):
        return tuple(await host.listed(hurry=True))
    return ()


NOWHERE_ELSE = Elsewhere()


async def other_forms(host: Host, name: str, former: str | None = None) -> tuple[str, ...]:
    """List the forms of a name's target that exist beside it, and those of a former name, listed or not.

    With PostgreSQL down a host says of every name that it does not exist, so a name that does is asked for before and after.

    Raises:
        ConnectionCut: the host denies the database of that name itself.
    """
    targets = [names.parse(name).target, *([former] if former else [])]
    own = name if names.parse(name).state in names.FORMS else ""
    if own and not await host.exists(own):
        raise ConnectionCut("the host denies a database that it lists", server=host.server, database=name)
    forms = [form for target in targets for form in names.fixed_forms(target)]
    found = [form for form in forms if form != name and await host.exists(form)]
    if own and not await host.exists(own):
        raise ConnectionCut("the host denies a database that it lists", server=host.server, database=name)
    listed = [each for each in map(names.parse, await host.listed()) if each.target in targets]
    aside = [each.text for each in listed if each.state is NameState.ASIDE and each.text != name]
    return tuple(sorted({*found, *aside}))
