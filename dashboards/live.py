"""The live board as a page: ``panel serve dashboards/live.py``.

It follows the gateway at PROTIPP_URL with PROTIPP_TOKEN. Where none is named, it
starts one of its own inside this process, with simulated prices.
"""

from protipp_stream.ui import MovesFeed, OddsTable, RealTimeStatus, page


def lay_out() -> list[object]:
    """Return the status line, the board and the moves."""
    odds = page.follow()
    height = "max(20rem, calc(100vh - 27rem))"  # with the moves on one screen
    return [
        page.once("status", lambda: RealTimeStatus(odds)),
        page.once("board", lambda: OddsTable(odds, max_height=height)),
        page.once("moves", lambda: MovesFeed(odds, max_height="12rem")),
    ]


page.show("live", lay_out)
