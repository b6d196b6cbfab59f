"""The state of a gateway's feeds, and of the bookmakers whose prices they bring."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from protipp_stream.model import RealTimeConnection

__all__ = ["MAX_SOURCES", "Sources"]

_log = logging.getLogger(__name__)

# A gateway that invents sources all day long must not fill our memory.
MAX_SOURCES = 1000

States = dict[str, RealTimeConnection]


class Sources:
    """What the gateway has told of its sources.

    Its methods return what is another now, by the name that `LiveOdds` has for it. The
    dicts are replaced, never changed: whoever goes through one has a whole one.

    Attributes
    ----------
    feeds : dict of RealTimeConnection
        By id, at most `MAX_SOURCES`.
    bookmakers : dict of RealTimeConnection
        By the bookmaker's id, as many.
    ignored : int
        States of further ones that were not kept.
    """

    def __init__(self) -> None:
        self.feeds: States = {}
        self.bookmakers: States = {}
        self.ignored = 0

    def take(self, source: RealTimeConnection) -> dict[str, States]:
        """Take a state."""
        # A poll brings all of them, every time: told only where one is new.
        if source.connection_type == "bookmaker":
            if self._is_news(source.bookmaker_id, source, self.bookmakers):
                self.bookmakers = {**self.bookmakers, source.bookmaker_id: source}
                return {"bookmakers": self.bookmakers}
        elif self._is_news(source.id, source, self.feeds):
            self.feeds = {**self.feeds, source.id: source}
            return {"sources": self.feeds}
        return {}

    def start_anew(self, told: Sequence[RealTimeConnection]) -> dict[str, States]:
        """Forget all that is not among these: the gateway is another one."""
        before = {"sources": self.feeds, "bookmakers": self.bookmakers}
        self.feeds, self.bookmakers = {}, {}
        for source in told:
            self.take(source)
        after = {"sources": self.feeds, "bookmakers": self.bookmakers}
        return {name: states for name, states in after.items() if states != before[name]}

    def _is_news(self, key: str, source: RealTimeConnection, known: States) -> bool:
        if key in known or len(known) < MAX_SOURCES:
            return known.get(key) != source
        self.ignored += 1
        if self.ignored == 1:
            _log.warning("the gateway tells of more than %d sources: keeping these", MAX_SOURCES)
        return False
