"""How long updates were on their way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from protipp_stream.errors import ConfigurationError
from protipp_stream.history.asking import NO_TIME, Asked, micros
from protipp_stream.history.frames import NAME, NUMBER, WHOLE, frame_of
from protipp_stream.history.reading import View
from protipp_stream.history.standing import by_code, codes_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["latency"]

_BY = {
    "bookmaker": "bookmaker_id",
    "event": "event_id",
    "market": "market",
    "epoch": "epoch",
}
_STAGE = "stage"
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_TIMES = {"gateway": ["latency_ms"], "source": ["timestamp", "source_timestamp"]}


def latency(view: View, asked: Asked, by: str | Iterable[str]) -> pd.DataFrame:
    """Return quantiles; see `History.latency`."""
    wanted = [by] if isinstance(by, str) else list(by)
    for each in wanted:
        if each not in (*_BY, _STAGE):
            raise ConfigurationError(
                f"There is no latency by {each!r}.", hint=f"By {', '.join([*_BY, _STAGE])}."
            )
    names = [_BY[each] for each in wanted if each != _STAGE]
    stages = ["gateway", "source"] if _STAGE in wanted else ["gateway"]
    needed = [column for stage in stages for column in _TIMES[stage]]
    table = view.table("updates", list(dict.fromkeys([*names, *needed, "is_image"])), asked)
    table = table.filter(pc.invert(table.column("is_image")))
    types = {
        **dict.fromkeys(names, NAME),
        **({_STAGE: NAME} if _STAGE in wanted else {}),
        "count": WHOLE,
        **dict.fromkeys(_QUANTILES, NUMBER),
    }
    parts = [_of_stage(table, names, stage) for stage in stages]
    columns: dict[str, Any] = {
        name: np.concatenate([part[name] for part in parts])
        for name in types
        if name not in names and name != _STAGE
    }
    for name in (*names, _STAGE):
        columns[name] = [value for part in parts for value in part[name]]
    return frame_of(columns, types).sort_values(
        [*names, *([_STAGE] if _STAGE in wanted else [])], ignore_index=True
    )


def _of_stage(table: pa.Table, names: list[str], stage: str) -> dict[str, Any]:
    taken = _milliseconds(table, stage)
    known = ~np.isnan(taken)
    rows = np.flatnonzero(known)
    group = codes_of(table.select(names), names)[rows] if names else np.zeros(len(rows), np.int64)
    taken = taken[rows]
    order = by_code(group)
    begins = np.flatnonzero(np.diff(group[order], prepend=-1))
    parts = np.split(taken[order], begins[1:]) if len(begins) else []
    firsts = table.select(names).take(pa.array(rows[order[begins]])) if names else None
    shares = list(_QUANTILES.values())
    found = np.array([np.quantile(part, shares) for part in parts]).reshape(-1, len(shares))
    made: dict[str, Any] = {
        "count": np.array([len(part) for part in parts], np.int64),
        **{name: found[:, number] for number, name in enumerate(_QUANTILES)},
        _STAGE: [stage] * len(parts),
    }
    for name in names:
        assert firsts is not None
        made[name] = firsts.column(name).to_pylist()
    return made


def _milliseconds(table: pa.Table, stage: str) -> npt.NDArray[np.float64]:
    if stage == "gateway":
        taken: npt.NDArray[np.float64] = table.column("latency_ms").to_numpy()
        return taken
    received, said = micros(table.column("timestamp")), micros(table.column("source_timestamp"))
    return np.where(said == NO_TIME, np.nan, (received - np.where(said == NO_TIME, 0, said)) / 1000)
