"""The live board as a page: ``panel serve dashboards/live.py``.

It follows the gateway at PROTIPP_URL with PROTIPP_TOKEN. Where none is named,
it starts one of its own inside this process, with simulated prices.

One gateway, one client and one table serve all who look: what is cached
belongs to the process, what is laid out below belongs to one browser.
"""

import html
import os

import panel as pn

import protipp_stream as ps
from protipp_stream.ui import OddsTable, RealTimeStatus

# Every font and script comes from this server: the page works offline.
STYLE = """
:root { color-scheme: light dark; --page: #f3f4f6; --bar: #fff; --line: #dfe3e8; --ink: #1c2126; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1216; --bar: #15181d; --line: #272d35; --ink: #dde2e8; }
}
html, body { margin: 0; background: var(--page); color: var(--ink); }
"""
BAR = """
:host { align-items: center; padding: .5rem .8rem;
        background: var(--bar); border-bottom: 1px solid var(--line); }
"""
TITLE = """
:host { margin: 0 1rem 0 0; color: var(--ink); white-space: nowrap;
        font: 600 15px/1.3 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
"""
LINE = ":host { flex: 1 1 22rem; }"
BOARD = ":host { padding: .8rem; }"


def connect() -> ps.LiveOdds:
    """Follow the gateway that the environment names, or one of our own."""
    if os.environ.get("PROTIPP_URL"):
        return ps.connect()
    return ps.connect(ps.Gateway(ps.Simulated()).start())


pn.extension(raw_css=[STYLE])

try:
    odds = pn.state.as_cached("odds", connect)
except ps.ProtippStreamError as error:
    # Without a gateway there is no board, but the reader shall know why.
    status = pn.widgets.StaticText(value="no board")
    table = pn.pane.HTML(f"<p role='alert'>{html.escape(str(error))}</p>")
else:
    status = pn.state.as_cached("status", lambda: RealTimeStatus(odds))
    table = pn.state.as_cached("table", lambda: OddsTable(odds, max_height="calc(100vh - 10rem)"))

bar = pn.FlexBox(
    pn.pane.HTML("ProTipp live odds", stylesheets=[TITLE], margin=0),
    pn.Column(status, stylesheets=[LINE], margin=0),
    stylesheets=[BAR],
    sizing_mode="stretch_width",
)
board = pn.Column(table, stylesheets=[BOARD], sizing_mode="stretch_width")

pn.Column(bar, board, sizing_mode="stretch_width", margin=0).servable(title="ProTipp live odds")
