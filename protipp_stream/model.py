"""The nouns: what a quote, an update, an event and a connection are.

All are msgspec Structs, so that bytes from outside are decoded and validated
in one pass (0.6 µs an update), and a value that was decoded is known good.
A value built by hand is checked where it enters: see `core.quarantine`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

import msgspec

__all__ = [
    "Batch",
    "Commission",
    "Confirmation",
    "Cursor",
    "Event",
    "Name",
    "Odds",
    "OddsUpdate",
    "Quota",
    "Quote",
    "RealTimeConnection",
    "Selection",
]

MAX_ODDS = 1_000_000.0
MAX_NAME_LENGTH = 256

# Control characters and line separators are refused at the border: they would
# split an SSE line or forge a log record, and no team is called that.
# It ends in \Z, because $ also matches before a last line feed.
NAME_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+\Z"

Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME_LENGTH, pattern=NAME_PATTERN)]
Odds = Annotated[float, msgspec.Meta(gt=1.0, le=MAX_ODDS)]
# Of what a winning bet wins.
Commission = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]

_CURSOR = re.compile(r"([0-9A-Za-z_-]{1,64}):(0|[1-9][0-9]{0,17})", re.ASCII)


class Selection(NamedTuple):
    """What a price is a price of: one outcome of one market at one bookmaker."""

    bookmaker_id: str
    event_id: str
    market: str
    outcome: str


class Cursor(msgspec.Struct, frozen=True, gc=False):
    """A place in the log of updates.

    Attributes
    ----------
    epoch : str
        One incarnation of the log. A gateway that starts anew takes a new one:
        without it, sequence 7 of yesterday would pass for sequence 7 of today.
    seq : int
        Dense within its epoch: every update adds one.
    """

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"

    @classmethod
    def parse(cls, text: str | None) -> Cursor | None:
        """Read ``"epoch:seq"``; None for whatever is no cursor.

        A cursor comes from outside and a wrong one is answered with a
        snapshot, so this never raises.
        """
        found = _CURSOR.fullmatch(text) if text else None
        return cls(found[1], int(found[2])) if found else None


class Quote(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """One price of one selection, as a bookmaker says it.

    Attributes
    ----------
    odds : float or None
        Decimal, above 1; None when suspended or withdrawn.
    source_timestamp : datetime or None
        The bookmaker's own clock, if it says. Unverified.
    timestamp : datetime or None
        When the gateway received it. Feeds leave it out: the batch says it.
    commission : float
        The part of the net winnings that an exchange keeps: 0.05 is 5 %. ``odds``
        are as quoted, without it.
    confirmed_at : datetime or None
        When it was last said again, unchanged: by the bookmaker's clock, but no later
        than it was heard, or, without such a stamp, when its feed said so: a stream that
        lives vouches for what stands. The gateway's to set.
    """

    bookmaker_id: Name
    event_id: Name
    market: Name
    outcome: Name
    odds: Odds | None
    source_timestamp: Instant | None = None
    timestamp: Instant | None = None
    commission: Commission = 0.0
    confirmed_at: Instant | None = None

    @property
    def selection(self) -> Selection:
        """The selection that this is a price of."""
        return Selection(self.bookmaker_id, self.event_id, self.market, self.outcome)

    @property
    def good_at(self) -> datetime | None:
        """When the price was good for the last time, as far as anybody has said.

        By the bookmaker's clock, or when its feed vouched for it, whichever is later;
        where neither says, when the gateway received it.
        """
        said = [at for at in (self.source_timestamp, self.confirmed_at) if at is not None]
        return max(said, default=self.timestamp)

    def confirmed(
        self, received_at: datetime, stamp: datetime | None, is_vouched: bool = False
    ) -> Quote:
        """Return the same price, said again; see `Confirmation`."""
        return msgspec.structs.replace(
            self,
            source_timestamp=stamp or self.source_timestamp,
            confirmed_at=_confirmed_at(received_at, stamp, is_vouched),
        )


class Confirmation(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A bookmaker said the same prices again: nothing changed but their age.

    Attributes
    ----------
    outcomes : list of str
        Those of one market that stood as they were.
    received_at : datetime
        UTC: when the gateway received it.
    source_timestamp : datetime or None
        What the bookmaker's own clock said last, if it says.
    is_vouched : bool
        It said nothing this time: its feed vouched for what stands.
    """

    bookmaker_id: Name
    event_id: Name
    market: Name
    outcomes: list[Name]
    received_at: Instant
    source_timestamp: Instant | None = None
    is_vouched: bool = False

    @property
    def good_at(self) -> datetime:
        """When the prices were good for the last time; see `Quote.good_at`."""
        return _confirmed_at(self.received_at, self.source_timestamp, self.is_vouched)


def _confirmed_at(received_at: datetime, stamp: datetime | None, is_vouched: bool) -> datetime:
    if is_vouched or stamp is None:
        return received_at
    # Or nobody could tell a clock that is ahead from a price that was confirmed.
    return min(stamp, received_at)


class OddsUpdate(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One price of one bookmaker changed.

    Attributes
    ----------
    id : str
        ``"{epoch}:{seq}"``, a cursor.
    bookmaker_id, event_id, market, outcome : str
        The selection; ``market`` is ``kind`` or ``kind@line``.
    old_odds : float or None
        Decimal; None at the first sight of a selection and after a suspension.
    new_odds : float or None
        Decimal, above 1; None when suspended or withdrawn.
    timestamp : datetime
        UTC: when the gateway received it from the bookmaker.
    source_timestamp : datetime or None
        The bookmaker's own clock; unverified, never mixed into latency.
    latency_ms : float
        Milliseconds from receipt to delivery: the gateway's part on the wire; a
        client completes it, up to its own board.
    is_significant : bool
        Whether the gateway's rule flags it, and ``reason`` says why.
    commission : float
        What an exchange keeps of the net winnings; see `Quote`.
    """

    id: str
    bookmaker_id: Name
    event_id: Name
    market: Name
    outcome: Name
    old_odds: Odds | None
    new_odds: Odds | None
    timestamp: Instant
    source_timestamp: Instant | None
    latency_ms: float
    is_significant: bool
    reason: str | None = None
    commission: Commission = 0.0

    @property
    def selection(self) -> Selection:
        """The selection whose price changed."""
        return Selection(self.bookmaker_id, self.event_id, self.market, self.outcome)

    @property
    def seq(self) -> int:
        """The sequence number in ``id``."""
        return int(self.id.rpartition(":")[2])

    @property
    def quote(self) -> Quote:
        """The price as it stands after this update."""
        return Quote(
            self.bookmaker_id,
            self.event_id,
            self.market,
            self.outcome,
            self.new_odds,
            self.source_timestamp,
            self.timestamp,
            self.commission,
        )


class Event(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A fixture: what the ids in quotes stand for, in words.

    Attributes
    ----------
    event_id : str
        As quotes name it.
    name : str
        For people, e.g. ``Washington Nationals @ Philadelphia Phillies``.
    sport : str
        As the source names it, e.g. ``baseball_mlb``.
    starts_at : datetime or None
        UTC.
    home, away : str or None
        Where there are two sides; then these are also names of outcomes.
    """

    event_id: Name
    name: Name
    sport: Name
    starts_at: Instant | None = None
    home: Name | None = None
    away: Name | None = None


class Quota(msgspec.Struct, frozen=True, gc=False):
    """What a paid source still lets us ask; None where it did not say."""

    remaining: float | None = None
    used: float | None = None
    last: float | None = None


ConnectionType = Literal[
    "websocket", "sse", "polling", "stream", "simulated", "replay", "publish", "bookmaker"
]
Status = Literal["connected", "connecting", "disconnected", "error"]
Detail = Literal["live", "stalled", "backoff", "recovering", "paused", "terminal"]


class RealTimeConnection(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The state of one connection: of a feed to its source, or of a client.

    Attributes
    ----------
    status : str
        ``connected``, ``connecting``, ``disconnected`` or ``error``.
    detail : str or None
        ``live``, ``stalled``, ``backoff``, ``recovering``, ``paused`` (nothing is tried
        until somebody asks for it) or ``terminal``.
    last_heartbeat : datetime or None
        UTC: the last sign of life, news or not.
    last_update : datetime or None
        UTC: the last change of a price.
    latency_ms : float or None
        Milliseconds; of a request for a feed that polls, the median of delivery
        for a client.
    error_count : int
        Failures since it was made; ``last_error`` is the newest, in words.
    reconnect_attempts : int
        Tries since it last worked.
    stale : bool
        Connected is not fresh: True when prices are older than they should be.
    quota : Quota or None
        What a paid source still allows.
    """

    id: str
    bookmaker_id: str
    connection_type: ConnectionType
    status: Status
    last_heartbeat: datetime | None = None
    latency_ms: float | None = None
    error_count: int = 0
    last_error: str | None = None
    reconnect_attempts: int = 0
    detail: Detail | None = None
    last_update: datetime | None = None
    stale: bool = False
    quota: Quota | None = None


class Batch(msgspec.Struct, frozen=True):
    """What one read of a source said: the unit in which a feed hands quotes over.

    Attributes
    ----------
    quotes : list of Quote
        In the order of the source. Empty when the read brought nothing new.
    received_at : datetime
        UTC: when it arrived; the ``timestamp`` of the updates made of it.
    arrived : float
        The same moment on this machine's monotonic clock, in seconds: latency
        is measured on this one, because wall clocks jump.
    events : list of Event
        Descriptions of fixtures that are new or changed.
    """

    quotes: list[Quote]
    received_at: datetime
    arrived: float
    events: list[Event] = []
