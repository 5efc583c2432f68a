"""References to secrets resolved: environment variables, files, and values derived from the fleet's key.

A value is read where it is used and given on as a `Secret`; no message here holds one, only what the text of the fleet
says. Files are opened as the fleet's own are: never a pipe or a device.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.fleet.desired import Desired
from reconciler.fleet.diagnostics import Diagnostic, Range, Severity, sort
from reconciler.fleet.secrets import (
    PASSWORD_FIELDS,
    SecretUnavailable,
    WeakKey,
    WeakSecret,
    as_meant,
    derive,
    oddity,
    parse_key,
    weakness,
)
from reconciler.loading.discovery import FoundFile, read_file
from reconciler.loading.named_files import named_file
from schemas.references import (
    DerivedSecret,
    EitherSecret,
    EnvSecret,
    FileSecret,
    KeyReference,
    LiteralSecret,
    SecretReference,
)
from schemas.secrets import Secret

# How many earlier generations of a derived secret, and how many later ones, a database may have.
REMEMBERED = 5
REVERTED = 2

_KEY_FIELDS = ("secret_key", "former_secret_keys")
"""Space around a key is no part of it."""

_OF_LINES = (".key", ".decrypt_with")
"""Keys that are files of several lines, as ssh-keygen and age-keygen write them."""


class _NoSecret(Exception):
    """A place holds no secret: why, in words that hold no value. Only one with nothing in it leads on to another."""

    def __init__(self, why: str, *, may_be_elsewhere: bool = False) -> None:
        super().__init__(why)
        self.may_be_elsewhere = may_be_elsewhere


class SecretResolver:
    """Gives the values of a fleet's secrets.

    Args:
        desired: the fleet.
        environ: the environment to look in.
        root: the fleet's directory, as it was given to `load_fleet`.
    """

    def __init__(self, desired: Desired, environ: Mapping[str, str], root: Path) -> None:
        self._desired = desired
        self._environ = environ
        self._root = root
        self._keys: dict[str, bytes] = {}
        self._key_origin = ""
        self._warnings: set[Diagnostic] = set()

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What was noticed about the secrets resolved so far."""
        return sort(self._warnings)

    def resolve(self, reference: SecretReference | KeyReference, kind: str, code: str, field: str) -> Secret:
        """Return the value of a secret.

        Args:
            reference: where the value is.
            kind: kind of the document that names it.
            code: code of that document.
            field: the field, dotted, as in `owner.initial_password`.

        Raises:
            SecretUnavailable: there is no value, or one that would be guessed at once (`WeakSecret`).
        """
        if isinstance(reference, DerivedSecret):
            derived = derive(self._key(), kind, code, field, reference.generation)
            return Secret(derived.reveal(), f"derived from the fleet's key, {self._key_origin}")
        written = self._written(reference, kind, code, field)
        value = Secret(as_meant(written.reveal()), written.origin)
        if not value.reveal():
            raise self._unavailable(reference, kind, code, field, "it is empty")
        if not field.startswith(_KEY_FIELDS) and not field.endswith(_OF_LINES):
            self._note_oddity(value, kind, code, field)
        reason = weakness(value, self._desired.login_of(kind, code, _parts(field))) if field in PASSWORD_FIELDS else ""
        if reason:
            raise WeakSecret(self._place(kind, code, field), str(reference), f"{kind}/{code} {field}", reason)
        return value

    def _written(
        self, reference: EnvSecret | FileSecret | EitherSecret | LiteralSecret, kind: str, code: str, field: str
    ) -> Secret:
        """Return what stands in the first of the places that a reference names in which something does.

        Raises:
            SecretUnavailable: it stands in none of them; all that were looked at are named.
        """
        if isinstance(reference, LiteralSecret):
            return Secret(reference.value.reveal(), "written in the text")
        reasons: list[str] = []
        for way in reference.ways if isinstance(reference, EitherSecret) else (reference,):
            try:
                value = self._of_variable(way) if isinstance(way, EnvSecret) else self._of_file(way, kind, code, field)
                return Secret(value.reveal(), _origin(reference, way, reasons))
            except _NoSecret as none:
                reasons.append(str(none))
                if not none.may_be_elsewhere:
                    break
        raise self._unavailable(reference, kind, code, field, ", and ".join(reasons))

    def _of_variable(self, reference: EnvSecret) -> Secret:
        value = self._environ.get(reference.env, "")
        if not as_meant(value):
            what = "empty" if reference.env in self._environ else "not set"
            raise _NoSecret(f"the environment variable is {what}", may_be_elsewhere=True)
        if not _is_text(value):
            raise _NoSecret("the environment variable is not UTF-8")
        return Secret(value)

    def _of_file(self, reference: FileSecret, kind: str, code: str, field: str) -> Secret:
        path = self._path(reference, kind, code, field)
        data = read_file(FoundFile(str(path), str(path)))
        if isinstance(data, Diagnostic):
            raise _NoSecret(data.message)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            # The exception would carry the bytes.
            raise _NoSecret("the file is not UTF-8") from None
        if not as_meant(text):
            raise _NoSecret("the file is empty")
        self._note_readable(path, self._place(kind, code, field))
        return Secret(text)

    def former(self, reference: SecretReference, kind: str, code: str, field: str) -> tuple[Secret, ...]:
        """Return the values that a secret may have had before, the likeliest first.

        Those of a derived one are the declared generation under each former key of the fleet, then the generations around it
        (a reverted rotation leaves a later one behind) under every key. Of another, what 0.1.0 took for it: the variable with
        its line break, the file with its byte order mark.

        Raises:
            SecretUnavailable: a key is not to be had.
        """
        if not isinstance(reference, DerivedSecret):
            return self._with_what_is_around(reference, kind, code, field)
        keys = [self._key(), *map(self._former_key, range(len(self._desired.settings.former_secret_keys)))]
        generations = (reference.generation, *_neighbours(reference.generation))
        likeliest_first = [(key, generation) for generation in generations for key in keys]
        return tuple(derive(key, kind, code, field, generation) for key, generation in likeliest_first[1:])

    def _with_what_is_around(
        self, reference: EnvSecret | FileSecret | EitherSecret | LiteralSecret, kind: str, code: str, field: str
    ) -> tuple[Secret, ...]:
        written = self._written(reference, kind, code, field).reveal()
        if isinstance(reference, FileSecret) and not isinstance(reference, EitherSecret):
            written = written.removesuffix("\n").removesuffix("\r")
        return () if written == as_meant(written) else (Secret(written),)

    def _key(self) -> bytes:
        reference = self._desired.settings.secret_key
        # `resolve` of the core made sure of it: a fleet that derives has a key.
        assert reference is not None
        return self._parsed(reference, "secret_key")

    def _former_key(self, index: int) -> bytes:
        return self._parsed(self._desired.settings.former_secret_keys[index], f"former_secret_keys.{index}")

    def _parsed(self, reference: KeyReference, field: str) -> bytes:
        if field not in self._keys:
            code = self._desired.settings.code
            value = self.resolve(reference, "fleet", code, field)
            if field == "secret_key":
                self._key_origin = value.origin
            try:
                self._keys[field] = parse_key(value.reveal())
            except WeakKey as error:
                raise self._unavailable(reference, "fleet", code, field, str(error)) from None
        return self._keys[field]

    def _path(self, reference: FileSecret, kind: str, code: str, field: str) -> Path:
        return named_file(reference.file, self._desired, self._root, kind, code, *_parts(field))

    def _note_oddity(self, value: Secret, kind: str, code: str, field: str) -> None:
        if odd := oddity(value):
            message = f"this secret was hardly meant so: {odd}"
            place = self._place(kind, code, field)
            self._warnings.add(Diagnostic(place, "odd-secret", message, "write it anew", Severity.WARNING))

    def _note_readable(self, path: Path, place: Range) -> None:
        """Note a file that every account of the machine can read, unless it lies in the fleet's own directory."""
        if path.resolve().is_relative_to(self._root.resolve()):
            return
        if path.stat().st_mode & stat.S_IROTH:
            message = "every account on this machine can read the file of this secret"
            hint = "chmod 600, or 640 with a group"
            self._warnings.add(Diagnostic(place, "readable-secret", message, hint, Severity.WARNING))

    def _place(self, kind: str, code: str, field: str) -> Range:
        return self._desired.range_of(kind, code, *_parts(field))

    def _unavailable(
        self, reference: SecretReference | KeyReference, kind: str, code: str, field: str, reason: str
    ) -> SecretUnavailable:
        return SecretUnavailable(self._place(kind, code, field), str(reference), f"{kind}/{code} {field}", reason)


def _origin(reference: EnvSecret | FileSecret, way: EnvSecret | FileSecret, reasons: Sequence[str]) -> str:
    """Say from which place a secret was read, and of two why not from the other."""
    if not isinstance(way, EnvSecret):
        return f"read from the file {way.file}" + "".join(f", since {why}" for why in reasons)
    other = f", not the file {reference.file}" if isinstance(reference, EitherSecret) else ""
    return f"read from the environment variable {way.env}{other}"


def _is_text(value: str) -> bool:
    """Tell whether a variable is text; bytes that are none come from the system as surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _neighbours(generation: int) -> tuple[int, ...]:
    """Return the generations that a database may have instead of this one, the likeliest first."""
    around = [*range(max(1, generation - REMEMBERED), generation), *range(generation + 1, generation + 1 + REVERTED)]
    return tuple(sorted(around, key=lambda other: (abs(other - generation), -other < -generation)))


def _parts(field: str) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdigit() else part for part in field.split("."))
