"""Which addresses may be dialled (dialect §12)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.sources.guard import AddressGuard, Reach, reaches, read_address

ADDRESSES = {
    "127.0.0.1": "loopback",
    "127.255.255.255": "loopback",
    "0.0.0.0": "loopback",
    "0.1.2.3": "loopback",
    "::": "loopback",
    "::1": "loopback",
    "[::1]": "loopback",
    "169.254.169.254": "link-local",
    "169.254.0.1": "link-local",
    "224.0.0.251": "link-local",
    "239.1.2.3": "link-local",
    "255.255.255.255": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "febf::1": "link-local",
    "ff02::fb": "link-local",
    "ff0e::1": "link-local",
    "fd00:ec2::254": "link-local",
    "fd20:ce::254": "link-local",
    "100.100.100.200": "link-local",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "private",
    "100.127.255.255": "private",
    "fc00::1": "private",
    "fdff::1": "private",
    "fec0::1": "private",
    "8.8.8.8": "public",
    "11.0.0.1": "public",
    "100.63.255.255": "public",
    "100.128.0.1": "public",
    "126.255.255.255": "public",
    "128.0.0.1": "public",
    "169.253.255.255": "public",
    "172.15.255.255": "public",
    "172.32.0.0": "public",
    "192.167.255.255": "public",
    "2606:4700::1111": "public",
    "2001:4860:4860::8888": "public",
    # IPv6 that carries IPv4
    "::ffff:127.0.0.1": "loopback",
    "::ffff:7f00:1": "loopback",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:10.0.0.1": "private",
    "::ffff:8.8.8.8": "public",
    "::127.0.0.1": "loopback",
    "::10.0.0.1": "private",
    "::8.8.8.8": "public",
    "::2": "loopback",
    "::ffff:0:127.0.0.1": "loopback",
    "64:ff9b::127.0.0.1": "loopback",
    "64:ff9b::a9fe:a9fe": "link-local",
    "64:ff9b::8.8.8.8": "public",
    "64:ff9b:1::127.0.0.1": "loopback",
    "64:ff9b:1::8.8.8.8": "public",
    "64:ff9b:1:7f00:0:100::": "loopback",
    "64:ff9b:1:808:8:800::": "public",
    "64:ff9b:1::": "loopback",
    "2002:7f00:1::": "loopback",
    "2002:a9fe:a9fe::1": "link-local",
    "2002:c0a8:101::1": "private",
    "2002:808:808::1": "public",
    "2001:0:7f00:1::f7f7:f7f7": "loopback public",
    "2001:0:808:808:0:0:80ff:fffe": "loopback public",
    "2001:0:808:808:0:0:f7f7:f7f7": "public",
    "2001:db8::5efe:127.0.0.1": "loopback public",
    "2001:db8::200:5efe:10.0.0.1": "private public",
    "fe80::5efe:8.8.8.8": "link-local public",
    "2001:db8::5efe:8.8.8.8": "public",
}


@pytest.mark.parametrize(("text", "expected"), ADDRESSES.items())
def test_addresses_reach_as_far_as_they_do(text: str, expected: str) -> None:
    address = read_address(text)
    assert address is not None
    assert " ".join(sorted(reaches(address))) == expected


@pytest.mark.parametrize("text", ["", "example.com", "127.1", "1.2.3.4.5", "0x7f.0.0.1", "::1::", "017.0.0.1"])
def test_what_is_no_address_is_not_permitted(text: str) -> None:
    assert read_address(text) is None
    assert not AddressGuard(loopback=True, link_local=True, private=True).permits(text)


@pytest.mark.parametrize(
    ("guard", "permitted"),
    [
        (AddressGuard(), {"private", "public"}),
        (AddressGuard(private=False), {"public"}),
        (AddressGuard(loopback=True), {"loopback", "private", "public"}),
        (AddressGuard(link_local=True, private=False), {"link-local", "public"}),
        (AddressGuard(loopback=True, link_local=True, private=True), set(Reach)),
    ],
)
def test_settings_permit_reaches(guard: AddressGuard, permitted: set[str]) -> None:
    for text, expected in ADDRESSES.items():
        assert guard.permits(text) == (set(expected.split()) <= permitted), text


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "[::1]",
        "::1",
        "::ffff:7f00:1",
        "0",
        "0.0.0.0",
        "169.254.169.254",
        "2852039166",
        "fe80::1%25eth0",
    ],
)
def test_refused_hosts_are_seen_in_every_spelling(host: str) -> None:
    assert not AddressGuard().permits_host(host)


@pytest.mark.parametrize(
    "host",
    ["example.com", "127.0.0.1.nip.io", "1.example.com", "localhost.example.com", "8.8.8.8", "134744072", "a", ""],
)
def test_names_are_permitted_until_they_are_dialled(host: str) -> None:
    assert AddressGuard().permits_host(host)


V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
EMBEDDINGS = {
    "mapped": lambda bits: 0xFFFF << 32 | bits,
    "translated": lambda bits: 0xFFFF << 48 | bits,
    "nat64": lambda bits: 0x64_FF9B << 96 | bits,
    "6to4": lambda bits: 0x2002 << 112 | bits << 80,
    "teredo client": lambda bits: 0x2001 << 112 | 0x0808_0808 << 64 | (bits ^ 0xFFFF_FFFF),
    "teredo server": lambda bits: 0x2001 << 112 | bits << 64 | 0xF7F7_F7F7,
    "isatap": lambda bits: 0x2001_0DB8 << 96 | 0x5EFE << 32 | bits,
}


@given(V4, st.sampled_from(sorted(EMBEDDINGS)), st.booleans(), st.booleans())
def test_no_embedding_reaches_what_its_address_may_not(
    address: IPv4Address, form: str, private: bool, loopback: bool
) -> None:
    guard = AddressGuard(private=private, loopback=loopback)
    assert guard.permits(IPv6Address(EMBEDDINGS[form](int(address)))) == guard.permits(address)


@given(st.one_of(V4, st.integers(0, 2**128 - 1).map(IPv6Address)))
def test_every_address_is_judged_and_all_permit_when_all_is_permitted(address: IPv4Address | IPv6Address) -> None:
    assert reaches(address)
    assert AddressGuard(loopback=True, link_local=True, private=True).permits(str(address))


@given(st.text(max_size=40))
def test_no_host_makes_the_guard_fail(host: str) -> None:
    AddressGuard().permits_host(host)
