"""Lines that hold on to one another: each has the digest of itself and of the one before.

Whoever changes, drops or moves a line must change all that follow, and the signatures
of them, which takes a key that he doesn't have (`core.checkpoint`). A line is JSON, one
object, so grep and jq read it::

    {"n":17,"at":"2026-11-23T10:00:00.123456Z", … ,"prev":"<64 hex>","hash":"<64 hex>"}

``hash`` is SHA-256 over the line's bytes up to ``,"hash"``; ``prev`` is the hash of the
line before, so it is under the digest too. Members are put together from bytes that are
encoded already: nothing is encoded twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple, TypeVar

import msgspec

from protipp_stream.errors import TrailChanged

__all__ = ["GENESIS", "Link", "decode_line", "linked", "pieces", "read_link"]

GENESIS = "0" * 64
"""What the first line of a chain names as the one before."""

_TAIL = re.compile(rb',"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}')
_HEAD = re.compile(rb'\{"n":(0|[1-9][0-9]{0,17}),"at":"([0-9TZ:.+-]{20,32})"')
_HASH_LENGTH = len(b',"hash":"') + 64 + len(b'"}')
_TAIL_LENGTH = len(b',"prev":"') + 64 + len(b'"') + _HASH_LENGTH
_T = TypeVar("_T")


class Link(NamedTuple):
    """The place of a line in its chain.

    Attributes
    ----------
    n : int
        Counts the lines of a chain from 0, across its files.
    at : datetime
        UTC: when it was written.
    prev, hash : str
        Digests, in hex: of the line before, of this one.
    """

    n: int
    at: datetime
    prev: str
    hash: str


def linked(n: int, at: datetime, members: Iterable[bytes], prev: str) -> tuple[bytes, str]:
    """Return a line, with its line feed, and its hash.

    Parameters
    ----------
    n : int
        Its number.
    at : datetime
        UTC.
    members : iterable of bytes
        The other members of the object, encoded: ``b'"rows":[1,2]'``, or `pieces` of
        them. They must not hold a line feed, which JSON escapes.
    prev : str
        The hash of the line before, `GENESIS` for the first.
    """
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = b'{"n":%d,"at":"%b"' % (n, stamp.encode())
    body = b",".join((head, *members, b'"prev":"%b"' % prev.encode()))
    digest = sha256(body).hexdigest()
    return b"".join((body, b',"hash":"', digest.encode(), b'"}\n')), digest


def read_link(line: bytes) -> Link:
    """Return the place of a line, having checked that its hash is its own.

    Parameters
    ----------
    line : bytes
        With or without its line feed.

    Raises
    ------
    TrailChanged
        If it is no such line, or was changed.
    """
    text = line.removesuffix(b"\n")
    head, tail = _HEAD.match(text), _TAIL.fullmatch(text[-_TAIL_LENGTH:])
    if head is None or tail is None:
        raise TrailChanged("This is no whole line of a trail.")
    digest = sha256(text[:-_HASH_LENGTH]).hexdigest().encode()
    if digest != tail[2]:
        raise TrailChanged(f"Line {int(head[1])} was changed: its hash is not its own.")
    try:
        at = datetime.fromisoformat(head[2].decode())
    except ValueError:
        raise TrailChanged(f"Line {int(head[1])} has no time.") from None
    return Link(int(head[1]), at, tail[1].decode(), tail[2].decode())


def decode_line(line: bytes, decoder: msgspec.json.Decoder[_T], whose: str) -> _T:
    """Read a line, having checked that its hash is its own.

    Parameters
    ----------
    line : bytes
        With or without its line feed.
    decoder : msgspec.json.Decoder
        Of what the lines of its chain hold.
    whose : str
        What the chain is of, for the error: "an odds journal".

    Raises
    ------
    TrailChanged
        If it is no whole line of such a chain, or was changed.
    """
    link = read_link(line)
    try:
        return decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise TrailChanged(f"Line {link.n} is no line of {whose}: {error}.") from None


def pieces(name: str, rows: Sequence[bytes]) -> list[bytes]:
    """Return the member ``"name":[…]`` of rows that are encoded already, in pieces for `linked`.

    So the rows are copied only once; what parts rows parts members, too.
    """
    cut = list(rows) or [b""]
    cut[0] = b'"%b":[%b' % (name.encode(), cut[0])
    cut[-1] += b"]"
    return cut
