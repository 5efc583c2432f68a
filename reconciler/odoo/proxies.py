"""Which proxy a request goes by: the environment's variables, understood as curl understands them.

Pure: from variables and an address to the variable in force, or none. What a variable says is judged only where it would be
used, so that no leftover of another program stops a fleet that it does not concern. Loopback addresses never go by a proxy.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

_LOOPBACK_NAMES = frozenset(
    {"localhost", "localhost.localdomain", "localhost6", "localhost6.localdomain6", "ip6-localhost", "ip6-loopback"}
)
_PORTS = {"http": 80, "https": 443}

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy to go by, and the variable that names it. `fault` says why it cannot be used; its address is never to be shown."""

    variable: str
    url: str
    fault: str = ""


def proxy_for(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy that requests to an address go by; None if they go straight there.

    Args:
        url: the address, http:// or https://.
        environ: http_proxy, https_proxy, all_proxy and no_proxy, in small letters (which come first) or capitals.
    """
    asked = _split(url)
    if asked is None or not asked.hostname:
        return None
    host = _plain(asked.hostname)
    variable, value = _first(environ, f"{asked.scheme}_proxy") or _first(environ, "all_proxy") or ("", "")
    if not value or _is_loopback(host) or _is_excepted(host, asked, (_first(environ, "no_proxy") or ("", ""))[1]):
        return None
    return _proxy(variable, value)


def _first(environ: Mapping[str, str], name: str) -> tuple[str, str] | None:
    """Return a variable with its value; one in small letters that is empty says that there is to be none."""
    written = next((each for each in (name, name.upper()) if each in environ), "")
    value = environ.get(written, "").strip()
    return (written, value) if value else None


def _proxy(variable: str, value: str) -> Proxy:
    url = value if "://" in value else f"http://{value}"
    parts = _split(url)
    if parts is not None and parts.scheme.startswith("socks"):
        return Proxy(variable, url, "it is a SOCKS proxy; only http:// and https:// ones can be used")
    if parts is None or not parts.hostname or parts.scheme not in _PORTS:
        return Proxy(variable, url, "it is not the address of a proxy (http://HOST:PORT or https://HOST:PORT)")
    return Proxy(variable, url)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is none
    except ValueError:
        return None
    return parts


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


def _address(host: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address.is_loopback if address else host in _LOOPBACK_NAMES or host.endswith(".localhost")


def _is_excepted(host: str, asked: SplitResult, no_proxy: str) -> bool:
    port = asked.port or _PORTS.get(asked.scheme, 0)
    return any(_covers(entry, host, asked.scheme, port) for entry in _entries(no_proxy))


def _entries(no_proxy: str) -> Iterator[str]:
    yield from filter(None, re.split(r"[\s,]+", no_proxy))


def _covers(entry: str, host: str, scheme: str, port: int) -> bool:
    """Tell whether an entry names a host: `*`, a domain, an address or a range, each with or without a port.

    What no program understands names nobody, as with curl.
    """
    if entry == "*":
        return True
    of, separator, name = entry.rpartition("://")
    if separator and of.lower() not in (scheme, "all"):
        return False
    name, own_port = _without_port(name)
    if own_port and own_port != str(port):
        return False
    address = _address(host)
    if address is None:
        domain = _plain(name).removeprefix("*").removeprefix(".")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))
    try:
        network = ipaddress.ip_network(re.sub(r"[\[\]]", "", name), strict=False)
    except ValueError:
        return False
    return address in network


def _without_port(name: str) -> tuple[str, str]:
    """Part `host:port` and `[::1]:port`; an address of version 6 without brackets has no port."""
    if name.startswith("[") or name.count(":") == 1:
        bare, _, port = name.rpartition(":")
        if port.isascii() and port.isdigit():
            return bare, port
    return name, ""
