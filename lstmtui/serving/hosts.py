"""The names under which a server may be addressed.

A page from elsewhere may point a name of its own at this machine and then ask the server as if they were one site (DNS
rebinding). Such a request names that site in Host, and so it is told from others.
"""

from __future__ import annotations

import ipaddress
import socket

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(address: str) -> bool:
    """Return whether an address or name is that of this machine for itself."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return address.lower() == "localhost"


def split_port(host: str) -> tuple[str, str]:
    """Return name and port of a Host header: "localhost:8177", "[::1]:8177"; the port is empty without one."""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        return name.lower(), rest.removeprefix(":")
    name, _, port = host.partition(":")
    return name.lower(), port


class AllowedHosts:
    """The values of Host and Origin that a server takes."""

    def __init__(self, bound: str) -> None:
        """`bound` is the name or the address that the server listens at."""
        self._names = {*LOCAL_NAMES, bound.lower()}
        self._any_address = not is_loopback(bound)
        if self._any_address:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    def has_host(self, host: str) -> bool:
        """Return whether a request may name `host`; an address cannot be pointed elsewhere, as a name can."""
        name = split_port(host)[0]
        return name in self._names or (self._any_address and _is_address(name))

    def has_origin(self, origin: str, host: str) -> bool:
        """Return whether a page of `origin` may ask: one of this server alone."""
        return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
