"""What people look at: the live board and all that stands around it.

A component is a plain object. As the last expression of a notebook cell it
shows itself as an anywidget; put into a Panel layout it is part of a served
page; in a terminal it is one line of text. Panel, which takes seconds to
import, is imported only when a component meets a Panel layout; `page` is what
the dashboards share.
"""

from protipp_stream.ui.arbitrage import ArbitrageTable
from protipp_stream.ui.connections import ConnectionManager
from protipp_stream.ui.gateway_view import GatewayView
from protipp_stream.ui.history_view import HistoryView
from protipp_stream.ui.latency import LatencyChart
from protipp_stream.ui.moves import MovesFeed
from protipp_stream.ui.status import RealTimeStatus
from protipp_stream.ui.table import OddsTable

__all__ = [
    "ArbitrageTable",
    "ConnectionManager",
    "GatewayView",
    "HistoryView",
    "LatencyChart",
    "MovesFeed",
    "OddsTable",
    "RealTimeStatus",
]
