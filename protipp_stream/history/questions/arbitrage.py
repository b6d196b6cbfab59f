"""Arbitrage in what was, with its life: judged by the finder that judges live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import nan
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from protipp_stream.core.arbitrage import Arbitrage, ArbitrageFinder, Change, Key, Terms
from protipp_stream.history.asking import Asked, moment
from protipp_stream.history.counting import Progress
from protipp_stream.history.frames import FLAG, NAME, NUMBER, TIME, WORDS, frame_of_rows
from protipp_stream.history.reading import View
from protipp_stream.history.retelling import Said, retold
from protipp_stream.history.sessions import sessions_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["arbitrage"]

End = Literal["closed", "restart", "open"]

_TYPES = {
    "event_id": NAME,
    "market": NAME,
    "bookmakers": WORDS,
    "legs": WORDS,
    "margin": NUMBER,
    "stake": NUMBER,
    "profit": NUMBER,
    "floor": NUMBER,
    "first_seen": TIME,
    "active_since": TIME,
    "last_seen": TIME,
    "duration_s": NUMBER,
    "end": NAME,
    "starts_at": TIME,
    "in_play": FLAG,
    "active": FLAG,
    "reasons": WORDS,
}


class _Life(msgspec.Struct):
    """An opportunity at its best, and how it ended."""

    best: Arbitrage
    last: Arbitrage
    end: End = "open"

    @property
    def bookmakers(self) -> set[str]:
        return {leg.bookmaker_id for leg in self.best.legs}


def arbitrage(
    view: View,
    asked: Asked,
    terms: Terms,
    clones: Mapping[str, str],
    progress: Progress,
    *,
    suppressed: bool,
) -> pd.DataFrame:
    """Return opportunities with their lives; see `History.arbitrage`."""
    watch = _Watch(terms, clones)
    # A bookmaker's arbitrages need the prices of the others.
    everybody = asked.over(bookmakers=frozenset())
    told = retold(view, everybody, sessions_of(view), progress=progress, with_confirmed=True)
    for said in told:
        watch.take(said)
    watch.finish(moment(asked.until) if asked.until is not None else None)
    since = moment(asked.since) if asked.since is not None else None
    lives = [
        life
        for life in watch.lives
        if (suppressed or life.last.active_since is not None)
        and (since is None or life.last.last_seen >= since)
        and (not asked.bookmakers or asked.bookmakers & life.bookmakers)
    ]
    lives.sort(key=lambda life: (life.last.first_seen, life.last.event_id, life.last.market))
    return frame_of_rows(map(_row, lives), _TYPES)


class _Watch:
    """Tells a finder what was said when, and remembers what it found."""

    def __init__(self, terms: Terms, clones: Mapping[str, str]) -> None:
        self.lives: list[_Life] = []
        self._finder = ArbitrageFinder(terms, clones, keep=0)
        self._standing: dict[Key, _Life] = {}
        self._session = -1
        self._now: datetime | None = None

    def take(self, said: Said) -> None:
        if said.session != self._session:
            self._restart()
            self._session, self._now = said.session, None
        if said.events:
            # A line's time is no price's: of a replay they lie years apart.
            now = self._now or said.at
            self._note(self._finder.describe(said.events, now))
            return
        now = said.at if self._now is None else max(self._now, said.at)
        self._expire(now)
        self._now = now
        finder = self._finder
        if said.updates:
            self._note(finder.take(said.updates, now))
        elif said.images:
            self._note(finder.take_quotes(said.images, now))
        else:
            self._note(finder.confirm(said.confirmed, now))

    def finish(self, until: datetime | None) -> None:
        """Look once more at what time alone has ended."""
        if until is not None and self._now is not None and until > self._now:
            self._expire(until)
        for life in self._standing.values():
            # It stands as far as anybody has said anything.
            life.last = msgspec.structs.replace(life.last, last_seen=self._now)

    def _expire(self, now: datetime) -> None:
        # When a leg grows too old, not when the next price comes.
        while (due := self._finder.deadline) is not None and due <= now:
            self._note(self._finder.expire(due))

    def _restart(self) -> None:
        if self._now is not None:
            self._note(self._finder.reset([], self._now), "restart")

    def _note(self, changes: Iterable[Change], end: End = "closed") -> None:
        for change in changes:
            found = change.arbitrage
            if change.what == "opened":
                self._standing[found.key] = _Life(found, found)
                self.lives.append(self._standing[found.key])
                continue
            life = self._standing[found.key]
            life.last = found
            if change.what == "closed":
                life.end = end
                del self._standing[found.key]
            elif _rank(found) > _rank(life.best):
                life.best = found


def _rank(each: Arbitrage) -> tuple[bool, float]:
    return each.status == "active", each.margin


def _row(life: _Life) -> tuple[Any, ...]:
    best, last = life.best, life.last
    placed = best.worst_case is not None
    return (
        best.event_id,
        best.market,
        " / ".join(leg.bookmaker_id for leg in best.legs),
        " / ".join(f"{leg.side} {leg.outcome} at {leg.odds:g}" for leg in best.legs),
        best.margin,
        best.total if placed else nan,
        best.worst_case if best.worst_case is not None else nan,
        best.floor if best.floor is not None else nan,
        last.first_seen,
        last.active_since,
        last.last_seen,
        (last.last_seen - last.first_seen).total_seconds(),
        life.end,
        last.starts_at,
        best.is_in_play,
        last.active_since is not None,
        best.words,
    )
