"""One id for one bookmaker, though one source writes ``pinnacle`` and another ``Pinnacle``.

Under two ids it would be two bookmakers, and its own stale price beside its fresh one
an arbitrage. Case, spaces and punctuation are all that is overlooked; whoever knows
more says so in a table. Who was seen first gives the spelling. What the first source
said while it was alone stays as it is: it stands on the board under that id.
"""

from __future__ import annotations

import msgspec

from protipp_stream.core.naming.tables import NameTables
from protipp_stream.core.naming.team_names import bookmaker_key
from protipp_stream.model import Quote

__all__ = ["BookmakerNames"]

# Of one source: a publisher that makes names up must not fill our memory.
MAX_BOOKMAKERS = 10_000


class BookmakerNames:
    """Maps each source's ids of bookmakers to ours, for good.

    Parameters
    ----------
    tables : NameTables
        What a user knows.
    """

    def __init__(self, tables: NameTables) -> None:
        self._aliases = tables.bookmaker_keys()
        ours = {name for aliases in self._aliases.values() for name in aliases.values()}
        self._spelled = {bookmaker_key(name): name for name in sorted(ours)}
        self._known: dict[str, dict[str, str]] = {}
        self._is_told = any(self._aliases.values())
        # Sources of whose ids one at least is not ours.
        self._differing: set[str] = set()

    def take(self, source: str, quotes: list[Quote], notes: list[str]) -> list[Quote]:
        """Return quotes of a source under our ids: the same list if they are theirs.

        Parameters
        ----------
        notes : list of str
            What is decided is added, in words.
        """
        known = self._known.get(source)
        if known is None:
            known = self._known[source] = {}
        if new := {quote.bookmaker_id for quote in quotes}.difference(known):
            # In the order in which they came: who was first gives the spelling.
            for name in dict.fromkeys(quote.bookmaker_id for quote in quotes):
                if name in new:
                    self._learn(source, known, name, notes)
        if source not in self._differing:
            return quotes
        return [_renamed(quote, known) for quote in quotes]

    def _learn(self, source: str, known: dict[str, str], name: str, notes: list[str]) -> None:
        if len(known) >= MAX_BOOKMAKERS:
            return
        ours = known[name] = self._ours(source, name)
        if ours != name:
            self._differing.add(source)
            notes.append(f"{source}: bookmaker {name!r} is {ours!r}")

    def _ours(self, source: str, name: str) -> str:
        key = bookmaker_key(name)
        for aliases in (self._aliases.get(source), self._aliases[None]):
            if aliases and key in aliases:
                return aliases[key]
        if not key:
            return name
        ours = self._spelled.setdefault(key, name)
        is_alone = len(self._known) == 1 and not self._is_told
        return name if is_alone else ours


def _renamed(quote: Quote, known: dict[str, str]) -> Quote:
    ours = known.get(quote.bookmaker_id, quote.bookmaker_id)
    if ours == quote.bookmaker_id:
        return quote
    return msgspec.structs.replace(quote, bookmaker_id=ours)
