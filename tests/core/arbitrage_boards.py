"""Prices by hand, for the tests of arbitrage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from protipp_stream.core.arbitrage import Change
from protipp_stream.model import OddsUpdate

NOW = datetime(2026, 8, 4, 18, 0, tzinfo=UTC)
_seq = count(1)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def said(
    bookmaker: str,
    *,
    at: datetime = NOW,
    received: datetime | None = None,
    market: str = "h2h",
    event: str = "game",
    commission: float = 0.0,
    **odds: float | None,
) -> list[OddsUpdate]:
    """Prices of one bookmaker by outcome, stamped ``at``."""
    return [
        OddsUpdate(
            f"e:{next(_seq)}", bookmaker, event, market, outcome, None, price, received or at,
            at, 0.0, False, None, commission,
        )
        for outcome, price in odds.items()
    ]  # fmt: skip


def told(changes: Sequence[Change]) -> list[tuple[str, str, str]]:
    return [(c.what, c.arbitrage.kind, c.arbitrage.status) for c in changes]


PAIR = [*said("ada", home=2.1, away=1.8), *said("bob", home=1.8, away=2.05)]

LOPSIDED = [*said("ada", home=1.3, away=3.0), *said("bob", home=1.2, away=4.4)]
