"""Feeds from a file: several sources in one gateway, and the names that they share.

A TOML file with a table ``[[feed]]`` for each: its ``kind``, an ``id`` where there are
two of a kind, and what the feed of that kind is made with. A secret is never in the
file: see `file_secrets`. ``[names]`` is what the gateway is told about names
(`core.naming`).
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.cli.file_secrets import way_to_write, with_secrets
from protipp_stream.cli.recordings import recording_of
from protipp_stream.core.naming import NameTables
from protipp_stream.errors import ConfigurationError, RecordingError

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
    _refuse_twins(file, made)
    return Sources(made, _names(file, table.get("names", {})))


def _refuse_twins(file: Path, feeds: list[Feed]) -> None:
    """Two of one id would overwrite each other's state."""
    known: dict[str, int] = {}
    for number, feed in enumerate(feeds, 1):
        ident = feed.connection.id
        if (other := known.setdefault(ident, number)) != number:
            raise ConfigurationError(
                f"{file}, feed {number}: feed {other} is {ident!r}, too.",
                hint='Give one of them an id of its own: id = "…".',
            )


def _names(file: Path, names: Any) -> dict[str, Any]:
    if not isinstance(names, dict):
        raise ConfigurationError(
            f"{file}: names are a table [names], not {names!r}.",
            hint='Write: [names.aliases], "NY Yankees" = "New York Yankees".',
        )
    try:
        NameTables.read(names)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}, names: {error.message}", hint=error.hint) from None
    return names


def _feed(place: str, table: Mapping[str, Any]) -> Feed:
    from protipp_stream import feeds

    settings = dict(table)
    kind, ident = settings.pop("kind", None), settings.pop("id", None)
    if kind not in KINDS:
        raise ConfigurationError(f"{place}: there is no kind {kind!r}.", hint=_EXAMPLE)
    if ident is not None and not (isinstance(ident, str) and ident.strip()):
        raise ConfigurationError(f"{place}: {ident!r} is no id.", hint='Write: id = "mine".')
    make = getattr(feeds, KINDS[kind])
    parameters = inspect.signature(make).parameters
    known = parameters.keys() - _NOT_IN_A_FILE - {"id"}
    if kind == "sse":
        known -= {"events"}  # objects of a program
    given = with_secrets(place, _with_path(place, settings, known), known)
    if unknown := sorted(given.keys() - known):
        raise ConfigurationError(
            f"{place}: {kind} has no setting {unknown[0]!r}.",
            hint=f"It has: {', '.join(sorted(known))}.",
        )
    _converted(place, kind, given)
    for name in parameters:
        if name in known - given.keys() and parameters[name].default is inspect.Parameter.empty:
            raise ConfigurationError(f"{place}: {kind} needs {name}: write {way_to_write(name)}.")
    if ident is not None and "id" in parameters:
        given["id"] = ident
    try:
        feed: Feed = make(**given)
        if ident is not None:
            feed.connection = msgspec.structs.replace(feed.connection, id=ident)
    except (TypeError, ValueError, AttributeError) as error:
        # A text where a list belongs.
        raise ConfigurationError(f"{place}: {kind} can't be made so: {error}.") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error.message}", hint=error.hint) from None
    return feed


def _with_path(place: str, settings: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """Read ``recording``, the command line's word for it, as ``path``."""
    if "path" not in known or "recording" not in settings:
        return settings
    if "path" in settings:
        raise ConfigurationError(
            f"{place}: path and recording say the same.", hint="Write one of them."
        )
    return {"path" if name == "recording" else name: its for name, its in settings.items()}


def _converted(place: str, kind: str, given: dict[str, Any]) -> None:
    """Make of texts what no text can be."""
    if kind == "sse":
        given["mapping"] = _mapping(place, given.get("mapping", "optic-odds"))
    if kind == "betfair" and isinstance(given.get("runner_names"), dict):
        # Keys of TOML are texts; selection ids are numbers.
        given["runner_names"] = _numbered(place, given["runner_names"])
    if "path" in given:
        given["path"] = _recording(place, kind, given["path"])


def _recording(place: str, kind: str, path: object) -> Path:
    if not isinstance(path, str):
        raise ConfigurationError(f"{place}: path is a text, not {path!r}.")
    try:
        return recording_of(kind, Path(path))
    except RecordingError as error:
        raise RecordingError(f"{place}: {error.message}", hint=error.hint) from None


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
