"""The page of the table's bench: ``?way=gateway``, ``server`` or ``tabulator``."""

from __future__ import annotations

from typing import Any

import pandas as pd
import panel as pn

import protipp_stream as ps
from protipp_stream.ui import OddsTable

PATCH_HZ = 20


class ByServer(OddsTable):
    """The same table, with all of its prices in Bokeh's messages."""

    @property
    def options(self) -> dict[str, Any]:
        return {**super().options, "gateway": False}


def tabulator(odds: ps.LiveOdds) -> Any:
    """Panel's own table, patched with what changed: the peer."""
    quotes = odds.quotes()
    frame = quotes.pivot_table(
        index=["starts_at", "event", "market", "outcome"], columns="bookmaker_id",
        values="odds", observed=True,
    ).reset_index()  # fmt: skip
    frame.columns.name = None
    rows = {(r.event, r.market, r.outcome): at for at, r in enumerate(frame.itertuples())}
    table = pn.widgets.Tabulator(frame, height=544, show_index=False, disabled=True)
    names = {event_id: event.name for event_id, event in odds.board().events.items()}
    changes = odds.changes()
    changes.take()

    async def patch() -> None:
        if (change := changes.take()) is None:
            return
        cells: dict[str, list[tuple[int, float | None]]] = {}
        for update in change.updates:
            row = rows[names[update.event_id], update.market, update.outcome]
            cells.setdefault(update.bookmaker_id, []).append((row, update.new_odds))
        table.patch(cells)

    pn.state.add_periodic_callback(patch, period=1000 // PATCH_HZ)
    pn.state.on_session_destroyed(lambda _context: changes.close())
    return table


odds = pn.state.as_cached("odds", ps.connect)
way = (pn.state.session_args.get("way") or [b"gateway"])[0].decode()
if way == "tabulator":
    pn.extension("tabulator")
    pd.set_option("display.precision", 2)
    shown = tabulator(odds)
else:
    kind = OddsTable if way == "gateway" else ByServer
    shown = pn.state.as_cached(way, lambda: kind(odds, hz=60))
pn.Column(shown, sizing_mode="stretch_width").servable()
