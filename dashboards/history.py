"""What was: ``panel serve dashboards/history.py``.

How the prices of one event moved, and the board at any moment of it, from the audit
trail in PROTIPP_HISTORY, or from that of a gateway of our own.
"""

from protipp_stream.ui import HistoryView, RealTimeStatus, page


def lay_out() -> list[object]:
    """Return the status line and the history of one event at a time."""
    trail = page.trail()
    return [
        page.once("status", lambda: RealTimeStatus(page.follow())),
        page.once("history", lambda: HistoryView(trail, height="26rem")),
    ]


page.show("history", lay_out)
