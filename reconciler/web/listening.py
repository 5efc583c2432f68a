"""Where the daemon listens, as it is written after `--listen`. Pure, and quick to import: the command line reads it too."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

_FORM = "write HOST:PORT, as in 127.0.0.1:9090 or [::1]:9090"
_HIGHEST = 65535


class Address(NamedTuple):
    """A host (a name or an IP address, without brackets) and a port; port 0 is any that is free."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach it; of names, only `localhost` is known to be."""
        try:
            return ipaddress.ip_address(self.host.partition("%")[0]).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read `HOST:PORT`; an IPv6 address stands in brackets.

    Raises:
        ValueError: it is not such an address; says what to write.
    """
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        raise ValueError(f"{text!r} names no port: {_FORM}")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    if not host:
        raise ValueError(f"{text!r} names no host: {_FORM}; 0.0.0.0 or [::] is every address of this machine")
    if bracketed is not (":" in host):
        raise ValueError(f"{text!r} cannot be read: an IPv6 address, and nothing else, stands in brackets: {_FORM}")
    if bracketed:
        _check_ipv6(host, text)
    elif any(c.isspace() or c in "/@[]" for c in host):
        raise ValueError(f"{text!r} cannot be read: {_FORM}")
    if not (port.isascii() and port.isdigit() and int(port) <= _HIGHEST):
        raise ValueError(f"{port!r} is not a port: a number from 0 to {_HIGHEST}, 0 being any that is free")
    return Address(host, int(port))


def _check_ipv6(host: str, text: str) -> None:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise ValueError(f"{text!r} cannot be read: {host!r} is not an IPv6 address: {_FORM}") from None
