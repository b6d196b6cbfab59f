"""Close codes: the range is the rule, so a client needs no table.

4000 to 4499 mean "come back", 4500 to 4999 "do not". The same numbers stand in
the ``code`` of an ``error`` frame over SSE and HTTP.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CloseCode", "comes_back"]


class CloseCode(IntEnum):
    """Why a connection was closed."""

    DRAINING = 4000
    TOO_SLOW = 4001
    DESYNCHRONISED = 4002
    NO_HEARTBEAT = 4003
    TOKEN_EXPIRED = 4004
    SESSION_TOO_OLD = 4005
    FLOOD = 4006
    SERVER_ERROR = 4007
    OVERLOADED = 4008
    HANDSHAKE_TIMEOUT = 4009
    MALFORMED = 4500
    INVALID_TOKEN = 4501
    FORBIDDEN = 4502
    REVOKED = 4503
    CONNECTION_LIMIT = 4504
    SUBSCRIPTION_LIMIT = 4505
    VERSION = 4506
    TOO_LARGE = 4507


# RFC 6455, 7.4.1: these say that our own frames were wrong. Sending them again
# would end the same way.
_OUR_FAULT = frozenset({1002, 1003, 1007, 1008, 1009, 1010})


def comes_back(code: int) -> bool:
    """Whether a client that was closed with ``code`` may reconnect."""
    return code not in _OUR_FAULT and not 4500 <= code <= 4999
