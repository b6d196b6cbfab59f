"""A page for the tests: the board of the gateway at PROTIPP_URL, and what Python knows of it."""

import json

import panel as pn

import protipp_stream as ps
from protipp_stream.ui import OddsTable, RealTimeStatus

odds = pn.state.as_cached("odds", ps.connect)
table = pn.state.as_cached("table", lambda: OddsTable(odds, markets=["h2h"]))
status = pn.state.as_cached("status", lambda: RealTimeStatus(odds))
board = {q.outcome: q.odds for q in odds.board().quotes if q.market == "h2h"}
pn.Column(status, table, pn.pane.HTML(f"<p id=board>{json.dumps(board)}</p>")).servable()
