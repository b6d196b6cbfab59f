"""What the dashboards share: one connection a process, one look, and words when it fails.

    panel serve dashboards/*.py

`follow` connects to the gateway that ``PROTIPP_URL`` names, with ``PROTIPP_TOKEN``; where
none is named it starts one inside this process, with simulated prices and a history in a
folder of its own. What is made with `once` belongs to the process and is shown to all who
look; what `show` lays out belongs to one browser.
"""

from __future__ import annotations

import atexit
import html
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import panel as pn

import protipp_stream as ps
from protipp_stream.errors import ConfigurationError, ProtippStreamError
from protipp_stream.gateway import Settings

__all__ = ["follow", "once", "show", "trail"]

Made = TypeVar("Made")

# Every font and script comes from this server: the page works offline.
STYLE = """
:root { color-scheme: light dark; --page: #f3f4f6; --bar: #fff; --line: #dfe3e8;
        --ink: #1c2126; --dim: #5d6671; --link: #1a56b8; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1216; --bar: #15181d; --line: #272d35;
          --ink: #dde2e8; --dim: #98a2ae; --link: #79b0ff; }
}
html, body { margin: 0; min-height: 100%; background: var(--page); color: var(--ink); }
"""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
BAR = """
:host { padding: .5rem .8rem; background: var(--bar); border-bottom: 1px solid var(--line); }
"""
TITLE = f"""
:host {{ margin: 0; color: var(--ink); font: 13px/1.4 {FONT}; }}
header {{ display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem 1rem; }}
h1 {{ margin: 0; font-size: 15px; font-weight: 650; white-space: nowrap; }}
nav {{ display: flex; flex-wrap: wrap; gap: .2rem .9rem; }}
a {{ color: var(--link); text-decoration: none; }} a:hover {{ text-decoration: underline; }}
a[aria-current] {{ color: var(--ink); font-weight: 600;
                   border-bottom: 2px solid var(--link); }}
"""
WORDS = f"""
:host {{ color: var(--ink); font: 13px/1.5 {FONT}; }}
main {{ padding: 1rem; max-width: 46rem; background: var(--bar);
        border: 1px solid var(--line); border-radius: 4px; overflow-wrap: anywhere; }}
"""
FOOT = f":host {{ padding: .2rem .8rem .8rem; color: var(--dim); font: 11px/1.4 {FONT}; }}"
ROWS = ":host { gap: .8rem; padding: .8rem; }"
BESIDE = {"flex": "1 1 26rem", "min-width": "min(100%, 22rem)"}
LINE = {"flex": "1 1 22rem"}

PAGES = {
    "live": "Live odds",
    "arbitrage": "Arbitrage",
    "operations": "Operations",
    "history": "History",
}


def follow() -> ps.LiveOdds:
    """Return the one connection of this process; made at the first call.

    Raises
    ------
    ConfigurationError
        If ``PROTIPP_URL`` is no address, or no token is set.
    """
    odds: ps.LiveOdds = pn.state.as_cached("protipp odds", _connect)
    return odds


def trail() -> Path:
    """Return the folder of the history: ``PROTIPP_HISTORY``, or that of our own gateway.

    Raises
    ------
    ConfigurationError
        If a gateway elsewhere is followed and nobody says where its history is.
    """
    if named := os.environ.get("PROTIPP_HISTORY"):
        return Path(named)
    if os.environ.get("PROTIPP_URL"):
        raise ConfigurationError(
            "This page shows a gateway's history, and does not know its folder.",
            hint="Set PROTIPP_HISTORY to the folder of `protipp-stream serve --history` "
            "or `protipp-stream record`.",
        )
    follow()
    return Path(pn.state.cache["protipp history"].name)


def once(name: str, make: Callable[[], Made]) -> Made:
    """Return what ``make`` made at the first call in this process: all viewers share it."""
    made: Made = pn.state.as_cached(f"protipp {name}", make)
    return made


def show(name: str, lay_out: Callable[[], Sequence[Any]]) -> None:
    """Serve a page: a bar, and what ``lay_out`` returns below it.

    Parameters
    ----------
    name : str
        The page's name, as in the address.
    lay_out : callable
        Returns the header's component and the rows; a row is a component, or a tuple
        of those that stand side by side. What it raises becomes words on the page.
    """
    pn.extension(raw_css=[STYLE])
    try:
        header, *rows = lay_out()
    except ProtippStreamError as error:
        # Without a gateway there is no board, but the reader shall know why.
        words = f"<main role='alert'>{html.escape(str(error))}</main>"
        header, rows = None, [pn.pane.HTML(words, stylesheets=[WORDS])]
    bar = pn.FlexBox(
        pn.pane.HTML(_title(name), stylesheets=[TITLE], margin=0),
        *([] if header is None else [_placed(header, LINE)]),
        stylesheets=[BAR],
        gap="0.3rem 1.2rem",
        align_items="center",
        sizing_mode="stretch_width",
    )
    foot = pn.pane.HTML(
        "Information only: no bet is placed here. 18+", stylesheets=[FOOT], margin=0
    )
    body = pn.Column(
        *(_row(row) for row in rows), stylesheets=[ROWS], sizing_mode="stretch_width", margin=0
    )
    page = pn.Column(bar, body, foot, sizing_mode="stretch_width", margin=0)
    page.servable(title=f"{PAGES.get(name, name)} · protipp_stream")


def _row(row: Any) -> Any:
    if not isinstance(row, tuple):
        return row
    beside = [_placed(each, BESIDE) for each in row]
    return pn.FlexBox(*beside, gap="0.8rem", align_items="start", sizing_mode="stretch_width")


def _placed(component: Any, styles: dict[str, str]) -> Any:
    view = component.__panel__() if hasattr(component, "__panel__") else component
    view.styles = styles
    return view


def _title(name: str) -> str:
    served = [page for page in PAGES if page in _served()]
    links = "".join(
        f"<a href='{page}'{' aria-current=page' if page == name else ''}>{PAGES[page]}</a>"
        for page in served
    )
    nav = f"<nav aria-label='Dashboards'>{links}</nav>" if len(served) > 1 else ""
    return f"<header><h1>protipp_stream · {PAGES.get(name, name)}</h1>{nav}</header>"


def _served() -> list[str]:
    """Return which pages this server has, as its command line names them."""
    # The original ones: Bokeh gives each page arguments of its own.
    return [Path(each).stem for each in sys.orig_argv if each.endswith(".py")]


def _connect() -> ps.LiveOdds:
    if os.environ.get("PROTIPP_URL"):
        # Without waiting: a page says that it connects, and why it can't, by itself.
        return ps.connect(timeout=None)
    folder = tempfile.TemporaryDirectory(prefix="protipp-history-")
    gateway = ps.Gateway(
        ps.Simulated(),
        rule=["h", "steam"],
        history=folder.name,
        settings=Settings(allowed_origins=_origins()),
    ).start()

    def stop() -> None:
        gateway.stop()
        folder.cleanup()

    try:
        odds = ps.connect(
            gateway,
            token=lambda: gateway.token("dashboard", scopes=("odds:read", "status:read")),
        )
    except BaseException:
        stop()  # or every page that is asked for would leave one behind
        raise
    # What is registered last ends first.
    atexit.register(stop)
    atexit.register(odds.close)
    pn.state.cache["protipp history"] = folder
    return odds


def _origins() -> frozenset[str]:
    """Return the addresses of this page, as a browser on this machine may say them."""
    host = pn.state.headers.get("Host", "") if pn.state.headers else ""
    name, _, port = host.rpartition(":")
    if name not in ("127.0.0.1", "localhost"):
        return frozenset()  # our gateway listens on the loopback: nobody else could reach it
    return frozenset(f"http://{each}:{port}" for each in ("127.0.0.1", "localhost"))
