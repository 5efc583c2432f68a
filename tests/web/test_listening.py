"""What may stand behind `--listen`, and what is said of what may not."""

from __future__ import annotations

import pytest

from reconciler.web.listening import parse_address


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:9090", "127.0.0.1", 9090, True),
        ("127.3.2.1:0", "127.3.2.1", 0, True),
        ("localhost:65535", "localhost", 65535, True),
        ("[::1]:9090", "::1", 9090, True),
        ("0.0.0.0:9090", "0.0.0.0", 9090, False),
        ("[::]:9090", "::", 9090, False),
        ("10.1.2.3:80", "10.1.2.3", 80, False),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80, False),
        ("monitor.example.com:80", "monitor.example.com", 80, False),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int, *, loopback: bool) -> None:
    address = parse_address(text)
    assert (*address, address.is_loopback) == (host, port, loopback)
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no port"),
        ("127.0.0.1", "names no port"),
        ("[::1]", "names no port"),
        (":9090", "0.0.0.0 or [::] is every address"),
        ("[]:9090", "names no host"),
        ("::1:9090", "stands in brackets"),
        ("[127.0.0.1]:9090", "stands in brackets"),
        ("[::1::]:9090", "not an IPv6 address"),
        ("http://127.0.0.1:9090", "brackets"),
        ("a b:9090", "cannot be read"),
        ("host/:9090", "cannot be read"),
        ("127.0.0.1:", "'' is not a port"),
        ("127.0.0.1:http", "'http' is not a port"),
        ("127.0.0.1:65536", "'65536' is not a port"),
        ("127.0.0.1:-1", "'-1' is not a port"),
        ("127.0.0.1:٩", "is not a port"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_address(text)
    assert says in str(refused.value)
