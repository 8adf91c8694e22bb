"""Who may ask: a request needs the token of the run, a host name that is this machine's, and no foreign page.

Any page in a browser can send requests to a port of the same machine. It can't know the token. A page whose
host name was made to lead here (DNS rebinding) is told by the name that it asks for, and one that reads
across origins by the origin that browsers add (Fetch standard, "HTTP extensions").
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Access:
    """What a request must bring along.

    Attributes
    ----------
    names
        Host names that lead here, beside addresses in digits and ``localhost``.
    origins
        Other pages that may read what the server gives, such as ``https://example.org``.
    token
        The first part of every path.
    """

    names: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def refusal(self, path: str, host: str | None, origin: str | None) -> str | None:
        """Return why a request is refused, None when it isn't.

        Parameters
        ----------
        path
            That is asked for, with its leading slash.
        host, origin
            What the headers of these names say; None where they are missing.
        """
        name = _name_of(host)
        if name is None or not self._leads_here(name):
            return "the host name is not that of this server"
        if origin is not None and origin not in {f"http://{host}", *self.origins}:
            return "the page that asks is not that of this server"
        given = path.split("/")[1] if "/" in path else ""
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return "the address lacks the token that was printed at the start"
        return None

    def _leads_here(self, name: str) -> bool:
        if name == "localhost" or name in self.names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True  # no name that somebody else could make lead here


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name_of(host: str | None) -> str | None:
    """Return the name in a header ``Host``, without its port."""
    if not host or any(mark in host for mark in "/@?#\\ "):
        return None
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
