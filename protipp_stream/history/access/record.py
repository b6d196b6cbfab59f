"""One line of the access trail.

::

    {"n":17,"at":…,"reason":"connected","count":1,"endpoint":"GET /api/v1/odds/realtime",
     "facts":{"transport":"websocket"},
     "personal":{"subject":"<sha256>","address":"<sha256>"},"prev":…,"hash":…}

``at`` is when it happened (the first of ``count``), so lines may be a few seconds out of
order; ``n`` is the order in which they were written. ``personal`` holds the digests of
the ciphertexts: ``subject`` (the subject and the id of its connection) and ``address``
(with the user agent, forgotten earlier). Ciphertexts begin with a random nonce, so equal
names have different digests.

What was destroyed is explained by a line with a ``tombstone``: `Tombstone`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from protipp_stream.core.access import AccessRecord, Fact
from protipp_stream.core.chain import decode_line
from protipp_stream.model import Instant

__all__ = [
    "PARTS",
    "Part",
    "Tombstone",
    "TrailLine",
    "decode_access_line",
    "members_of",
    "tombstone_of",
]

Part = Literal["subject", "address"]
PARTS: tuple[Part, ...] = ("subject", "address")


class Tombstone(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was destroyed, by numbers: never whose it was.

    Attributes
    ----------
    kind : str
        ``erased``: a subject. ``forgotten``: addresses that have grown old.
        ``removed``: whole lines that have.
    subject, address : int
        How many ciphertexts of each part were destroyed.
    until : int
        Forgotten, removed: all up to this line; -1 for a subject.
    last_hash : str
        Removed: the hash of that line, where the chain goes on.
    carried_subject, carried_address : int
        Forgotten, removed: how many up to there were missing already because of
        subjects whose own tombstone stands later; see `balance`.
    """

    kind: Literal["erased", "forgotten", "removed"]
    subject: int = 0
    address: int = 0
    until: int = -1
    last_hash: str = ""
    carried_subject: int = 0
    carried_address: int = 0

    def destroyed(self, part: Part) -> int:
        """How many ciphertexts of a part."""
        return self.subject if part == "subject" else self.address

    def carried(self, part: Part) -> int:
        """How many of a part were missing already."""
        return self.carried_subject if part == "subject" else self.carried_address

    def ends(self, part: Part) -> int:
        """Up to which line nothing of a part is to be expected any more."""
        return self.until if self.kind == "removed" or part == "address" else -1


class TrailLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it is read back; see `AccessRecord` for what it says."""

    n: int
    at: Instant
    prev: str
    hash: str
    reason: str
    count: int = 1
    endpoint: str | None = None
    facts: dict[str, Fact] = {}
    personal: dict[Part, str] = {}
    tombstone: Tombstone | None = None


_lines = msgspec.json.Decoder(TrailLine)


def decode_access_line(line: bytes) -> TrailLine:
    """Read a line, having checked that its hash is its own.

    Raises
    ------
    TrailChanged
        If it is no whole line, or was changed.
    """
    return decode_line(line, _lines, "an access trail")


def members_of(record: AccessRecord, digests: Mapping[Part, str]) -> list[bytes]:
    """Encode what a line says of a record, in clear."""
    members = [
        b'"reason":' + msgspec.json.encode(record.reason),
        b'"count":%d' % record.count,
    ]
    if record.endpoint is not None:
        members.append(b'"endpoint":' + msgspec.json.encode(record.endpoint))
    if facts := {name: fact for name, fact in record.facts.items() if fact is not None}:
        members.append(b'"facts":' + msgspec.json.encode(facts))
    if digests:
        members.append(b'"personal":' + msgspec.json.encode(digests))
    return members


def tombstone_of(tombstone: Tombstone, count: int) -> list[bytes]:
    """Encode the line of a tombstone for so many records."""
    return [
        b'"reason":"%b"' % tombstone.kind.encode(),
        b'"count":%d' % count,
        b'"tombstone":' + msgspec.json.encode(tombstone),
    ]
