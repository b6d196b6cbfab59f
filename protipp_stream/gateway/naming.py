"""A batch in our names; what was decided about whose event is whose goes into the log."""

from __future__ import annotations

import logging
from datetime import datetime

from protipp_stream.core.naming import Naming
from protipp_stream.model import Event, Quote

__all__ = ["in_our_names"]

_log = logging.getLogger(__name__)


def in_our_names(
    names: Naming,
    source: str | None,
    quotes: list[Quote],
    events: list[Event],
    received_at: datetime,
) -> tuple[list[Quote], list[Event]]:
    """Return quotes and events as we name them; a batch without a source is in our names."""
    if source is None:
        return quotes, events
    named = names.take(source, quotes, events, received_at)
    for note in named.notes:
        _log.info("%s", note)
    return [*named.moved, *named.quotes] if named.moved else named.quotes, named.events
