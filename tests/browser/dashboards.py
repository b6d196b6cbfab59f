"""The four dashboards as `panel serve` serves them, for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.servers import free_port, serving, trouble_in

__all__ = ["PAGES", "READY", "dashboards"]

PAGES = ("live", "arbitrage", "operations", "history")
# What is there when a page has come to life.
READY = {
    "live": ".canvas .price",
    "arbitrage": ".canvas .price",
    "operations": ".pill.state >> nth=0",
    "history": "svg path, svg polyline >> nth=0",
}


@contextmanager
def dashboards(folder: Path, *options: str, **environment: str) -> Iterator[str]:
    """Serve all of them, with a gateway of their own unless the environment names one."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    arguments = ["panel", "serve", *(f"dashboards/{page}.py" for page in PAGES)]
    arguments += ["--address", "127.0.0.1", "--port", str(port), *options]
    arguments += ["--unused-session-lifetime", "2000", "--check-unused-sessions", "500"]
    log = folder / "log"
    access = {"PROTIPP_URL": "", "PROTIPP_TOKEN": "", "PROTIPP_HISTORY": "", **environment}
    with serving(arguments, f"{base}/live", log, **access):
        yield base
    said = trouble_in(log)
    assert "Traceback" not in said, said[-3000:]
