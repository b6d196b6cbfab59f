"""Lines of the Exchange Stream, decoded and checked before the library sees them.

It would take a price that is a text, and stumble in the middle of a book over a
field that it does not know. Fields that no quote needs (traded volume, starting
prices) are skipped on the way, which also halves the work.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, NamedTuple, NotRequired, TypedDict

import msgspec

from protipp_stream.feeds.betfair.codes import LineUnreadable
from protipp_stream.feeds.betfair.words import Definition

__all__ = ["Line", "MarketChange", "Message", "decode", "instant"]

_PriceSize = Annotated[list[float], msgspec.Meta(min_length=2, max_length=2)]
_LevelPriceSize = Annotated[list[float], msgspec.Meta(min_length=3, max_length=3)]


class _RunnerChange(TypedDict):
    id: int
    hc: NotRequired[float]
    ltp: NotRequired[float]
    atb: NotRequired[list[_PriceSize]]
    atl: NotRequired[list[_PriceSize]]
    batb: NotRequired[list[_LevelPriceSize]]
    batl: NotRequired[list[_LevelPriceSize]]
    bdatb: NotRequired[list[_LevelPriceSize]]
    bdatl: NotRequired[list[_LevelPriceSize]]


class MarketChange(TypedDict):
    """What a message changes of one market; a dict, because the library takes dicts."""

    id: str
    img: NotRequired[bool]
    con: NotRequired[bool]
    marketDefinition: NotRequired[Definition]
    rc: NotRequired[list[_RunnerChange]]


class Line(msgspec.Struct, gc=False, rename="camel"):
    """One message, but for its markets."""

    op: str
    id: int | None = None
    pt: float | None = None
    clk: str | None = None
    initial_clk: str | None = None
    ct: str | None = None
    segment_type: str | None = None
    status: int | None = None
    status_code: str | None = None
    error_code: str | None = None
    error_message: str | None = None

    @property
    def begins(self) -> bool:
        """Whether it is the first, or only, segment of a message."""
        return self.segment_type in (None, "SEG_START")

    @property
    def ends(self) -> bool:
        """Whether it is the last, or only, segment of a message."""
        return self.segment_type in (None, "SEG_END")


class _Whole(Line, gc=False):
    mc: list[MarketChange] | None = None


class _Parts(Line, gc=False):
    mc: list[msgspec.Raw] | None = None


class _Named(msgspec.Struct, gc=False):
    id: str


_whole = msgspec.json.Decoder(_Whole)
_parts = msgspec.json.Decoder(_Parts)
_change = msgspec.json.Decoder(MarketChange)
_named = msgspec.json.Decoder(_Named)

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Message(NamedTuple):
    """What one line says.

    Attributes
    ----------
    line : Line
        All but the markets.
    changes : list of MarketChange
        Of the markets that could be read.
    broken : dict of str to str
        Why the others could not, by market id.
    """

    line: Line
    changes: list[MarketChange]
    broken: dict[str, str]


def decode(raw: str | bytes) -> Message:
    """Decode a line.

    Raises
    ------
    LineUnreadable
        If it is no message, or changes a market without a name.
    """
    try:
        line = _whole.decode(raw)
    except msgspec.ValidationError:
        return _decode_in_parts(raw)
    except _UNREADABLE as error:
        raise _unreadable(error) from None
    return Message(line, line.mc or [], {})


def _decode_in_parts(raw: str | bytes) -> Message:
    """Read each market by itself: one that can't be read is no loss to the others."""
    message = Message(Line(""), [], {})
    try:
        line = _parts.decode(raw)
        for part in line.mc or []:
            try:
                message.changes.append(_change.decode(part))
            except msgspec.ValidationError as error:
                message.broken[_named.decode(part).id] = str(error)
    except _UNREADABLE as error:
        raise _unreadable(error) from None
    return message._replace(line=line)


def instant(pt: float) -> datetime:
    """Return Betfair's milliseconds since 1970 as a time; far off ones as the end of time."""
    try:
        return datetime.fromtimestamp(pt / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)  # the gateway's quarantine counts it


def _unreadable(error: Exception) -> LineUnreadable:
    return LineUnreadable(f"Betfair sent a line that is no message: {error}.")
