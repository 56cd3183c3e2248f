import pytest

from lstmtui.serving.hosts import AllowedHosts, is_loopback, split_port


@pytest.mark.parametrize(
    ("host", "parts"),
    [("localhost:8177", ("localhost", "8177")), ("[::1]:80", ("::1", "80")), ("[::1]", ("::1", "")), ("A", ("a", ""))],
)
def test_names_and_ports(host, parts):
    assert split_port(host) == parts


def test_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "127.8.0.1", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "10.0.0.1", "::", "example.org")))


def test_a_server_for_others_takes_addresses_and_its_own_names():
    hosts = AllowedHosts("0.0.0.0")
    assert all(map(hosts.has_host, ("10.0.0.1:8177", "[fe80::1]:1", "localhost", "0.0.0.0")))
    assert not hosts.has_host("evil.example")
    assert AllowedHosts("box.example").has_host("box.example:8177")
