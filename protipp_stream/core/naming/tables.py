"""What a user knows about names and no rule can: tables, from a dict or from TOML.

::

    tolerance_min = 90
    ours = ["publish"]

    [aliases]                    # teams
    "NY Yankees" = "New York Yankees"

    [sports]
    "lol" = "esports_lol"

    [bookmakers]                 # for all sources; [sources.NAME.bookmakers] for one
    "1xBet" = "onexbet"

    [sources.odds_api_io.markets]
    "ML" = "h2h"
    "Spread" = "spreads"         # "Spread@-1.5" becomes "spreads@-1.5"

    [sources.odds_api_io.outcomes]
    "W1" = "home"
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from protipp_stream.core.naming.team_names import bookmaker_key, team_key
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Name

__all__ = ["NameTables", "SourceNames"]


class SourceNames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one source calls things, and what we do.

    Attributes
    ----------
    markets : dict
        A kind without its line, or a whole market with it.
    outcomes : dict
        ``home`` and ``away`` stand for the two teams.
    bookmakers : dict
        Its ids of bookmakers, to ours.
    """

    markets: dict[Name, Name] = {}
    outcomes: dict[Name, Name] = {}
    bookmakers: dict[Name, Name] = {}

    def market(self, name: str) -> str:
        """Return what we call a market."""
        if name in self.markets:
            return self.markets[name]
        kind, at, line = name.partition("@")
        return f"{self.markets.get(kind, kind)}{at}{line}"


class NameTables(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tables of a `Naming`.

    Attributes
    ----------
    aliases : dict
        Other names of teams, to the name that another source writes.
    sports : dict
        A source's word for a sport, to one that is known or another source's.
    bookmakers : dict
        Other ids of bookmakers, to the one that shall stand on the board. Case, spaces
        and punctuation need none.
    sources : dict
        By the id of a feed: its own words.
    ours : tuple of str
        Sources that use our event ids: a quote of theirs needs no description.
    tolerance_min : float
        Minutes by which two sources' starts of one fixture may differ.
    owner_silent_s : float
        Seconds that a source must be silent about a bookmaker of an event before
        another one's word of it counts; 0 lets the newest word win.
    most : int
        Events of one source that are remembered at most.
    """

    aliases: dict[Name, Name] = {}
    sports: dict[Name, Name] = {}
    bookmakers: dict[Name, Name] = {}
    sources: dict[Name, SourceNames] = {}
    ours: tuple[Name, ...] = ("publish",)
    tolerance_min: float = 90.0
    owner_silent_s: float = 120.0
    most: int = 20_000

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tolerance_min) and self.tolerance_min >= 0):
            raise ConfigurationError("tolerance_min must be 0 or more minutes.")
        if not (math.isfinite(self.owner_silent_s) and self.owner_silent_s >= 0):
            raise ConfigurationError("owner_silent_s must be 0 or more seconds.")
        if self.most < 1:
            raise ConfigurationError("most must be 1 or more events.")
        self.alias_keys()
        self.bookmaker_keys()

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Self:
        """Read the tables from a dict.

        Raises
        ------
        ConfigurationError
            If there is a word that does not belong, or a value that can't be.
        """
        try:
            return msgspec.convert(dict(table), cls)
        except msgspec.ValidationError as error:
            raise _misread(error) from None

    @classmethod
    def read_toml(cls, text: str) -> Self:
        """Read the tables from the text of a TOML file; raises as `read`."""
        try:
            return msgspec.toml.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise _misread(error) from None

    def alias_keys(self) -> dict[str, str]:
        """Return the aliases as keys, for `team_key`.

        Raises
        ------
        ConfigurationError
            If one name stands for two teams, or for a name that stands for another.
        """
        keys: dict[str, str] = {}
        for alias, name in self.aliases.items():
            other, ours = team_key(alias), team_key(name)
            if not other or not ours:
                raise ConfigurationError(f"The alias {alias!r} = {name!r} holds no letters.")
            if keys.setdefault(other, ours) != ours:
                raise ConfigurationError(f"The alias {alias!r} stands for two teams.")
        keys = {other: ours for other, ours in keys.items() if other != ours}
        for other, ours in keys.items():
            if ours in keys:
                raise ConfigurationError(
                    f"The alias {other!r} stands for {ours!r}, which is an alias itself.",
                    hint="Let every alias stand for the team's one name.",
                )
        return keys

    def bookmaker_keys(self) -> dict[str | None, dict[str, str]]:
        """Return our ids of bookmakers by the keys of others, by source; None is for all.

        Raises
        ------
        ConfigurationError
            If one id stands for two bookmakers, or for one that stands for another.
        """
        keys: dict[str | None, dict[str, str]] = {None: _bookmakers(self.bookmakers)}
        for source, names in self.sources.items():
            if names.bookmakers:
                keys[source] = _bookmakers(names.bookmakers)
        return keys


def _bookmakers(table: Mapping[str, str]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for alias, name in table.items():
        other, ours = bookmaker_key(alias), bookmaker_key(name)
        if not other or not ours:
            raise ConfigurationError(f"The bookmaker {alias!r} = {name!r} holds no letters.")
        if keys.setdefault(other, name) != name:
            raise ConfigurationError(f"The bookmaker {alias!r} stands for two.")
    for alias, name in keys.items():
        if bookmaker_key(name) in keys and bookmaker_key(name) != alias:
            raise ConfigurationError(
                f"The bookmaker {alias!r} stands for {name!r}, which stands for another one.",
                hint="Let every id stand for the one that shall be on the board.",
            )
    return keys


def _misread(error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"The table of names can't be read: {error}.",
        hint="It may hold aliases, sports, bookmakers, sources, ours, tolerance_min, "
        "owner_silent_s and most.",
    )
