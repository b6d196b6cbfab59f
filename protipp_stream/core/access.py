"""Who asked for what: records of the access trail, and what keeps them.

A record has two sides. What happened (reason, endpoint, facts) may be read by anybody
who may read the trail; who it was (`Requester`) is personal and stands nowhere in clear.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from protipp_stream.model import Instant

__all__ = [
    "ACCESS_DAYS",
    "ADDRESS_DAYS",
    "NOBODY",
    "AccessRecord",
    "Fact",
    "KeepsAccess",
    "Requester",
]

ACCESS_DAYS, ADDRESS_DAYS = 183.0, 30.0
"""How long records are kept, and addresses and user agents in them, if nothing else is said."""

Fact = str | int | float | None
"""What happened, in words and numbers of ours: never what a peer made up."""


class Requester(msgspec.Struct, frozen=True):
    """Who it was, as far as that is known: all of it is personal.

    Attributes
    ----------
    subject : str or None
        Of their token; None for whoever showed no good one.
    address : str or None
        Where they came from.
    user_agent : str or None
        What they said they are.
    connection : str or None
        The id of their connection: it links what one person did.
    """

    subject: str | None = None
    address: str | None = None
    user_agent: str | None = None
    connection: str | None = None

    def __repr__(self) -> str:
        # A traceback or a debugging print must not become a log of names.
        return f"<{type(self).__name__}>"


NOBODY = Requester()
"""Who did what nobody in particular did: a feed's bad prices, for example."""


class AccessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened at the door, or several equal ones.

    Attributes
    ----------
    at : datetime
        UTC: when it happened, the first of them.
    reason : str
        A code: ``connected``, ``token_expired``, ``rate_limited``, …
    count : int
        How many.
    endpoint : str or None
        One of ours, never a path as it came.
    facts : dict
        Not personal, by name: ``transport``, ``code``, ``duration_s``, …
    by : Requester
        Personal.
    """

    at: Instant
    reason: str
    count: int = 1
    endpoint: str | None = None
    facts: dict[str, Fact] = {}
    by: Requester = NOBODY


class KeepsAccess(Protocol):
    """What a gateway needs of an access trail."""

    @property
    def pseudonym_key(self) -> bytes:
        """What names in logs are replaced with: see `core.pseudonym`."""
        ...

    def record(self, record: AccessRecord) -> None:
        """Take a record; it is written later, and this neither waits nor raises."""
        ...
