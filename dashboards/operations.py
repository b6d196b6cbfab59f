"""How the system is: ``panel serve dashboards/operations.py``.

Connections, latency by stage, the gateway's own figures and its audit trail. The
gateway tells all of it to a token with the scope status:read, and counts to others.
The controls act on the one connection that all viewers of this server share: they are
there only where PROTIPP_CONTROLS is set to ``yes``.
"""

import os

from protipp_stream.ui import ConnectionManager, GatewayView, LatencyChart, RealTimeStatus, page

CONTROLS = os.environ.get("PROTIPP_CONTROLS") == "yes"


def lay_out() -> list[object]:
    """Return the status line, the connections, the latency and the gateway's figures."""
    odds = page.follow()
    return [
        page.once("status", lambda: RealTimeStatus(odds)),
        page.once("connections", lambda: ConnectionManager(odds, controls=CONTROLS)),
        (
            page.once("latency", lambda: LatencyChart(odds)),
            page.once("gateway", lambda: GatewayView(odds)),
        ),
    ]


page.show("operations", lay_out)
