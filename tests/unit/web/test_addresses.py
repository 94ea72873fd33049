import socket

import pytest
from pydantic import ValidationError

from imgproxy_py.web.addresses import check_address, describe, listen, refuse_new
from imgproxy_py.web.server import ServerSettings


@pytest.mark.parametrize("text", [":8080", "127.0.0.1:0", "localhost:80", "[::1]:8080", "unix:/run/x.sock"])
def test_addresses(text):
    assert check_address(text) == text


@pytest.mark.parametrize("text", ["", "8080", "host", "host:", ":99999", "::1:80", "unix:", "[::1]", "a:b:1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="unix:/path"):
        check_address(text)
    with pytest.raises(ValidationError):
        ServerSettings(bind=text)


def test_without_a_host_all_addresses_are_listened_on():
    with listen(":0") as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            pass


def test_a_unix_socket_that_was_left_behind_is_replaced(tmp_path):
    address = f"unix:{tmp_path}/socket"
    listen(address).close()
    with listen(address) as listening:
        assert describe(listening) == address
        with pytest.raises(OSError, match="in use"):
            listen(address)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path):
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        listen(f"unix:{path}")
    assert path.read_text() == "mine"


def test_who_began_to_connect_finishes_and_nobody_else_begins():
    with listen("127.0.0.1:0") as listening, socket.create_connection(listening.getsockname()[:2]) as early:
        refuse_new(listening)
        with pytest.raises(TimeoutError):
            socket.create_connection(listening.getsockname()[:2], timeout=0.2)
        early.sendall(b"hello")
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.recv(5) == b"hello"


def test_the_patience_is_twice_the_timeout_unless_set():
    assert ServerSettings(timeout=7).patience() == 14
    assert ServerSettings(graceful_stop_timeout=3).patience() == 3
