"""Who is there: what a page server holds for its viewers."""

from __future__ import annotations

import asyncio
import threading

import panel as pn

from protipp_stream.ui import OddsTable

cached = [each[0] if isinstance(each, tuple) else each for each in pn.state.cache.values()]
tables = [each for each in cached if isinstance(each, OddsTable)]
viewers = sum(table.viewers for table in tables)
watchers = sum(1 for each in threading.enumerate() if each.name == "protipp-ui")
tasks = [each for each in asyncio.all_tasks() if "protipp" in repr(each.get_coro())]
census = {
    "viewers": viewers,
    "watchers": watchers,
    "tasks": len(tasks),
    "threads": sum(1 for each in threading.enumerate() if each.name.startswith("protipp")),
}
words = " ".join(f"{name}={count}" for name, count in census.items())
pn.pane.HTML(f"<p id=census>{words}</p>").servable()
