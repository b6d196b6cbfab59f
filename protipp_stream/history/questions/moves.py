"""Significant moves and steam, found by the code that the gateway uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from protipp_stream.core.book import Book
from protipp_stream.core.moves import (
    Move,
    Rule,
    RuleWithMemory,
    Steam,
    SteamWatch,
    either,
    rule_named,
)
from protipp_stream.errors import ConfigurationError
from protipp_stream.history.asking import Asked, moment
from protipp_stream.history.counting import Progress
from protipp_stream.history.frames import FLAG, NAME, NUMBER, TIME, WHOLE, WORDS, frame_of_rows
from protipp_stream.history.reading import View
from protipp_stream.history.retelling import retold
from protipp_stream.history.sessions import sessions_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Rules", "checked_rule", "moves", "steam"]

Rules = Rule | str | Sequence[Rule | str]

_MOVES = {
    "timestamp": TIME,
    "bookmaker_id": NAME,
    "event_id": NAME,
    "market": NAME,
    "outcome": NAME,
    "old_odds": NUMBER,
    "new_odds": NUMBER,
    "old_probability": NUMBER,
    "new_probability": NUMBER,
    "margin_removed": FLAG,
    "in_play": FLAG,
    "h": NUMBER,
    "reason": WORDS,
}
_STEAM = {
    "timestamp": TIME,
    "event_id": NAME,
    "market": NAME,
    "outcome": NAME,
    "direction": NAME,
    "bookmakers": WORDS,
    "independent": WHOLE,
    "since": TIME,
    "h": NUMBER,
    "reason": WORDS,
}


def moves(view: View, asked: Asked, rule: Rules, progress: Progress) -> pd.DataFrame:
    """Return the moves that a rule flags; see `History.moves`."""
    found: list[tuple[Move, str]] = []
    listener = _Listener(lambda: checked_rule(rule), lambda move, why: found.append((move, why)))
    _judge(view, asked, listener, progress)
    rows = [_move_row(move, why) for move, why in found if _is_since(asked, move.at)]
    return frame_of_rows(rows, _MOVES)


def steam(
    view: View, asked: Asked, watch: Callable[[], SteamWatch], progress: Progress
) -> pd.DataFrame:
    """Return where several bookmakers moved together; see `History.steam`."""
    found: list[Steam] = []
    _judge(view, asked, _Listener(lambda: _Watching(watch(), found), lambda *_: None), progress)
    rows = [_steam_row(each) for each in found if _is_since(asked, each.at)]
    return frame_of_rows(rows, _STEAM)


def checked_rule(rule: Rules) -> Rule:
    """Return one rule, new where it is given by name.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    if isinstance(rule, str):
        return rule_named(rule)
    if isinstance(rule, Sequence):
        if not rule:
            raise ConfigurationError("There is no rule in the list.", hint='For example: "h".')
        return either(*(checked_rule(each) for each in rule))
    if not callable(rule) or isinstance(rule, type):
        raise ConfigurationError(
            f"{rule!r} is no rule.",
            hint='Give a name, such as "h", or what takes a Move and returns a reason or None.',
        )
    return rule


class _Listener:
    """A rule that a book judges with, whose reasons are kept; anew for each session."""

    def __init__(self, make: Callable[[], Rule], keep: Callable[[Move, str], None]) -> None:
        self._make = make
        self._keep = keep
        self.is_asking = True
        self.begin()

    def begin(self) -> None:
        self._rule = self._make()

    def __call__(self, move: Move) -> str | None:
        if not self.is_asking:
            return None
        reason = self._rule(move)
        if reason is not None:
            self._keep(move, reason)
        return reason

    def forget(self, event_id: str) -> None:
        if isinstance(self._rule, RuleWithMemory):
            self._rule.forget(event_id)


class _Watching:
    def __init__(self, watch: SteamWatch, found: list[Steam]) -> None:
        self._watch = watch
        self._found = found

    def __call__(self, move: Move) -> None:
        if steam := self._watch.take(move):
            self._found.append(steam)


def _judge(view: View, asked: Asked, listener: _Listener, progress: Progress) -> None:
    session, book = -1, Book("history", listener)
    for said in retold(view, asked, sessions_of(view), progress=progress):
        if said.session != session:
            # As the gateway did: nothing is known of before.
            if session >= 0:
                listener.begin()
            session, book = said.session, Book("history", listener)
        for event in said.events:
            book.know(event)
        # What was found on a board is where the next move begins, and none itself.
        listener.is_asking = not said.images
        book.apply(said.images or [update.quote for update in said.updates], said.at)


def _is_since(asked: Asked, at: Any) -> bool:
    return asked.since is None or at >= moment(asked.since)


def _move_row(move: Move, why: str) -> tuple[Any, ...]:
    assert move.selection is not None  # a book's moves have one
    return (
        move.at, *move.selection, move.old_odds, move.new_odds, move.old_probability,
        move.new_probability, move.margin_removed, move.in_play, move.h, why,
    )  # fmt: skip


def _steam_row(each: Steam) -> tuple[Any, ...]:
    return (
        each.at, each.event_id, each.market, each.outcome, each.direction,
        " / ".join(each.bookmakers), each.independent, each.since, each.h, each.reason,
    )  # fmt: skip
