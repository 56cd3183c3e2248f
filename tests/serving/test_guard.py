from __future__ import annotations

import json
import socket
import time

import pytest
from support.served import TOKEN, Served

from lstmtui.serving import connections, guard
from lstmtui.serving.completion_request import MAX_BODY

GOOD = {"Host": "127.0.0.1:8177", "Authorization": f"Bearer {TOKEN}", "Connection": "close"}


def exchange(served: Served, data: bytes, *, rest: bytes = b"") -> bytes:
    """Send bytes as they are, and return all that comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        found = bytearray()
        try:
            connection.sendall(data + rest)
            while part := connection.recv(1 << 16):
                found += part
        except ConnectionError:  # a server that refuses does not read the rest
            pass
        return bytes(found)


def head(line: str = "GET /health HTTP/1.1", **changes: str | None) -> bytes:
    headers = {**GOOD, **{name.replace("_", "-"): value for name, value in changes.items()}}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([line, *lines, "", ""]).encode("latin-1")


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "[::1]:8177", "LOCALHOST"])
def test_names_of_this_machine_are_answered(served, host):
    assert status(exchange(served, head(Host=host))) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8177", "10.0.0.1", ""]
)
def test_other_names_are_refused(served, host):
    answer = exchange(served, head(Host=host))
    assert status(answer) == 421
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "host"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8177"])
def test_pages_of_other_origins_are_refused(served, origin):
    assert status(exchange(served, head(Origin=origin))) == 403


def test_a_page_of_the_same_origin_is_answered(served):
    assert status(exchange(served, head(Origin="http://127.0.0.1:8177"))) == 200


@pytest.mark.parametrize("token", [None, "Bearer wrong", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"])
def test_a_request_without_the_token_is_refused(served, token):
    answer = exchange(served, head(Authorization=token))
    assert status(answer) == 401
    assert TOKEN.encode() not in answer


def test_a_large_body_is_refused_before_it_is_read(served):
    line = "POST /v1/completions HTTP/1.1"
    begun = time.monotonic()
    answer = exchange(served, head(line, Content_Length=str(100 << 20)), rest=b"x" * (1 << 20))
    assert status(answer) == 413
    assert time.monotonic() - begun < 2


def test_a_large_body_without_a_length_is_refused(served):
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answer = exchange(served, head("POST /complete HTTP/1.1", Transfer_Encoding="chunked"), rest=chunk * 20)
    assert answer == b"" or status(answer) == 413
    assert MAX_BODY < 20 * 0x10000


def test_a_slow_body_is_refused(served, monkeypatch):
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.2)
    answer = exchange(served, head("POST /complete HTTP/1.1", Content_Length="100") + b"{")
    assert status(answer) == 408


@pytest.mark.parametrize("data", [b"", b"GET /health HT", head()[:-2]])
def test_half_a_request_is_dropped(served, monkeypatch, data):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.2)
    begun = time.monotonic()
    assert exchange(served, data) == b""
    assert time.monotonic() - begun < 5


def test_what_is_no_request_is_refused(served):
    assert status(exchange(served, b"\x16\x03\x01\x02\x00\r\n\r\n")) == 400


def test_long_headers_are_refused(served):
    answer = exchange(served, head(X="a" * (4 << 20)))
    assert answer == b"" or status(answer) == 400


def test_idle_connections_keep_nobody_out(served, monkeypatch):
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 8)
    idle = [socket.create_connection(("127.0.0.1", served.port), timeout=10) for _ in range(60)]
    try:
        for _ in range(3):
            assert status(exchange(served, head())) == 200
        assert len(served.server.server_state.connections) <= 9
    finally:
        for connection in idle:
            connection.close()


def test_a_client_that_takes_nothing_is_dropped(slow, monkeypatch):
    monkeypatch.setattr(guard, "SEND_SECONDS", 0.3)
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.2)
    slow.model._delay = 0
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.connect(("127.0.0.1", slow.port))
        body = b'{"prompt": "large", "max_tokens": 4096, "stream": true}'
        connection.sendall(head("POST /v1/completions HTTP/1.1", Content_Length=str(len(body))) + body)
        assert slow.until(lambda: slow.model.open)
        assert slow.until(lambda: not slow.model.open and not slow.server.server_state.connections, 20)
