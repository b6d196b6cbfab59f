"""Close codes: the range is the rule, so a client needs no table.

4000 to 4499 mean "come back", 4500 to 4999 "do not". The same numbers stand in
the ``code`` of an ``error`` frame over SSE and HTTP.

Below 4000 stand the codes that everyone may say (RFC 6455, 7.4.1), and all of them
mean "come back". Some blame the client: 1002 and 1007 a frame that can't be, 1003 a
binary one, 1009 one that is too large, 1008 messages that made no sense or too many
pings. Our client sends none of that, so a middlebox mangled something on its way, and
the next connection may be spared. If it is not, nobody is hammered: attempts count until
the link was stable for 30 s, so tries come 16 s apart. What can't get better by itself,
the gateway says with a code from 4500 up.
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


def comes_back(code: int) -> bool:
    """Whether a client that was closed with ``code`` may reconnect."""
    return not 4500 <= code <= 4999
