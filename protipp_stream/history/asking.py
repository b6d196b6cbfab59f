"""What a question is about: names and times, and which rows can be of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from numbers import Number
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from protipp_stream.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    Time = str | date | pd.Timestamp
    Span = str | float | pd.Timedelta
    Names = str | Iterable[str]

__all__ = ["EVERYTHING", "NO_TIME", "Asked", "asked", "instant", "micros", "moment", "span"]

Bounds = Mapping[str, tuple[Any, Any]]
Mask = npt.NDArray[np.bool_]

NO_TIME = int(np.iinfo(np.int64).min)
"""What `micros` says where there is no time."""

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

# As JSON has it whoever wrote it: what needs no escape.
_PLAIN = re.compile(r"[A-Za-z0-9_.:@ -]+", re.ASCII)
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII
)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are wanted; an empty part means "all".

    Attributes
    ----------
    events, bookmakers, markets, outcomes : frozenset of str
        ``totals`` is the market with every line, ``totals@7.5`` one line.
    since, until : int or None
        Microseconds since 1970; from ``since``, before ``until``.
    first_line, end_line : int
        Of the journal: from the one, before the other, if that is not 0.
    """

    events: frozenset[str] = frozenset()
    bookmakers: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None
    first_line: int = 0
    end_line: int = 0

    @property
    def names(self) -> dict[str, frozenset[str]]:
        """The names that are asked for, by column."""
        wanted = {
            "event_id": self.events,
            "bookmaker_id": self.bookmakers,
            "market": self.markets,
            "outcome": self.outcomes,
        }
        return {column: names for column, names in wanted.items() if names}

    @property
    def columns(self) -> list[str]:
        """The columns that decide whether a row is wanted."""
        columns = list(self.names)
        if self.since is not None or self.until is not None:
            columns.append("timestamp")
        return [*columns, "line"] if self.first_line or self.end_line else columns

    @property
    def needle(self) -> list[bytes]:
        """Bytes of which a hot line that has such a row holds one; empty if nobody knows."""
        names = self.events or self.bookmakers
        if not all(_PLAIN.fullmatch(name) for name in names):
            return []
        return [b'"%b"' % name.encode() for name in names]

    def over(self, **changes: Any) -> Asked:
        """Return the same with something else in it."""
        return msgspec.structs.replace(self, **changes)

    def may_be_in(self, bounds: Bounds) -> bool:
        """Whether a stretch of rows with such least and greatest values can hold one."""
        if self.events and (known := bounds.get("event_id")):
            low, high = known
            if not any(low <= event <= high for event in self.events):
                return False
        if known := bounds.get("timestamp"):
            if self.since is not None and known[1] < self.since:
                return False
            if self.until is not None and known[0] >= self.until:
                return False
        if known := bounds.get("line"):
            return known[1] >= self.first_line and not 0 < self.end_line <= known[0]
        return True

    def mask(self, batch: pa.RecordBatch) -> Mask | None:
        """Say of each row whether it is wanted; None if all are."""
        masks = [_named(batch.column(c), names, c) for c, names in self.names.items()]
        if self.since is not None or self.until is not None:
            masks.append(self._is_in_time(micros(batch.column("timestamp"))))
        if self.first_line or self.end_line:
            line = batch.column("line").to_numpy(zero_copy_only=False)
            masks.append(line >= self.first_line)
            if self.end_line:
                masks.append(line < self.end_line)
        if not masks:
            return None
        wanted: Mask = np.logical_and.reduce(masks)
        return wanted

    def _is_in_time(self, at: npt.NDArray[np.int64]) -> Mask:
        since = np.ones(len(at), bool) if self.since is None else at >= self.since
        return since if self.until is None else since & (at < self.until)


EVERYTHING = Asked()


def _named(column: pa.DictionaryArray, names: frozenset[str], kind: str) -> Mask:
    # Once a name of the dictionary, not once a row. The last one is for rows without any.
    known = column.dictionary.to_pylist()
    wanted = [_is_among(name, names, kind) for name in known]
    codes = column.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
    found: Mask = np.array([*wanted, False], bool)[codes]
    return found


def _is_among(name: str, names: frozenset[str], kind: str) -> bool:
    return name in names or (kind == "market" and name.partition("@")[0] in names)


def asked(
    *,
    event: Names | None = None,
    bookmaker: Names | None = None,
    market: Names | None = None,
    outcome: Names | None = None,
    since: Time | None = None,
    until: Time | None = None,
) -> Asked:
    """Return what a caller's arguments ask for.

    Raises
    ------
    ConfigurationError
        If one of them makes no sense.
    """
    made = Asked(
        events=_names("event", event),
        bookmakers=_names("bookmaker", bookmaker),
        markets=_names("market", market),
        outcomes=_names("outcome", outcome),
        since=None if since is None else instant(since, "since"),
        until=None if until is None else instant(until, "until"),
    )
    if made.since is not None and made.until is not None and made.since >= made.until:
        raise ConfigurationError(
            f"Nothing lies between since={since} and until={until}.",
            hint="since is included, until is not: give a later until.",
        )
    return made


def _names(argument: str, given: Names | None) -> frozenset[str]:
    if given is None:
        return frozenset()
    is_one = isinstance(given, str) or not isinstance(given, Iterable)
    names: list[Any] = [given] if is_one else list(given)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError(
            f"{argument}={given!r} names nothing.",
            hint=f"Give a name, several in a list, or leave {argument}= out for all.",
        )
    return frozenset(names)


def instant(value: Time, argument: str) -> int:
    """Return a time in microseconds since 1970; what has no zone is UTC.

    Parameters
    ----------
    value : str, datetime, date or Timestamp
        A text is ISO 8601, the date first and its parts with hyphens, to which alone
        nobody gives two meanings: ``2026-11-23``, ``2026-11-23 18:30``,
        ``2026-11-23T18:30:15.5+01:00``.

    Raises
    ------
    ConfigurationError
        If it is no time.
    """
    import pandas as pd

    try:
        at = pd.Timestamp(_moment(value))
        if pd.isna(at):
            raise ValueError("there is none")
        utc = at.tz_localize("UTC") if at.tzinfo is None else at.tz_convert("UTC")
        return (utc.to_pydatetime(warn=False) - _EPOCH) // _MICROSECOND
    except (ValueError, TypeError, OverflowError) as error:
        raise ConfigurationError(
            f"{argument}={value!r} is no time: {str(error).rstrip('.')}.",
            hint='Write "2026-11-23", "2026-11-23 18:30" (UTC) or "2026-11-23T18:30:15+01:00",'
            " or give a datetime.",
        ) from None


def _moment(value: Any) -> date | np.datetime64:
    if isinstance(value, str):
        # Pandas would guess: "05.12.2026" is May to it, and "14:54" today.
        if not _ISO.fullmatch(text := value.strip()):
            raise ValueError("it is not as ISO 8601 has it")
        return datetime.fromisoformat(text)
    if isinstance(value, date | np.datetime64):
        return value
    # Of a number nobody knows the unit; pandas would take it for nanoseconds.
    raise TypeError("it is a number" if isinstance(value, Number) else "it is no text or datetime")


def span(value: Span, argument: str) -> int:
    """Return a length of time, above 0, in microseconds; a number is seconds.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    import pandas as pd

    try:
        if isinstance(value, bool):
            raise TypeError("it is no length")
        is_number = isinstance(value, int | float)
        length = pd.Timedelta(value, unit="s") if is_number else pd.Timedelta(value)
        made = length.to_pytimedelta() // _MICROSECOND
    except (ValueError, TypeError, AttributeError, OverflowError):
        made = 0
    if made <= 0:
        raise ConfigurationError(
            f"{argument}={value!r} is no length of time above 0.", hint='For example: "1min".'
        )
    return made


def micros(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return times as microseconds since 1970; `NO_TIME` where there is none."""
    import pyarrow as pa

    whole = column.cast(pa.int64()).fill_null(NO_TIME)
    return np.asarray(whole, dtype=np.int64)


def moment(micros_: int) -> datetime:
    """Return microseconds since 1970 as a time."""
    return _EPOCH + timedelta(microseconds=micros_)
