import socket
import time
from contextlib import nullcontext

import pytest
from pydantic import ValidationError

from imgproxy_py.web.addresses import check_address, describe, hear_all, listen, refuse_new
from imgproxy_py.web.server import ServerSettings
from tests.capabilities import without_capabilities


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


@pytest.fixture(params=["filters allowed", "filters forbidden"])
def allowed(request):
    """A thread that may attach filters to sockets, and one that may not, as in a restricted container."""
    with without_capabilities() if request.param == "filters forbidden" else nullcontext():
        yield


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", ""])
def test_who_began_to_connect_finishes_and_nobody_else_begins(host, allowed):
    with listen(f"[{host}]:0" if ":" in host else f"{host}:0") as listening:
        address = (host or "127.0.0.1", listening.getsockname()[1])
        with socket.create_connection(address) as early:
            refuse_new(listening)
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.2)
            early.sendall(b"hello")
            assert said_on(listening) == b"hello"
        listening.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", ""])
def test_whose_connection_was_half_made_is_heard(host, allowed):
    with listen(f"[{host}]:0" if ":" in host else f"{host}:0") as listening:
        # The kernel makes the connection when data come, as if the client's last packet of the handshake were late.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
        with socket.create_connection((host or "127.0.0.1", listening.getsockname()[1])) as early:
            refuse_new(listening)
            early.sendall(b"hel")
            time.sleep(0.01)
            early.sendall(b"lo")
            assert said_on(listening) == b"hello"


def said_on(listening):
    """The first five bytes of the first client in the queue, within the time of a few retransmissions."""
    listening.settimeout(2)
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as stream:
        hear_all(connection)
        connection.settimeout(2)
        return stream.read(5)


def test_the_patience_is_twice_the_timeout_unless_set():
    assert ServerSettings(timeout=7).patience() == 14
    assert ServerSettings(graceful_stop_timeout=3).patience() == 3
