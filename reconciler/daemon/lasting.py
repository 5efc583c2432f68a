"""What channels were told and nobody tells the end of: the text has changed, and it is nobody's concern any more. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from reconciler.core.deciding import Planned
from reconciler.core.policies.backup_times import Work
from reconciler.fleet.desired import Desired
from reconciler.health.login_pages import PageRecord
from reconciler.health.standing import KeptStanding
from reconciler.health.verdicts import is_watched
from reconciler.notices.alerting import ACTIONS
from reconciler.notices.notices import Notice, NoticeName

_OF_SERVERS = (*ACTIONS, NoticeName.BLOCKED)
_WORK = {NoticeName.BACKUP_FAILED: Work.BACKUP, NoticeName.PROOF_FAILED: Work.PROOF}


@dataclass(frozen=True)
class LookedAfter:
    """What is looked after now.

    Args:
        desired: the text in force.
        pages: the last judgements of login pages, by instance.
        kept: the appointments of backups and proofs.
        frozen: servers whose lists are not believed: of what they do not list nothing is over.
    """

    desired: Desired
    pages: Mapping[str, PageRecord]
    kept: Iterable[KeptStanding]
    frozen: Collection[str]

    def why_over(self, notice: Notice) -> str:
        """Say why something that was told is over, or nothing where it may still be so."""
        about, is_frozen = f"{notice.kind}/{notice.code}", notice.server in self.frozen
        match notice.name:
            case NoticeName.HOST_OFFLINE | NoticeName.HEALTH_CHANGED if not self._is_watched(notice.server):
                return f"server {notice.server} is no longer looked after"
            case NoticeName.LOGIN_PAGE_UNREACHABLE if not (is_frozen or self._is_unreachable(notice.code)):
                return f"the login page of {about} is no longer asked for"
            case NoticeName.BACKUP_FAILED | NoticeName.PROOF_FAILED if not (is_frozen or self._is_kept(notice)):
                return f"{about} on {notice.server} has no such {_WORK[notice.name]}s any more"
            case name if name in _OF_SERVERS and notice.server and notice.server not in self.desired.in_use:
                return f"nothing is done on {notice.server} any more"
            case _:
                return ""

    def _is_watched(self, code: str) -> bool:
        server = self.desired.servers.get(code)
        return server is not None and is_watched(server)

    def _is_unreachable(self, instance: str) -> bool:
        page = self.pages.get(instance)
        return page is not None and page.reachable is False

    def _is_kept(self, notice: Notice) -> bool:
        return (notice.kind, notice.code, notice.server, _WORK[notice.name]) in self._appointments

    @cached_property
    def _appointments(self) -> frozenset[tuple[str, str, str, Work]]:
        return frozenset(each.record.key for each in self.kept)


def not_wanted(planned: Planned, fresh: frozenset[str]) -> Callable[[Notice], str]:
    """Say of actions that did not end well whether a decision still wants anything for their document.

    Args:
        planned: the decision.
        fresh: the hosts that answered for it; of others, and of frozen ones, it says nothing.
    """
    changeset, hosts = planned.changeset, planned.observed.hosts
    actions = (*changeset.actions, *(each.action for each in changeset.withheld))
    wanted = {(each.kind, each.code) for each in (*actions, *changeset.blocked)}
    seen = {code for code in fresh if code in hosts and hosts[code].online} - {each.server for each in changeset.frozen}

    def why_over(notice: Notice) -> str:
        is_wanted = (notice.kind, notice.code) in wanted
        if notice.name not in ACTIONS or notice.server not in seen or is_wanted:
            return ""
        return f"nothing is to be done for {notice.kind}/{notice.code} on {notice.server} any more"

    return why_over


def no_channel_fails(notice: Notice) -> str:
    """Say of a channel that took nothing that it is over: no channel of the text fails any more."""
    return "the channel is no longer declared" if notice.name is NoticeName.ALERT_FAILED else ""
