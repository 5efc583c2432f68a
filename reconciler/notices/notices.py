"""Notices: what the operator of a daemon is told and what `events` shows later. Each name has a runbook in `docs/runbooks.md`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class NoticeName(StrEnum):
    """What can be told. The names are fixed: people filter and alert on them."""

    DAEMON_STARTED = "daemon-started"
    DAEMON_STOPPED = "daemon-stopped"
    REVISION_IN_FORCE = "revision-in-force"  # another text is acted on from now on
    REVISION_REJECTED = "revision-rejected"  # a text is not valid: the last valid one stays in force
    REVISION_UNSIGNED = "revision-unsigned"  # only signed commits are taken
    HISTORY_REWRITTEN = "history-rewritten"  # the branch was pushed by force: what was in force is not its ancestor
    SOURCE_UNREACHABLE = "source-unreachable"  # the directory or the remote cannot be read
    SOURCE_REACHABLE = "source-reachable"
    HOST_OFFLINE = "host-offline"
    HOST_ONLINE = "host-online"
    HEALTH_CHANGED = "health-changed"
    CERTIFICATE_EXPIRING = "certificate-expiring"
    LOGIN_PAGE_UNREACHABLE = "login-page-unreachable"
    LOGIN_PAGE_REACHABLE = "login-page-reachable"
    ACTION_FAILED = "action-failed"
    ACTION_UNKNOWN = "action-unknown"
    HOOK_FAILED = "hook-failed"  # one after an action: that was done all the same
    BLOCKED = "blocked"  # something declared cannot be done; told when it begins
    UNBLOCKED = "unblocked"
    DRIFT_REPAIRED = "drift-repaired"
    DRIFT_RETURNED = "drift-returned"  # what was repaired before was changed again
    ORPHAN_FOUND = "orphan-found"
    ENDING_SOON = "ending-soon"  # an instance expires, or trash is dropped: told 7 days and 1 day before
    LIMIT_NEAR = "limit-near"  # an instance uses 80, 90 or 100 % of what its plan includes, or more
    CODE_MOVED = "code-moved"  # a host's code is newer than databases on it
    DATABASES_BROKEN = "databases-broken"  # and nobody can work in these until they are upgraded
    HOST_FROZEN = "host-frozen"  # a listing lost databases: nothing is changed there until it is confirmed
    PAUSED = "paused"
    RESUMED = "resumed"
    FORGOTTEN = "forgotten"  # what a removed document had is not expected any more
    RECONCILE_ASKED = "reconcile-asked"  # somebody asked the daemon to look now
    CHECK_ASKED = "check-asked"  # somebody asked to have a server's health looked at now
    BACKUP_ASKED = "backup-asked"  # somebody asked for a backup now
    PROOF_ASKED = "proof-asked"  # somebody asked for the proof of a backup now
    ASKED_DONE = "asked-done"  # what somebody asked for is done
    ASKED_FAILED = "asked-failed"
    APPROVED = "approved"  # an admin let through what a threshold stopped
    SUPPORT_OPENED = "support-opened"  # the operator may log in to a customer's database for a while
    FIRST_PASSWORD_LINK = "first-password-link"  # noqa: S105 -- an owner may choose his own for a while
    ORDERED = "ordered"  # somebody had the text changed: a commit was made and pushed
    ACCESS_LIMITED = "access-limited"  # somebody shows wrong tokens
    TOKEN_MADE = "token-made"  # noqa: S105 -- somebody may ask and steer the daemon from now on
    TOKEN_REVOKED = "token-revoked"  # noqa: S105 -- and somebody no more
    BACKUP_FAILED = "backup-failed"  # told when it begins to fail, not at each try
    BACKUP_GOOD = "backup-good"
    PROOF_FAILED = "proof-failed"  # what is kept could not be restored
    PROOF_GOOD = "proof-good"
    STORE_FAILED = "store-failed"
    ALERT_FAILED = "alert-failed"  # a channel takes no message; told when it begins
    ALERT_GOOD = "alert-good"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened, in words for a person, with what it is about.

    `kind` and `code` name a document, `server` a host, `revision` the text that was in force; each empty where there is none.
    `fields` names what differed, for drift; secrets by name only.
    """

    name: NoticeName
    level: Level
    detail: str
    kind: str = ""
    code: str = ""
    server: str = ""
    revision: str = ""
    fields: tuple[str, ...] = ()
