"""The dashboards of ``demo``: `panel serve`, in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protipp_stream.errors import ConfigurationError

__all__ = ["dashboard_files", "free_port", "served"]

PAGES = ("live", "arbitrage", "operations", "history")


def dashboard_files() -> list[Path]:
    """Return the pages, the live board first: in the wheel, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    for folder in (package / "dashboards", package.parent / "dashboards"):
        if all((folder / f"{page}.py").is_file() for page in PAGES):
            return [folder / f"{page}.py" for page in PAGES]
    raise ConfigurationError("The dashboards are not installed.", hint="Reinstall protipp-stream.")


@contextmanager
def served(dashboards: list[Path], port: int, environment: dict[str, str]) -> Iterator[str]:
    """Serve the dashboards on the loopback, in a process of its own; yields the first's address.

    Its own, because a page that lays itself out must not delay the gateway.
    """
    url = f"http://127.0.0.1:{port}/{dashboards[0].stem}"
    files = [str(file) for file in dashboards]
    command = ["serve", *files, "--port", str(port), "--address", "127.0.0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "panel", *command, "--log-level", "error"],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until_served(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_served(url: str, process: subprocess.Popen[bytes]) -> None:
    import httpx

    # The first answer runs the page once, so that the reader's first is fast.
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, timeout=30, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise ConfigurationError("The dashboard did not start.", hint="The lines above may say why.")


def free_port(wanted: int) -> int:
    """Return ``wanted``, or a free port for 0; another's page must not pass for ours."""
    with socket.socket() as listener:
        if os.name == "posix":
            # Else what is left of the last demo's connections takes it for a minute.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wanted))
        except (OSError, OverflowError):
            raise ConfigurationError(
                f"Can't serve the dashboard on port {wanted}: it is taken.",
                hint="--dashboard-port 0 takes a free one.",
            ) from None
        port: int = listener.getsockname()[1]
        return port
