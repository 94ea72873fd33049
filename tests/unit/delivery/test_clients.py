"""A client is an address: the connection's, or the one that trusted proxies say."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from pydantic import ValidationError

from imgproxy_py.delivery.clients import Clients, ClientSettings


class Transport:
    def __init__(self, peer: object) -> None:
        self.peer = peer

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self.peer if name == "peername" else default


def key(peer: str, *forwarded: str, trusted: str = "") -> str:
    headers = CIMultiDict(("X-Forwarded-For", value) for value in forwarded)
    transport = Transport((peer, 4711) if peer else "")
    request = make_mocked_request("GET", "/", headers=headers, transport=transport)
    return Clients(ClientSettings(trusted_proxies=trusted)).key(request)


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("192.0.2.1", [], "", "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "", "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1", "198.51.100.7"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.0/24", "198.51.100.7"),
        ("192.0.2.1", ["198.51.100.7"], "10.0.0.0/8,192.0.2.0/24", "198.51.100.7"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.3.0/24", "192.0.2.1"),
        ("192.0.2.1", ["1.1.1.1, 198.51.100.7"], "192.0.2.1", "198.51.100.7"),
        ("192.0.2.1", ["198.51.100.7, 10.0.0.3"], "192.0.2.1,10.0.0.0/8", "198.51.100.7"),
        ("192.0.2.1", ["198.51.100.7", "10.0.0.3"], "192.0.2.1,10.0.0.0/8", "198.51.100.7"),
        ("192.0.2.1", ["10.0.0.4, 10.0.0.3"], "192.0.2.1,10.0.0.0/8", "10.0.0.4"),
        ("192.0.2.1", [], "192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", ["unknown"], "192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7, unknown"], "192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7:1234"], "192.0.2.1", "198.51.100.7"),
        ("192.0.2.1", [" , 198.51.100.7 ,"], "192.0.2.1", "198.51.100.7"),
        ("2001:db8::1", [], "", "2001:db8::/64"),
        ("2001:db8::ffff:2", [], "", "2001:db8::/64"),
        ("192.0.2.1", ["[2001:db8:1::9]:443"], "192.0.2.1", "2001:db8:1::/64"),
        ("::ffff:192.0.2.1", ["198.51.100.7"], "192.0.2.1", "198.51.100.7"),
        ("fe80::1%eth0", [], "", "fe80::/64"),
        ("", [], "", "unix"),
        ("", ["198.51.100.7"], "", "unix"),
        ("", ["198.51.100.7"], "unix", "198.51.100.7"),
        ("", ["198.51.100.7"], "192.0.2.1", "unix"),
    ],
)
def test_who_a_client_is(peer, forwarded, trusted, expected):
    assert key(peer, *forwarded, trusted=trusted) == expected


@given(st.text(max_size=60))
def test_whatever_a_header_begins_with_the_proxys_word_counts(text):
    begins = text.replace("\r", "").replace("\n", "")
    assert key("192.0.2.1", f"{begins}, 198.51.100.7", trusted="192.0.2.1") == "198.51.100.7"


@pytest.mark.parametrize("text", ["everywhere", "10.0.0.1/8", "300.0.0.1", "10.0.0.0/33"])
def test_what_is_no_network_is_refused(text):
    with pytest.raises(ValidationError, match="networks divided by commas"):
        ClientSettings(trusted_proxies=text)
