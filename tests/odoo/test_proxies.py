"""Proxies of the environment: taken as curl takes them, never for loopback, and at fault only where they would be used."""

import pytest

from reconciler.odoo.proxies import proxy_for

PROXY = {"http_proxy": "proxy.test:3128"}


def taken(url: str, **environ: str) -> str:
    """Name the variable whose proxy is taken."""
    proxy = proxy_for(url, environ)
    return proxy.variable if proxy else ""


@pytest.mark.parametrize(
    ("environ", "http", "https"),
    [
        ({}, "", ""),
        ({"http_proxy": "p:1"}, "http_proxy", ""),
        ({"HTTPS_PROXY": "p:1"}, "", "HTTPS_PROXY"),
        ({"ALL_PROXY": "p:1"}, "ALL_PROXY", "ALL_PROXY"),
        ({"ALL_PROXY": "p:1", "HTTP_PROXY": "q:1"}, "HTTP_PROXY", "ALL_PROXY"),
        ({"HTTP_PROXY": "p:1", "http_proxy": "q:1"}, "http_proxy", ""),
        ({"HTTP_PROXY": "p:1", "http_proxy": ""}, "", ""),
        ({"HTTP_PROXY": "p:1", "NO_PROXY": "*"}, "", ""),
        ({"HTTP_PROXY": "p:1", "NO_PROXY": "odoo.test", "no_proxy": "other.test"}, "HTTP_PROXY", ""),
    ],
)
def test_which_variable_is_in_force(environ: dict[str, str], http: str, https: str) -> None:
    assert taken("http://odoo.test:8069", **environ) == http
    assert taken("https://odoo.test", **environ) == https


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LocalHost", "localhost.", "a.localhost", "localhost.localdomain", "ip6-localhost"),
        *("127.0.0.1", "127.3.2.1", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"),
    ],
)
def test_no_loopback_goes_by_a_proxy(host: str) -> None:
    assert taken(f"http://{host}:8069", **PROXY) == ""


@pytest.mark.parametrize(
    ("entry", "hosts"),
    [
        ("odoo.test", {"odoo.test", "a.odoo.test"}),
        (".odoo.test", {"odoo.test", "a.odoo.test"}),
        ("*.odoo.test", {"odoo.test", "a.odoo.test"}),
        ("ODOO.test.", {"odoo.test", "a.odoo.test"}),
        ("other.test odoo.test", {"odoo.test", "a.odoo.test"}),
        (" other.test ,, .test", {"odoo.test", "a.odoo.test", "xodoo.test"}),
        ("odoo.test:8069", {"odoo.test", "a.odoo.test"}),
        ("odoo.test:80", set()),
        ("http://odoo.test", {"odoo.test", "a.odoo.test"}),
        ("https://odoo.test", set()),
        ("10.1.2.3", {"10.1.2.3"}),
        ("10.0.0.0/8", {"10.1.2.3"}),
        ("10.1.2.3:8069", {"10.1.2.3"}),
        ("11.0.0.0/8", set()),
        ("fd00::7", {"[fd00::7]"}),
        ("[fd00:0::7]", {"[fd00::7]"}),
        ("[fd00::7]:8069", {"[fd00::7]"}),
        ("fd00::/8", {"[fd00::7]"}),
        ("[fd00::]/8", {"[fd00::7]"}),
        ("fe80::/10", set()),
        ("localhost,127.0.0.1,[::1]", set()),
        (".svc:443,a:b,[x,10.0.0.0/99,://,:,/,[,*x*,%", set()),
        ("*", {"odoo.test", "a.odoo.test", "xodoo.test", "10.1.2.3", "[fd00::7]"}),
    ],
)
def test_who_is_excepted(entry: str, hosts: set[str]) -> None:
    """What is not understood names nobody, and stops nothing."""
    every = ("odoo.test", "a.odoo.test", "xodoo.test", "10.1.2.3", "[fd00::7]")
    assert {host for host in every if not taken(f"http://{host}:8069", **PROXY, no_proxy=entry)} == hosts


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("proxy.test", ""),
        ("proxy.test:3128", ""),
        ("http://user:word@proxy.test:3128", ""),
        ("https://proxy.test", ""),
        ("socks://127.0.0.1:7890", "it is a SOCKS proxy"),
        ("socks5h://127.0.0.1:7890", "it is a SOCKS proxy"),
        ("ftp://proxy.test", "it is not the address of a proxy"),
        ("http://proxy.test:port", "it is not the address of a proxy"),
        ("http://", "it is not the address of a proxy"),
        ("http://[x", "it is not the address of a proxy"),
    ],
)
def test_what_cannot_be_used_is_said_of_the_variable_without_its_value(value: str, fault: str) -> None:
    proxy = proxy_for("http://odoo.test", {"ALL_PROXY": value})
    assert proxy is not None
    assert proxy.variable == "ALL_PROXY"
    assert proxy.fault.startswith(fault)
    assert bool(proxy.fault) == bool(fault)
    assert "7890" not in proxy.fault
