"""Prices as a board of many bookmakers moves: what the arbitrage bench is fed.

Each event has true probabilities. A bookmaker prices an outcome at
``1/(p·(1 + overround)·e^noise)``, overround 4 to 6 %. An update is one price quoted anew,
of any selection. So the sum over the best prices is a little above 1 nearly always, and
below it in a percent or two of the markets, as in the recorded baseball.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import exp

from protipp_stream.model import Event, OddsUpdate

__all__ = ["CLONES", "OUTCOMES", "START", "Walk"]

START = datetime(2026, 8, 4, 12, tzinfo=UTC)
OUTCOMES = ("away", "draw", "home")
CLONES = {"maker_9": "maker_8"}
NOISE = 0.0195
# A second of the board's time: each selection is quoted anew within a few minutes.
UPDATES_A_SECOND = 500


class Walk:
    """A board of 3 outcomes at each bookmaker.

    Parameters
    ----------
    events, bookmakers : int
        How many there are.
    is_mixed : bool
        The last bookmaker but two is an exchange that lays, too, at 2 % commission; and
        in one event of twenty the first offers no draw.
    """

    def __init__(self, events: int, bookmakers: int, is_mixed: bool = False) -> None:
        self._chance = chance = random.Random(1)
        self._seq = 0
        makers = [(f"maker_{number}", chance.uniform(1.04, 1.06)) for number in range(bookmakers)]
        self._truth: dict[str, dict[str, float]] = {}
        self._selections: list[tuple[str, str, str, str, float, float]] = []
        for number in range(events):
            event = f"{chance.getrandbits(128):032x}"
            weights = [chance.uniform(0.2, 1.0) for _ in OUTCOMES]
            total = sum(weights)
            self._truth[event] = {o: w / total for o, w in zip(OUTCOMES, weights, strict=True)}
            for place, (maker, margin) in enumerate(makers):
                two_way = is_mixed and place == 0 and number % 20 == 0
                is_exchange = is_mixed and place == bookmakers - 3
                commission = 0.02 if is_exchange else 0.0
                # Without a draw the others are likelier, and so are their prices lower.
                over = margin / (1 - self._truth[event]["draw"]) if two_way else margin
                for outcome in OUTCOMES:
                    if outcome == "draw" and two_way:
                        continue
                    row = maker, event, "h2h", outcome, over, commission
                    self._selections.append(row)
                    if is_exchange:
                        self._selections.append((maker, event, "h2h_lay", *row[3:]))
        # A tenth is in play.
        self.events = [
            Event(event, event, "soccer", START + timedelta(hours=number % 10 or -1))
            for number, event in enumerate(self._truth)
        ]

    def opening(self) -> list[OddsUpdate]:
        """Every selection once."""
        return [self._update(*selection) for selection in self._selections]

    def updates(self, count: int) -> Iterator[OddsUpdate]:
        """Yield so many more."""
        for _ in range(count):
            yield self._update(*self._chance.choice(self._selections))

    def _update(
        self, maker: str, event: str, market: str, outcome: str, over: float, commission: float
    ) -> OddsUpdate:
        self._seq += 1
        now = START + timedelta(seconds=self._seq / UPDATES_A_SECOND)
        probability = self._truth[event][outcome] * exp(self._chance.gauss(0, NOISE))
        if market == "h2h_lay":
            probability, over = min(probability, 0.9), 1 / over
        odds = max(round(1 / (probability * over), 2), 1.01)
        return OddsUpdate(
            f"bench:{self._seq}", maker, event, market, outcome, None, odds, now,
            now - timedelta(milliseconds=self._chance.uniform(50, 3000)), 0.1, False, None,
            commission,
        )  # fmt: skip
