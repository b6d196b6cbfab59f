"""Where the gateway is, and on which conditions a token is sent there."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import msgspec

from protipp_stream.core.filter import Filter
from protipp_stream.errors import ConfigurationError, ConnectionLost, TokenRefused

__all__ = ["Endpoint", "Query", "bearer", "endpoint_of", "query_of"]

API = "/api/v1"
MAX_FRAME_BYTES = 64 * 1024 * 1024
MAX_QUERY = 6_000


Query = list[tuple[str, str | int | float | bool | None]]


class Endpoint(msgspec.Struct, frozen=True):
    """A gateway's address and how we introduce ourselves there.

    Attributes
    ----------
    base : str
        ``http://host:port`` or ``https://…``, without a path.
    token : callable
        Returns the token; asked anew for every connection.
    """

    base: str
    token: Callable[[], str]

    @property
    def is_loopback(self) -> bool:
        """Whether the gateway is on this machine."""
        return _is_loopback(urlsplit(self.base).hostname or "")

    @property
    def socket_base(self) -> str:
        """The same for a WebSocket: ``ws://…`` or ``wss://…``."""
        return "ws" + self.base.removeprefix("http")

    def headers(self) -> dict[str, str]:
        """Headers that introduce us; raises as `current_token`."""
        return bearer(self.current_token())

    def current_token(self) -> str:
        """Ask for the token.

        Raises
        ------
        TokenRefused
            If it has characters that no header can carry.
        ConnectionLost
            If it could not be had this time: a failure of the user's function is
            tried again.
        """
        try:
            token = self.token()
        except Exception as error:
            raise ConnectionLost(
                f"The token function failed with {type(error).__name__}: {error}."
            ) from error
        if not token.isascii() or not token.isprintable() or " " in token:
            raise TokenRefused(
                "The token is malformed: it has spaces, line breaks or non-ASCII characters.",
                hint="Copy it again, whole and on one line.",
            )
        return token


def bearer(token: str) -> dict[str, str]:
    """Return the headers that carry a token."""
    return {"Authorization": f"Bearer {token}"}


def endpoint_of(url: str, token: str | Callable[[], str], *, insecure: bool) -> Endpoint:
    """Check an address before anything is sent to it.

    Raises
    ------
    ConfigurationError
        For what is no http(s) address, and for plain http to another machine
        unless ``insecure``: the token would travel in clear.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    # "hello" is a word; a host alone is an address only with a port or a dot.
    is_word = "://" not in url and port is None and "." not in url
    if scheme not in {"http", "https"} or not parts.hostname or is_word:
        raise ConfigurationError(
            f"{url!r} is no address of a gateway.",
            hint="It should look like http://127.0.0.1:8700 or https://odds.example.",
        )
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ConfigurationError(
            f"A gateway's address has no path, and {url!r} has one.",
            hint=f"Leave it out: {scheme}://{parts.netloc}.",
        )
    if parts.username or parts.password:
        raise ConfigurationError(
            "A gateway's address carries no user name or password.",
            hint="Give the token with token=… or in PROTIPP_TOKEN.",
        )
    if scheme == "http" and not insecure and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            f"{parts.hostname} is another machine and {url!r} is not encrypted: "
            "the token could be read on the way.",
            hint="Use https://…, or insecure=True (--insecure) if the network is yours.",
        )
    base = f"{scheme}://{parts.netloc}"
    return Endpoint(base, token if callable(token) else lambda: token)


def query_of(wanted: Filter, max_hz: float | None = None) -> Query:
    """Write a filter, and how many frames a second may come, as query parameters.

    Raises
    ------
    ConfigurationError
        If it is too long for the first line of a request.
    """
    query: Query = [
        *(("bookmaker", name) for name in wanted.bookmakers),
        *(("event", name) for name in wanted.events),
        *(("market", name) for name in wanted.markets),
    ]
    if len(urlencode(query)) > MAX_QUERY:
        raise ConfigurationError(
            "The filter names too much to be sent.",
            hint="Name fewer bookmakers, events or markets, or none: all is not much more.",
        )
    return query if max_hz is None else [*query, ("max_hz", max_hz)]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
