"""One change of one price, and what judges it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from math import asin, sqrt
from typing import Generic, Protocol, TypeVar, runtime_checkable

import msgspec

from protipp_stream.model import Selection

__all__ = ["Memory", "Move", "Rule", "RuleWithMemory", "h_of"]

State = TypeVar("State")


class Move(msgspec.Struct, frozen=True, gc=False):
    """One change of one price, with the probabilities it implies.

    Attributes
    ----------
    old_odds, new_odds : float
        Decimal, above 1.
    old_probability, new_probability : float
        Between 0 and 1.
    margin_removed : bool
        True when the bookmaker's whole market was known and the probabilities
        are free of its margin; False when they are plain ``1 / odds``.
    selection : Selection or None
        Whose price it is. A move without a selection or a time is judged by
        itself, without any memory.
    at : datetime or None
        UTC: when the gateway received it.
    in_play : bool
        Whether the event had started by then; False while its start is unknown.
    """

    old_odds: float
    new_odds: float
    old_probability: float
    new_probability: float
    margin_removed: bool
    selection: Selection | None = None
    at: datetime | None = None
    in_play: bool = False

    @property
    def h(self) -> float:
        """Cohen's h of this one change; positive when it became likelier."""
        return h_of(self.new_probability) - h_of(self.old_probability)

    @property
    def basis(self) -> str:
        """What the probabilities are, in words."""
        return "margin removed" if self.margin_removed else "raw 1/odds"


def h_of(probability: float) -> float:
    """Return where a probability stands on the scale of Cohen's h, ``2 asin sqrt(p)``.

    References
    ----------
    Cohen, J. (1988). Statistical Power Analysis for the Behavioral Sciences, 6.2.
    """
    return 2 * asin(sqrt(probability))


# A plain function will do. The reason is shown as it is.
Rule = Callable[[Move], str | None]


@runtime_checkable
class RuleWithMemory(Protocol):
    """A rule that remembers selections: one such rule belongs to one book."""

    def __call__(self, move: Move) -> str | None:
        """Return the reason in words if the move is significant."""
        ...

    def forget(self, event_id: str) -> None:
        """Drop everything remembered of an event."""
        ...


class Memory(Generic[State]):
    """What a rule remembers, per selection; an event is dropped in one step.

    Parameters
    ----------
    make : callable
        Makes the state of a selection that is seen for the first time.
    """

    def __init__(self, make: Callable[[], State]) -> None:
        self._make = make
        self._events: dict[str, dict[Selection, State]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._events.values()))

    def of(self, selection: Selection) -> State:
        """Return the state of a selection."""
        event = self._events.get(selection.event_id)
        if event is None:
            event = self._events[selection.event_id] = {}
        state = event.get(selection)
        if state is None:
            state = event[selection] = self._make()
        return state

    def forget(self, event_id: str) -> None:
        """Drop an event; one that is unknown is no error."""
        self._events.pop(event_id, None)
