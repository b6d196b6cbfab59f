"""What is told to the page of a history: choices, lines, and the board of one moment."""

from __future__ import annotations

from math import isfinite
from typing import Any

import msgspec

from protipp_stream.errors import ConfigurationError
from protipp_stream.ui.line_moves import Point
from protipp_stream.ui.scale import Scale

__all__ = ["Asked", "Band", "Body", "Chosen", "Drawing", "Line", "Moment", "asked_in"]

_LATEST_MS = 4_102_444_800_000.0  # the year 2100


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody at a screen wants to see.

    Attributes
    ----------
    event, market, outcome : str or None
        None for the usual one.
    at : float or None
        Unix time in milliseconds; None for the newest, also when the trail grows.
    have : str
        The token of the drawing that the page has already.
    """

    event: str | None = None
    market: str | None = None
    outcome: str | None = None
    at: float | None = None
    have: str = ""


class Chosen(msgspec.Struct, frozen=True):
    """What is shown, where something is."""

    event: str
    market: str
    outcome: str


class Line(msgspec.Struct, frozen=True):
    """One bookmaker's price over time: its stretches, with nothing known between them."""

    name: str
    runs: list[list[Point]]


class Band(msgspec.Struct, frozen=True, array_like=True):
    """A stretch in which the trail says that something is missing; milliseconds."""

    begin: float
    end: float
    words: str


class Drawing(msgspec.Struct, frozen=True):
    """The lines of one outcome, and what there is to choose beside it.

    Attributes
    ----------
    events : list of list of str
        Id and name.
    left_out : int
        How many points no screen could show.
    trail_end : float
        Up to when the trail goes, which may be later than the end of the lines.
    """

    events: list[tuple[str, str]]
    markets: list[str]
    outcomes: list[str]
    lines: list[Line]
    bands: list[Band]
    begin: float
    end: float
    scale: Scale
    points: int
    left_out: int
    trail_end: float


class Moment(msgspec.Struct, frozen=True):
    """The board at one moment: bookmaker, odds (None: suspended), and their age in seconds."""

    at: float
    rows: list[tuple[str, float | None, float]]


class Body(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a frame.

    Attributes
    ----------
    asked_at : float or None
        The moment that was asked for; None for the newest.
    token : str
        Of the drawing that belongs to it.
    drawing : Drawing or None
        None where the page has it.
    problem : str
        Why there is nothing to see, and what to do.
    note : str
        What is shown in place of what was asked for.
    """

    asked_at: float | None = None
    chosen: Chosen | None = None
    token: str = ""
    drawing: Drawing | None = None
    moment: Moment | None = None
    events: list[tuple[str, str]] | None = None
    problem: str = ""
    note: str = ""
    reading: bool = False
    whole: bool = False


def asked_in(choice: dict[str, Any]) -> Asked:
    """Read what a browser sent, which may be anything.

    Raises
    ------
    ConfigurationError
        For what names no moment of an event.
    """
    try:
        asked = msgspec.convert(choice, Asked)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"That can't be chosen: {error}.",
            hint="Names as text, and the moment in milliseconds since 1970.",
        ) from None
    if asked.at is not None and not (isfinite(asked.at) and 0 <= asked.at <= _LATEST_MS):
        raise ConfigurationError(
            f"There was no moment {asked.at!r}.", hint="Milliseconds since 1970, up to 2100."
        )
    return asked
