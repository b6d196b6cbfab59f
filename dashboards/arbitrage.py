"""Arbitrage as it comes and goes: ``panel serve dashboards/arbitrage.py``.

All of it counts on the prices of one connection; stake and rounding are each viewer's
own. Information only: no bet is placed, and what only looks like an arbitrage is shown
with the reasons why it is none.
"""

from protipp_stream.ui import ArbitrageTable, OddsTable, RealTimeStatus, page


def lay_out() -> list[object]:
    """Return the status line, the opportunities and, below, the prices they stand on."""
    odds = page.follow()
    return [
        page.once("status", lambda: RealTimeStatus(odds)),
        page.once("arbitrage", lambda: ArbitrageTable(odds, max_height="24rem")),
        page.once("prices", lambda: OddsTable(odds, max_height="20rem")),
    ]


page.show("arbitrage", lay_out)
