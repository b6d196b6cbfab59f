"""A name that occurs nowhere is a slip of the pen, and no row of the answer may hide it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import msgspec
import pyarrow as pa

from protipp_stream.errors import ConfigurationError
from protipp_stream.history.asking import Asked
from protipp_stream.history.reading import View

__all__ = ["check_known", "closest"]

_ARGUMENTS = {
    "event_id": "event",
    "bookmaker_id": "bookmaker",
    "market": "market",
    "outcome": "outcome",
}


def check_known(view: View, asked: Asked) -> None:
    """Refuse names that nothing in the trail has, whatever else is asked for.

    Most names are found in the first group of rows that is looked at; only what is not
    found costs a look at all of them.

    Raises
    ------
    ConfigurationError
        With those that are the most like it.
    """
    for column, names in asked.names.items():
        if not (missing := _not_seen(view, column, names)):
            continue
        known = _occurring(view, column)
        unknown = sorted(missing - known)
        # A trail without a price has no wrong names.
        if unknown and known:
            argument = _ARGUMENTS[column]
            raise ConfigurationError(
                f"There is no {argument} {unknown[0]!r} in this history.",
                hint=_hint(view, argument, unknown[0], known),
            )


def _not_seen(view: View, column: str, names: frozenset[str]) -> set[str]:
    """Return the names that are not met on the way through the trail; it ends with the last."""
    missing = set(names)
    if column == "event_id":
        missing -= _described(view, names)
    for file in view.sealed.get("updates", {}).values():
        for number, bounds in enumerate(file.groups):
            if not missing:
                return missing
            if column == "event_id" and not Asked(events=frozenset(missing)).may_be_in(bounds):
                continue
            missing -= _named_in(file.table([column], number).column(column), column)
    return {name for name in missing if not _is_hot(view, column, name)}


def _is_hot(view: View, column: str, name: str) -> bool:
    # As the journal's own writer has it; what another one wrote is found the slow way.
    begins = b'"%b":' % column.encode() + msgspec.json.encode(name)[:-1]
    needles = [begins + b'"', begins + b"@"] if column == "market" else [begins + b'"']
    return any(segment.holds(needle) for segment in view.hot for needle in needles)


def _described(view: View, events: frozenset[str] = frozenset()) -> set[str]:
    found = view.table("events", ["event_id"], Asked(events=events)).column("event_id")
    return _named_in(found, "event_id")


def _named_in(values: pa.ChunkedArray, column: str) -> set[str]:
    names = {name for name in values.unique().to_pylist() if name is not None}
    return names | {name.partition("@")[0] for name in names} if column == "market" else names


def closest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names what is most like it, or some of what there is."""
    there = sorted(known)
    alike = get_close_matches(name, there, n=3, cutoff=0.5)
    return f"Did you mean {_listed(alike)}?" if alike else f"There is: {_listed(there[:8])}."


def _hint(view: View, argument: str, name: str, known: set[str]) -> str:
    if argument != "event":
        return closest(name, known)
    described = view.table("events", ["event_id", "name"]).to_pylist()
    ids = {row["name"].lower(): row["event_id"] for row in described}
    lowered = name.lower()
    alike = [each for each in ids if lowered in each] or get_close_matches(lowered, ids, n=3)
    if alike:
        found = _listed([ids[each] for each in alike[:3]])
        return f"An event is asked for by its id: did you mean {found}? See events()."
    return f"{closest(name, known)} See events()."


def _occurring(view: View, column: str) -> set[str]:
    found = _named_in(view.table("updates", [column]).column(column), column)
    return found | _described(view) if column == "event_id" else found


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
