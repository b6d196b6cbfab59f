"""The table of arbitrage, and a calculator that splits the stakes of one."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.core.arbitrage import Arbitrage, Key, Terms, restaked, terms_of
from protipp_stream.errors import LinkClosed
from protipp_stream.ui.arbitrage_rows import (
    ArbitrageBody,
    Asked,
    Calculation,
    Row,
    asked_of,
    calculation,
    row,
)
from protipp_stream.ui.board import State, state_of
from protipp_stream.ui.host import Component, check_height, check_odds
from protipp_stream.ui.pump import Source
from protipp_stream.ui.words import word_of

if TYPE_CHECKING:
    from protipp_stream.client.arbitrage import LiveArbitrage
    from protipp_stream.client.live import LiveOdds

__all__ = ["ArbitrageTable"]

# What is over stays, greyed, or a row would vanish under the pointer.
LINGER_S = 10.0


class ArbitrageTable(Component):
    """A live table of arbitrage, with a calculator for the stakes. Information only.

    What looks like an arbitrage and is none can be shown beside it, with the reasons.
    Everybody who looks has a stake and a rounding unit of their own.

    Parameters
    ----------
    odds : LiveOdds
        Whose prices.
    stake, unit : float
        Money to put at risk in all, and what stakes are multiples of, until a viewer
        says otherwise.
    max_height : str
        A CSS length: longer tables scroll inside the component.
    clones : iterable of sets of str
        Bookmakers that copy one another; see `LiveOdds.arbitrage`.
    **terms
        Other fields of `core.arbitrage.Terms`: ``max_age_s=120, max_stakes={"b": 50}``.

    Raises
    ------
    ConfigurationError
        For what can't be: the message says which argument and what it takes.

    Examples
    --------
    >>> ArbitrageTable(odds, stake=200, max_age_s=60)  # doctest: +SKIP
    """

    parts = (
        *("base", "grid", "grid_keys", "words", "said"),
        *("calculator", "arbitrage_columns", "arbitrage"),
    )

    def __init__(
        self,
        odds: LiveOdds,
        *,
        stake: float = 100.0,
        unit: float = 1.0,
        max_height: str = "28rem",
        clones: Iterable[Iterable[str]] = (),
        **terms: Any,
    ) -> None:
        check_odds(odds)
        check_height(max_height)
        self._terms = terms_of(None, {"stake": stake, "unit": unit, **terms})
        self._followed = _Followed(odds, self._terms, [frozenset(group) for group in clones])
        self._odds = odds
        self._max_height = max_height
        super().__init__(hz=5)

    @property
    def options(self) -> dict[str, Any]:
        """What the module is told once, when it is first drawn."""
        return {
            "max_height": self._max_height,
            "stake": self._terms.stake,
            "unit": self._terms.unit,
        }

    def source(self, choice: dict[str, Any]) -> Source:
        """Return what is drawn for those with this stake, unit, switch and calculator."""
        asked = asked_of(choice)
        return _ArbitrageSource(self._odds, self._followed, asked, asked.terms(self._terms))

    def __repr__(self) -> str:
        state = word_of(self._odds.status).text.lower()
        live = self._followed.open()
        try:
            words = "" if live is None else f"{live!r}"[1:-1].removeprefix("LiveArbitrage ") + ", "
        finally:
            self._followed.close()
        return f"<ArbitrageTable of {self._odds.url}: {words}{state}>"


class _Followed:
    """One `LiveArbitrage` for all viewers of a component, while there are any."""

    def __init__(self, odds: LiveOdds, terms: Terms, clones: list[frozenset[str]]) -> None:
        self._odds = odds
        self._terms = terms
        self._clones = clones
        self._lock = threading.Lock()
        self._live: LiveArbitrage | None = None
        self._count = 0

    @property
    def terms(self) -> Terms:
        return self._terms

    def open(self) -> LiveArbitrage | None:
        """Return it, made if nobody else looks; None if the link has ended."""
        with self._lock:
            if self._live is None:
                try:
                    self._live = self._odds.arbitrage(self._terms, clones=self._clones)
                except LinkClosed:
                    self._live = None  # the state of the link says so, and why
            self._count += 1
            return self._live

    def close(self) -> None:
        """Look no more; the last one closes it."""
        with self._lock:
            self._count -= 1
            if self._count == 0 and self._live is not None:
                self._live.close()
                self._live = None


class _ArbitrageSource:
    """Watches arbitrage for the pump, with the stakes of those who chose the same."""

    def __init__(self, odds: LiveOdds, followed: _Followed, asked: Asked, terms: Terms) -> None:
        self._odds = odds
        self._followed = followed
        self._asked = asked
        self._terms = terms
        self._live: LiveArbitrage | None = None
        self._stakes: dict[Key, tuple[Arbitrage, Arbitrage]] = {}
        self._rows: dict[Key, Row] = {}
        self._counts = (0, 0)
        self._calculated: Calculation | None = None
        self._said = State()

    def open(self) -> None:
        self._live = self._followed.open()
        try:
            self._look()
        except BaseException:
            self.close()  # nobody else would: it counts as never opened
            raise

    def news(self) -> ArbitrageBody | None:
        rows, counts = self._rows, self._counts
        calculated, said = self._calculated, self._said
        self._look()
        body = ArbitrageBody(
            rows=[each for key, each in self._rows.items() if rows.get(key) != each],
            gone=[key for key in rows if key not in self._rows],
        )
        if self._counts != counts:
            body.counts = self._counts
        if self._calculated is not None and self._calculated != calculated:
            body.calculator = [self._calculated]
        if self._said != said:
            body.state = self._said
        if body == ArbitrageBody():
            return None
        body.now = self._odds.gateway_time
        return body

    def whole(self) -> ArbitrageBody:
        return ArbitrageBody(
            whole=True,
            now=self._odds.gateway_time,
            rows=list(self._rows.values()),
            counts=self._counts,
            calculator=[self._calculated] if self._calculated else [],
            stake=self._terms.stake,
            unit=self._terms.unit,
            state=self._said,
        )

    def close(self) -> None:
        self._live = None
        self._followed.close()

    def _look(self) -> None:
        odds, live = self._odds, self._live
        found = live.found(suppressed=True, expired=True) if live else []
        known = {each.key: each for each in reversed(found)}  # of equals the first counts
        shown = {key: each for key, each in known.items() if self._is_recent(each)}
        mine = {key: self._restaked(each) for key, each in shown.items()}
        self._stakes = {key: both for key, both in self._stakes.items() if key in shown}
        self._counts = (
            sum(each.status == "active" for each in mine.values()),
            sum(each.status == "suppressed" for each in mine.values()),
        )
        self._rows = {}
        if live is not None:
            wanted = (each for each in mine.values() if self._is_wanted(each))
            self._rows = {
                each.key: row(each, live.event(each.event_id), self._terms) for each in wanted
            }
            self._calculate(live, known)
        self._said = state_of(
            odds.status, odds.sources, odds.bookmakers, url=odds.url, empty=self._empty()
        )

    def _is_recent(self, found: Arbitrage) -> bool:
        if found.status != "expired":
            return True
        return found.last_seen.timestamp() >= self._odds.gateway_time - LINGER_S

    def _is_wanted(self, found: Arbitrage) -> bool:
        is_flawed = found.status == "suppressed" or bool(found.reasons)
        return self._asked.suppressed or not is_flawed

    def _restaked(self, found: Arbitrage) -> Arbitrage:
        """Return it with this viewer's stakes; worked out once as long as it is the same."""
        if self._terms is self._followed.terms:
            return found
        # When it was last seen says nothing about stakes.
        plain = msgspec.structs.replace(found, last_seen=found.first_seen)
        before = self._stakes.get(found.key)
        if before is None or before[0] != plain:
            before = self._stakes[found.key] = plain, restaked(plain, self._terms)
        return msgspec.structs.replace(before[1], last_seen=found.last_seen)

    def _calculate(self, live: LiveArbitrage, known: dict[Key, Arbitrage]) -> None:
        asked = self._asked.calculator
        if asked is None:
            return
        found = known.get(asked.key)  # type: ignore[arg-type]
        if found is not None:
            event = live.event(found.event_id)
            mine = self._restaked(found)
            self._calculated = calculation(mine, event, asked, self._terms)
        elif self._calculated is not None and self._calculated.status != "expired":
            self._calculated = msgspec.structs.replace(self._calculated, status="expired")

    def _empty(self) -> str | None:
        """Return "" where there is no price yet: then it is not that there is no arbitrage."""
        return "" if self._odds.cursor is None else None
