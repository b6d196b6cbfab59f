"""Which prices a reader chose: by sport, event, market and bookmaker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Event

__all__ = ["Choice", "choice_of"]


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to show; None for all of it.

    Attributes
    ----------
    sports, bookmakers : list of str or None
        Names as the gateway has them.
    events : list of str or None
        Ids or names.
    markets : list of str or None
        Kinds (``totals``) or markets (``totals@7.5``).
    significant_only : bool
        Begin with the rows that moved significantly in the last minutes.
    """

    sports: list[str] | None = None
    events: list[str] | None = None
    markets: list[str] | None = None
    bookmakers: list[str] | None = None
    significant_only: bool = False

    @property
    def is_all(self) -> bool:
        """Whether it leaves nothing out."""
        return all(
            each is None for each in (self.sports, self.events, self.markets, self.bookmakers)
        )

    def admits(self, bookmaker: str, market: str, event: Event) -> bool:
        """Tell whether a price of this bookmaker, market and event is wanted."""
        return (
            (self.bookmakers is None or bookmaker in self.bookmakers)
            and (self.markets is None or market in self.markets or kind(market) in self.markets)
            and (self.sports is None or event.sport in self.sports)
            and (self.events is None or event.event_id in self.events or event.name in self.events)
        )

    def missing(self, prices: Iterable[tuple[str, str, Event]]) -> str:
        """Say which name has no price, and which names have.

        Parameters
        ----------
        prices : iterable of (str, str, Event)
            Bookmaker, market and event of each price there is.

        Returns
        -------
        str
            One sentence a name that is not there; empty where all are.
        """
        known = list(prices)
        there = {
            "sport": (self.sports, {e.sport for _, _, e in known}, set[str]()),
            "event": (
                self.events,
                {e.name for _, _, e in known},
                {e.event_id for _, _, e in known},
            ),
            "market": (self.markets, {kind(m) for _, m, _ in known}, {m for _, m, _ in known}),
            "bookmaker": (self.bookmakers, {b for b, _, _ in known}, set[str]()),
        }
        return " ".join(
            f"No prices here of the {what} “{name}” (known: {_some(said)})."
            for what, (wanted, said, also) in there.items()
            for name in wanted or ()
            if name not in said and name not in also
        )


def choice_of(**asked: Any) -> Choice:
    """Return the choice that arguments of a component make; a name may stand alone.

    Raises
    ------
    ConfigurationError
        For what is neither a name nor a sequence of names.
    """
    names = {
        name: _names(name, value) for name, value in asked.items() if name != "significant_only"
    }
    return Choice(**names, significant_only=bool(asked.get("significant_only", False)))


def kind(market: str) -> str:
    """Return a market without its line."""
    return market.partition("@")[0]


def _names(name: str, value: Any) -> list[str] | None:
    if value is None:
        return None
    several = isinstance(value, Iterable) and not isinstance(value, str)
    names = list(value) if several else [value]
    if not names or not all(isinstance(each, str) and each for each in names):
        raise ConfigurationError(
            f"{name} can't be {value!r}.",
            hint=f"Names, for example {name}=['h2h'], or None for all.",
        )
    return names


def _some(names: set[str]) -> str:
    listed = sorted(names)[:8]
    return ", ".join(listed) + (" …" if len(names) > len(listed) else "") if listed else "none yet"
