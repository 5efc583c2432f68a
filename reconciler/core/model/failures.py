"""What can go wrong with the world, as exceptions that say what to do about it.

    HostError                     a host did not do what was asked
    ├── PassingError              may pass by itself: reads are retried, changes wait for the next pass
    │   ├── HostUnreachable       no connection (refused, no route, no such name)
    │   ├── HostTimeout           connected, but no whole answer within the limit
    │   ├── ProxyFailure          a proxy answered in the host's place (502, 503, 504, 429)
    │   ├── ConnectionCut         the connection, ours or the host's to PostgreSQL, was closed under a call
    │   ├── DatabaseServerDown    Odoo answers, its PostgreSQL does not
    │   ├── SourceBusy            the database to clone is in use elsewhere
    │   └── RecordLocked          a scheduled action or a module operation holds what we would write
    ├── LastingError              stays until someone changes the fleet, a credential or the host
    │   ├── TlsFailure            the certificate is not accepted
    │   ├── NotOdoo               something else answers at this address
    │   ├── Redirected            the address sends us elsewhere; credentials are not sent along
    │   ├── UnexpectedAnswer      not an answer Odoo gives: too large, wrong shape, an unknown error
    │   │   └── LacksColumn       its tables lack what the host's code asks them for
    │   ├── MasterPasswordRefused
    │   ├── ListingDisabled       `list_db = False`
    │   ├── DatabaseExists · NoSuchDatabase
    │   ├── HalfMadeDatabase      listed, but its initialisation never ended
    │   ├── PasswordRefused · AccessRefused   who logs in, and what they may do
    │   ├── Rejected              Odoo's own rules refuse the values (ValidationError, UserError)
    │   ├── Unsupported           this Odoo version has no such operation
    │   ├── ProofFailed           the host said yes, a fresh look says no
    │   ├── BuildLost             a build cannot go on on its way into service, and was never in it
    │   └── Refused               our own precondition does not hold: nothing was sent
    └── UnknownOutcome            a changing call was sent and no answer came: look again, never send again
        └── CutOff                and it looks as if the host is gone, its work with it

A `MemoryFailure` stands apart: the store cannot be used. No host is touched on the strength of a record that was not written.
So does a `StorageFailure`: a backup cannot be kept, or not be had back; and a `HookFailed` or an
`AlertFailed`, of what the operator has run or told.

No message holds a secret: adapters put in host, database, operation and Odoo's own words, which were checked to hold none.
"""

from __future__ import annotations


class HostError(Exception):
    """A host did not do what was asked.

    Args:
        what: one sentence: what happened.
        server: the server's code in the fleet.
        database: the database concerned, if one is.
        advice: what the person at the other end can do.
    """

    def __init__(self, what: str, *, server: str = "", database: str = "", advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.server = server
        self.database = database
        self.advice = advice

    def __str__(self) -> str:
        place = "/".join(p for p in (self.server, self.database) if p)
        text = f"{place}: {self.what}" if place else self.what
        return f"{text} ({self.advice})" if self.advice else text


class PassingError(HostError):
    """May pass by itself."""


class HostUnreachable(PassingError):
    """No connection could be made, so nothing was sent."""


class HostTimeout(PassingError):
    """A reading call had no whole answer within its limit."""


class ProxyFailure(PassingError):
    """A proxy answered a reading call in the host's place."""


class ConnectionCut(PassingError):
    """The connection, ours or the host's to PostgreSQL, was closed under a call that changes nothing or was undone."""


class DatabaseServerDown(PassingError):
    """Odoo answers, its PostgreSQL does not."""


class SourceBusy(PassingError):
    """The database to clone is in use elsewhere (`psycopg2.errors.ObjectInUse`)."""


class RecordLocked(PassingError):
    """A scheduled action or a module operation holds what we would write; nothing was written."""


class LastingError(HostError):
    """Stays until someone changes the fleet, a credential or the host."""


class TlsFailure(LastingError):
    """The host's certificate is not accepted."""


class NotOdoo(LastingError):
    """Something else than Odoo answers at this address."""


class Redirected(LastingError):
    """The address answers with a redirect, which is not followed: credentials would go along."""


class UnexpectedAnswer(LastingError):
    """An answer that Odoo does not give: too large, of a wrong shape, or an error of unknown name."""


class LacksColumn(UnexpectedAnswer):
    """The database lacks a column or a table of the host's code: that is newer, of another series, or of another database."""


class MasterPasswordRefused(LastingError):
    """The database service refuses the master password."""


class ListingDisabled(LastingError):
    """The host has `list_db = False`: databases cannot be listed, created, cloned or renamed."""


class DatabaseExists(LastingError):
    """The wanted name is taken, by a listed database or by one of another PostgreSQL role."""


class NoSuchDatabase(LastingError):
    """The named database is not there."""


class HalfMadeDatabase(LastingError):
    """The database is listed but its initialisation never ended."""


class PasswordRefused(LastingError):
    """The database refuses the login and password that the fleet declares."""


class AccessRefused(LastingError):
    """The account lacks the rights for this (`odoo.exceptions.AccessError`)."""


class Rejected(LastingError):
    """Odoo's own rules refuse the values (`ValidationError`, `UserError`, `MissingError`)."""


class Unsupported(LastingError):
    """This version of Odoo has no such operation."""


class ProofFailed(LastingError):
    """The host said that it was done; a fresh look says that it was not."""


class BuildLost(LastingError):
    """A build on its way into service lost its files, or its name to somebody else's; nothing leads back from there."""


class Refused(LastingError):
    """Our own precondition does not hold at the moment of acting: nothing was sent."""


class UnknownOutcome(HostError):
    """A changing call was sent and no answer came: it may have been done, be under way, or never have begun."""


class CutOff(UnknownOutcome):
    """The connection was cut, or a proxy found nobody: the host, or a worker of it, may have died with the work."""


class MemoryFailure(Exception):
    """The store cannot be read or written. Not a failure of a host: the next look says the same without it."""


class StorageFailure(Exception):
    """A backup cannot be written or read: a target does not answer, a disk is full, an archive is not whole.

    Args:
        what: one sentence: where and what happened.
        advice: what the person at the other end can do.
    """

    def __init__(self, what: str, *, advice: str = "") -> None:
        super().__init__(f"{what} ({advice})" if advice else what)
        self.what = what
        self.advice = advice


class HookFailed(Exception):
    """A hook of the operator's did not end well: what it said, or that it could not be run."""


class AlertFailed(Exception):
    """A channel did not take a message: why, in words that hold nothing of its address."""
