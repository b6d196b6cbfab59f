"""Feeds from a file: several sources in one gateway, and the names that they share.

A TOML file with a table ``[[feed]]`` for each: its ``kind``, an ``id`` where there are
two of a kind, and what the feed of that kind is made with. A secret is never in the
file: ``api_key_env`` names the variable of the environment that holds ``api_key``,
``api_key_file`` the file. ``[names]`` is what the gateway is told about names
(`core.naming`).
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.cli.arguments import secret
from protipp_stream.errors import ConfigurationError

if TYPE_CHECKING:
    from protipp_stream.feeds import Feed

__all__ = ["KINDS", "Sources", "sources_in"]

KINDS = {
    "simulated": "Simulated",
    "the-odds-api": "TheOddsApi",
    "odds-api-io": "OddsApiIo",
    "sse": "SseSource",
    "betfair": "Betfair",
    "betfair-replay": "BetfairReplay",
    "replay": "Replay",
}
# What a program gives and no file can: clocks, connections, callbacks.
_NOT_IN_A_FILE = {"client", "sleep", "chance", "clock", "wall", "pace", "tls"}
_EXAMPLE = 'Write: [[feed]], kind = "simulated". Kinds: ' + ", ".join(KINDS) + "."


class Sources(msgspec.Struct, frozen=True):
    """What a file says: feeds, ready to be followed, and tables of names."""

    feeds: list[Feed]
    names: dict[str, Any]


def sources_in(file: Path) -> Sources:
    """Read a file of feeds.

    Raises
    ------
    ConfigurationError
        If it can't be read, or says what no feed takes: it names the place.
    """
    try:
        table = tomllib.loads(file.read_text())
    except OSError as error:
        raise ConfigurationError(f"Can't read {file}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is no TOML: {error}.", hint=_EXAMPLE) from None
    if unknown := sorted(table.keys() - {"feed", "names"}):
        raise ConfigurationError(f"{file}: what is {unknown[0]!r}?", hint=_EXAMPLE)
    feeds = table.get("feed", [])
    if not isinstance(feeds, list) or not all(isinstance(each, dict) for each in feeds):
        raise ConfigurationError(f"{file}: feeds are tables [[feed]].", hint=_EXAMPLE)
    made = [_feed(f"{file}, feed {number}", each) for number, each in enumerate(feeds, 1)]
    if not made:
        raise ConfigurationError(f"{file} names no feed.", hint=_EXAMPLE)
    return Sources(made, table.get("names", {}))


def _feed(place: str, table: Mapping[str, Any]) -> Feed:
    from protipp_stream import feeds

    settings = dict(table)
    kind, ident = settings.pop("kind", None), settings.pop("id", None)
    if kind not in KINDS:
        raise ConfigurationError(f"{place}: there is no kind {kind!r}.", hint=_EXAMPLE)
    make = getattr(feeds, KINDS[kind])
    known = inspect.signature(make).parameters.keys() - _NOT_IN_A_FILE
    given = _with_secrets(place, settings, known)
    if kind == "sse":
        known -= {"events"}  # objects of a program
        given["mapping"] = _mapping(place, given.get("mapping", "optic-odds"))
    if kind == "betfair" and isinstance(given.get("runner_names"), dict):
        # Keys of TOML are texts; selection ids are numbers.
        given["runner_names"] = _numbered(place, given["runner_names"])
    if unknown := sorted(given.keys() - known):
        raise ConfigurationError(
            f"{place}: {kind} has no setting {unknown[0]!r}.",
            hint=f"It has: {', '.join(sorted(known))}.",
        )
    try:
        feed: Feed = make(**given)
        if ident is not None:
            # Two of one kind would have one id, and overwrite each other's state.
            feed.connection = msgspec.structs.replace(feed.connection, id=str(ident))
    except TypeError as error:
        # One that is missing, or a text where a list belongs.
        raise ConfigurationError(f"{place}: {kind} can't be made so: {error}.") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error.message}", hint=error.hint) from None
    return feed


def _with_secrets(place: str, settings: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    """Replace ``NAME_env`` and ``NAME_file`` by what they lead to."""
    given: dict[str, Any] = {}
    for name, value in settings.items():
        base, _, way = name.rpartition("_")
        if way not in {"env", "file"} or name in known or base not in known:
            given[name] = value
        elif isinstance(value, dict):  # headers_env = { "X-Api-Key" = "OPTIC_ODDS_KEY" }
            given[base] = {each: _secret(place, way, each, its) for each, its in value.items()}
        else:
            given[base] = _secret(place, way, base, value)
    return given


def _secret(place: str, way: str, name: str, whereto: object) -> str:
    if not isinstance(whereto, str):
        raise ConfigurationError(f"{place}: {name} is read from a name, not from {whereto!r}.")
    if way == "file":
        return secret(name, Path(whereto), hint="Make it")
    return secret(whereto, None, hint=f"{place} wants it as {name}: set it")


def _numbered(place: str, names: Mapping[str, str]) -> dict[int, str]:
    if not all(each.isdecimal() for each in names):
        raise ConfigurationError(f"{place}: runner_names goes by selection id, a number.")
    return {int(each): name for each, name in names.items()}


def _mapping(place: str, asked: object) -> Any:
    from protipp_stream.feeds import OPTIC_ODDS, SseMapping

    if asked == "optic-odds":
        return OPTIC_ODDS
    try:
        return msgspec.convert(asked, SseMapping)
    except (msgspec.ValidationError, TypeError) as error:
        raise ConfigurationError(
            f"{place}: no mapping: {error}.",
            hint='Write mapping = "optic-odds", or a table of SseMapping\'s fields.',
        ) from None
