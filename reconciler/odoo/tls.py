"""Whom a connection believes: the system's authorities, a file of one's own, or anybody."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.model.failures import TlsFailure
from reconciler.odoo.cleaning import one_line


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """Whom to believe: the system's authorities, or one's own file of them, or (verify=False) anybody."""

    ca_file: Path | None = None
    verify: bool = True


def authorities(tls: TlsOptions) -> bytes:
    """Read the file of authorities, by which two options of the same words are told apart; what cannot be read is empty."""
    try:
        return tls.ca_file.read_bytes() if tls.ca_file else b""
    except OSError:
        return b""  # said by `ssl_context`, which tries again


def ssl_context(tls: TlsOptions) -> ssl.SSLContext:
    """Make the context; a private CA stands in the place of the system's authorities, not beside them.

    Whom it believes does not hang on the version of Python: from 3.13 on an authority that is not to the letter of RFC 5280, as
    companies and appliances make them, would be refused, and until 3.12 one that is itself signed by another.
    """
    try:
        context = ssl.create_default_context(cafile=str(tls.ca_file) if tls.ca_file else None)
    except OSError as error:
        what = f"the file of authorities {tls.ca_file} cannot be read: {error.strerror or error}"
        raise TlsFailure(one_line(what)) from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
