"""Backups as a fleet declares them: when, where to, of what how many are kept, and how often one is proven."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.document import Part
from schemas.references import KeyReference
from schemas.texts import EXPLANATIONS, Code, FilePath, Line, problem

_EXAMPLE = "for example file:///srv/odoo-backups, s3://bucket/folder or sftp://user@host/folder"
_RECIPIENT = r"^age1[02-9ac-hj-np-z]{58}$"
EXPLANATIONS[_RECIPIENT] = "a public key of age, as `age-keygen` prints it: age1…"

Count = Annotated[int, Field(ge=0, le=100_000)]


EVERY_NIGHT = "30 2 * * *"
_CRON_FIELDS = 5
_LATER = datetime(2000, 1, 1, tzinfo=UTC)
"""A moment after which a schedule that ever comes is looked for."""


def check_schedule(written: str) -> str:
    """Take a cron expression whose time comes."""
    example = "minute, hour, day of month, month, day of week; for example 30 2 * * *"
    if len(written.split()) != _CRON_FIELDS:
        raise problem("invalid-schedule", "a schedule has five fields", example)
    try:
        next(CronSim(written, _LATER))
    except CronSimError as error:
        raise problem("invalid-schedule", f"this is no cron expression: {str(error).lower()}", example) from None
    except StopIteration:
        raise problem("invalid-schedule", "this time never comes", example) from None
    return " ".join(written.split())


def check_rhythm(written: str) -> str:
    """Take a cron expression by which databases are replaced: each time leaves one in the trash, so not twice in an hour."""
    schedule = check_schedule(written)
    if len(CronSim(schedule, _LATER).minutes) > 1:
        why = "this rhythm comes round more than once in an hour, and each time leaves a database in the trash"
        raise problem("invalid-schedule", why, "name one minute, for example 0 4 * * 1")
    return schedule


def _check_target(written: str) -> str:
    """Take the address of a place for backups; one with a password in it is not repeated."""
    try:
        parts = urlsplit(written)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise problem("invalid-url", "'url' is not a valid address", _EXAMPLE) from None
    if parts.scheme not in {"file", "s3", "sftp"} or not written.isprintable() or " " in written:
        raise problem("invalid-url", "'url' must start with file://, s3:// or sftp://", _EXAMPLE)
    if parts.password is not None or (parts.username is not None and parts.scheme != "sftp"):
        raise problem("invalid-url", "'url' may not hold credentials", "use `key_id` and `secret`, or `key`")
    if parts.query or parts.fragment:
        raise problem("invalid-url", "'url' may not have a part after '?' or '#'")
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise problem("invalid-url", "a directory is named by its whole path", "for example file:///srv/odoo-backups")
    if parts.scheme != "file" and not host:
        raise problem("invalid-url", "'url' names no bucket and no host", _EXAMPLE)
    if parts.scheme == "sftp" and not parts.username:
        raise problem("invalid-url", "'url' names no account", "for example sftp://user@host/folder")
    return written.rstrip("/")


class BackupTarget(Part):
    """A place for backups: a directory, a bucket of an S3-compatible store, or a folder reached by SFTP."""

    url: Annotated[str, Field(max_length=2048), AfterValidator(_check_target)] = Field(
        description="Where: `file:///PATH`, `s3://BUCKET/FOLDER` or `sftp://USER@HOST/PATH`.",
        examples=["file:///srv/odoo-backups", "s3://acme-backups/odoo", "sftp://backup@nas.example.net/odoo"],
    )
    endpoint: Annotated[str, Field(pattern="^https?://[^@\\s]+$", max_length=2048)] | None = Field(
        default=None,
        description="Address of an S3-compatible store. Left out: Amazon's.",
        examples=["https://s3.example.net"],
    )
    region: Line = Field(default="us-east-1", description="Region of the bucket.", examples=["eu-west-1"])
    key_id: KeyReference | None = Field(
        default=None, description="Access key of the store, by reference.", examples=[{"env": "S3_ID"}]
    )
    secret: KeyReference | None = Field(
        default=None,
        description="Its secret, by reference; with SFTP the account's password, where it has no `key`.",
        examples=[{"env": "S3_SECRET"}],
    )
    key: KeyReference | None = Field(
        default=None,
        description="Private key of the SFTP account, by reference, without a passphrase.",
        examples=[{"file": "../keys/backup"}],
    )
    known_hosts: FilePath | None = Field(
        default=None,
        description="File with the host key of the SFTP server, relative to the fleet's directory. Without it no backup is "
        "sent: whoever answers could be anybody.",
        examples=["../keys/known_hosts"],
    )
    encrypt_to: Annotated[tuple[Annotated[str, Field(pattern=_RECIPIENT)], ...], Field(strict=False)] = Field(
        default=(),
        description="Public keys of age. Backups are encrypted here, before they leave this machine, so that one of the "
        "private keys is needed to read them. The catalogue beside them is not.",
        examples=[["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudvcxe4s5c6w30"]],
    )
    decrypt_with: KeyReference | None = Field(
        default=None,
        description="A private key of age, by reference. Needed to read encrypted backups again, not to make them.",
        examples=[{"file": "keys/age"}],
    )


class Keep(Part):
    """Which backups are kept. Each rule keeps some; what none keeps is removed after the next good one."""

    last: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=3, description="The newest so many, at least one.", examples=[3]
    )
    daily: Count = Field(default=7, description="The newest of each of the last so many days with one.", examples=[7])
    weekly: Count = Field(default=4, description="The same of weeks (Monday to Sunday, UTC).", examples=[4])
    monthly: Count = Field(default=12, description="The same of months.", examples=[12])


Rhythm = Literal["daily", "weekly", "monthly", "off"]


def _read_rhythm(written: Any) -> Any:
    """Take `off` as YAML reads it, for false."""
    return "off" if written is False else written


class BackupPolicy(Part):
    """When a database is backed up, where to, which backups are kept, and how often one is proven."""

    schedule: Annotated[Line, AfterValidator(check_schedule)] = Field(
        default=EVERY_NIGHT,
        description="When, as five fields of cron, by the clock of the instance's `timezone`; without one, and for templates, of "
        "UTC. A time that was missed is made up for once.",
        examples=[EVERY_NIGHT, "0 */6 * * *"],
    )
    target: Code | None = Field(
        default=None,
        description="Where to: one of the fleet's `backup_targets`. Left out: the only one.",
        examples=["main"],
    )
    keep: Keep = Field(default=Keep(), description="Which are kept.", examples=[{"last": 3, "daily": 7}])
    verify: Annotated[Rhythm, BeforeValidator(_read_rhythm, json_schema_input_type=Rhythm | Literal[False])] = Field(
        default="weekly",
        description="How often the newest backup is proven by restoring it, at a time of `schedule`: each database on a day "
        "of its own of the week or month. `false`: by command only.",
        examples=["weekly", False],
    )


LATEST = "latest"
"""The newest backup that no wrong clock has dated into the future."""


class RestoreFrom(Part):
    """What a new database is built from in the place of a clone of its template. Create-only."""

    backup: Line = Field(
        default=LATEST,
        description="Which backup: its id, as `odoo-fleet backup list` shows it, or `latest`. Create-only.",
        examples=["latest", "2026-11-29T02-30-00Z-prod-1-x7k2q"],
    )
    of: Code | None = Field(
        default=None,
        description="Of which instance, whether it is declared still or not. Left out: this one. Create-only.",
        examples=["acme"],
    )
    archive: FilePath | None = Field(
        default=None,
        description="Not one of this fleet's backups: an archive that Odoo's own page for backups made, a zip with its files. "
        "Relative to the fleet's directory, or a whole path on the machine that runs this tool. What opens it, `adopt` says. "
        "Create-only.",
        examples=["arrivals/acme.zip", "/srv/arrivals/acme.zip"],
    )
    fleet: Code | None = Field(
        default=None,
        description="With `archive`: the other fleet that the database in it belongs to, if it bears the mark of one. Without it "
        "such an archive is refused. Create-only.",
        examples=["theirs"],
    )

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, written: Any) -> Any:
        named = written.keys() if isinstance(written, dict) else frozenset()
        if "archive" in named and named & {"backup", "of"}:
            raise problem("two-sources", "an 'archive' is none of this fleet's backups", "take `backup` and `of` out")
        if "fleet" in named and "archive" not in named:
            raise problem("two-sources", "'fleet' says whose an `archive` is", "take it out, or name an `archive`")
        return written

    def source(self, own: str) -> str:
        """Name where it comes from, for the instance of a code."""
        return self.archive or self.of or own


def _read_policy(written: Any) -> Any:
    """Take `true` for all defaults."""
    return {} if written is True else None if written is False else written


Backup = Annotated[
    BackupPolicy | None, BeforeValidator(_read_policy, json_schema_input_type=BackupPolicy | bool | None)
]
