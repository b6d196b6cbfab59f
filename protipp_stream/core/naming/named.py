"""What a batch is in our names."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from protipp_stream.model import Event, Quote

__all__ = ["Named", "renamed"]


class Named(NamedTuple):
    """What a batch is in our names.

    Attributes
    ----------
    quotes : list of Quote
        One for each that came in, in order, but for those whose bookmaker another
        source brings for that event (`owners`).
    events : list of Event
        Descriptions in our names; none of a fixture that another source describes.
    moved : list of Quote
        To be taken before ``quotes``: prices that are now known to be another
        fixture's, suspended where they stood and named anew.
    notes : list of str
        What was decided, in words, for the log.
    """

    quotes: list[Quote]
    events: list[Event]
    moved: list[Quote]
    notes: list[str]


def renamed(event: Event, event_id: str | None) -> Event:
    """Return an event under our id."""
    if event_id is None or event.event_id == event_id:
        return event
    return msgspec.structs.replace(event, event_id=event_id)
