"""The socket that a gateway listens on, and what its connections inherit from it."""

from __future__ import annotations

import socket

from protipp_stream.errors import ConfigurationError

__all__ = ["host_name", "listener"]

SEND_BUFFER = 128 * 1024
VANISHED_AFTER_MS = 60_000


def listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    ConfigurationError
        If the port is taken, or the address is none of ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, or asyncio leaves Nagle's algorithm on: a small frame then waits for the
    # acknowledgement of the one before, which the peer delays by 40 ms.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bound_what_is_in_flight(made)
        made.bind((host, port))
        # Now, so that a port which somebody else has is an error here.
        made.listen()
    except (OSError, OverflowError) as error:
        made.close()
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        raise ConfigurationError(
            f"Can't listen on {host}:{port}: {why}.",
            hint="Choose another port, or 0 for a free one.",
        ) from None
    return made


def _bound_what_is_in_flight(made: socket.socket) -> None:
    """Limit what the system keeps for a peer that does not read; connections inherit it."""
    # Else Linux lets it grow to 4 MB a connection: old prices, and ours to carry.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # A peer that has vanished acknowledges nothing. SSE has no ping to notice it by.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_AFTER_MS)


def host_name(host: str) -> str:
    """Write an address as it stands in a URL."""
    return f"[{host}]" if ":" in host else host
