"""The rows themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from protipp_stream.errors import ConfigurationError
from protipp_stream.history.asking import Asked
from protipp_stream.history.frames import frame
from protipp_stream.history.known import check_known, closest
from protipp_stream.history.reading import Trail, View
from protipp_stream.history.standing import SELECTION
from protipp_stream.history.tables import SCHEMAS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Kinds", "batches", "checked_columns", "in_order", "prices_in_order", "updates"]

Kinds = str | Iterable[str]
_KINDS = ("price", "suspension", "image")


def updates(view: View, asked: Asked, kinds: frozenset[str], columns: list[str]) -> pd.DataFrame:
    """Return the rows in the order of the journal; see `History.updates`."""
    read = list(dict.fromkeys([*columns, *_needed(kinds), "line", "seq"]))
    table = _of_kinds(view.table("updates", read, asked), kinds)
    return frame(in_order(table).select(columns))


def batches(
    trail: Trail, asked: Asked, kinds: frozenset[str], columns: list[str], rows: int
) -> Iterator[pd.DataFrame]:
    """Yield the rows in frames of at most so many rows; see `History.batches`."""
    read = list(dict.fromkeys([*columns, *_needed(kinds)]))
    trail.ask(lambda view: check_known(view, asked))
    for table in trail.batches("updates", read, asked):
        wanted = _of_kinds(table, kinds).select(columns)
        for begin in range(0, wanted.num_rows, rows):
            yield frame(wanted.slice(begin, rows))


def in_order(table: pa.Table) -> pa.Table:
    """Sort rows as the journal has them; an image after what it holds already."""
    keys = [table.column("seq").to_numpy(), table.column("line").to_numpy()]
    if "is_image" in table.column_names:
        keys.insert(0, pc.cast(table.column("is_image"), pa.int8()).to_numpy())
    return table.take(pa.array(np.lexsort(keys)))


def prices_in_order(view: View, asked: Asked) -> pa.Table:
    """Return what prices became when, in the order of the journal."""
    columns = [*SELECTION, "new_odds", "timestamp", "seq", "line", "is_image"]
    return in_order(view.table("updates", columns, asked))


def checked_columns(columns: Iterable[str] | None) -> list[str]:
    """Return the columns that are wanted.

    Raises
    ------
    ConfigurationError
        If there is no such column.
    """
    known = SCHEMAS["updates"].names
    wanted = known if columns is None else [columns] if isinstance(columns, str) else list(columns)
    for name in wanted:
        if name not in known:
            raise ConfigurationError(
                f"Updates have no column {name!r}.", hint=closest(str(name), known)
            )
    return list(dict.fromkeys(wanted))


def checked_kinds(kinds: Kinds) -> frozenset[str]:
    """Return the kinds of rows that are wanted.

    Raises
    ------
    ConfigurationError
        If there is no such kind.
    """
    wanted = frozenset([kinds] if isinstance(kinds, str) else kinds)
    if not wanted or not wanted <= set(_KINDS):
        raise ConfigurationError(
            f"There are no rows of the kind {kinds!r}.", hint=f"Kinds: {', '.join(_KINDS)}."
        )
    return wanted


def _needed(kinds: frozenset[str]) -> list[str]:
    return [] if len(kinds) == len(_KINDS) else ["is_image", "new_odds"]


def _of_kinds(table: pa.Table, kinds: frozenset[str]) -> pa.Table:
    if not _needed(kinds):
        return table
    is_image = table.column("is_image")
    is_none = pc.is_null(table.column("new_odds"))
    tests: dict[str, Callable[[], pa.ChunkedArray]] = {
        "image": lambda: is_image,
        "suspension": lambda: pc.and_(is_none, pc.invert(is_image)),
        "price": lambda: pc.invert(pc.or_(is_none, is_image)),
    }
    if kinds == {"price", "suspension"}:
        return table.filter(pc.invert(is_image))
    wanted = [tests[kind]() for kind in sorted(kinds)]
    mask = wanted[0]
    for more in wanted[1:]:
        mask = pc.or_(mask, more)
    return table.filter(mask)
