"""The pictures in the README, taken from the running software: ``python dashboards/pictures``.

It serves the four dashboards with simulated prices, waits until they have something to
show, and writes NAME.light.png and NAME.dark.png into the folder above. It needs Chromium and
playwright (``pip install -e ".[test]"``).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent.parent
PAGES = ("live", "arbitrage", "operations", "history")
SIZE = {"width": 1440, "height": 900}
# So that there are moves, arbitrage and a history to see.
WARM_UP_S, LOOK_S = 45, 10
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
]  # fmt: skip


def take(browser: Any, base: str, name: str, scheme: str) -> None:
    """Write the picture of one page in one scheme."""
    page = browser.new_page(viewport=SIZE, color_scheme=scheme)
    page.goto(f"{base}/{name}")
    page.locator(".pill.state").first.wait_for()
    page.wait_for_timeout(1000 * LOOK_S)
    if name == "arbitrage":
        open_calculator(page)
    page.screenshot(path=HERE / f"{name}.{scheme}.png")
    page.close()


def open_calculator(page: Any) -> None:
    """Choose an arbitrage that stands: they live for seconds, so it may take some tries."""
    for _ in range(40):
        page.locator(".canvas .row", has_text="active").first.wait_for(timeout=120_000)
        page.locator(".canvas .row", has_text="active").last.locator(".cell").first.click()
        page.wait_for_timeout(800)
        bets = page.locator(".calculator .bets tbody tr")
        if bets.count() >= 2 and not page.locator(".calculator .note").is_visible():
            return
        page.get_by_role("button", name="Close").click()
    sys.exit("No arbitrage stood for as long as a picture takes.")


def main() -> None:
    """Serve the dashboards and take all pictures."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    files = [str(HERE / f"{page}.py") for page in PAGES]
    command = [sys.executable, "-m", "panel", "serve", *files]
    server = subprocess.Popen(
        [*command, "--address", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "PROTIPP_CONTROLS": "yes"},
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"{base}/live", timeout=60).close()
                break
            except URLError:
                if server.poll() is not None:
                    sys.exit("The dashboards did not start; the lines above say why.")
                time.sleep(0.2)
        with sync_playwright() as playwright:
            chromium = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            first = browser.new_page(viewport=SIZE)
            first.goto(f"{base}/live")
            first.wait_for_timeout(1000 * WARM_UP_S)
            first.close()
            for name in PAGES:
                for scheme in ("light", "dark"):
                    take(browser, base, name, scheme)
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
