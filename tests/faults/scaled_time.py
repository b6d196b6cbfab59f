"""The client's times, scaled down so that a thousand faults finish in minutes.

The gateway is given a heartbeat of 1 s by its settings; the client's own times
are constants, replaced here by name. What is scaled keeps its order: a handshake
is given up before the first frame is, that before a silence of two heartbeats,
and a probe comes after a while of life. A constant that was renamed fails here,
loudly, instead of making the tests slow or idle.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import httpx
import pytest

from protipp_stream.core import backoff
from protipp_stream.gateway import Settings

__all__ = ["BACKOFF_SCALE", "HEARTBEAT_S", "faulty_settings", "scale_client"]

HEARTBEAT_S = 1.0
BACKOFF_SCALE = 0.1

# Real: 5, 30, 30 and 600 s; 4 s; 20 s and 1.25 s.
_LINK = {"STABLE_S": 3.0}
_CONNECTIONS = {"FIRST_FRAME_S": 1.5, "PROBE_FIRST_S": 1.0, "PROBE_CEILING_S": 3.0}
_WEBSOCKET = {"OPEN_TIMEOUT_S": 1.2}
_SSE = {"TIMEOUT": httpx.Timeout(1.2, read=None)}
_POLLING = {"WAIT_S": 1.0, "INTERVAL_S": 0.06, "TIMEOUT": httpx.Timeout(1.2, read=3.0)}


def faulty_settings(**others: float) -> Settings:
    """Return a gateway's settings in the same scale, without limits on requests."""
    settings = {
        "heartbeat_s": HEARTBEAT_S,
        "messages_per_minute": 1_000_000,
        "drain_s": 1.0,
        "retry_ms": 250,
    }
    return Settings(**(settings | others))  # type: ignore[arg-type]


def scale_client(monkeypatch: pytest.MonkeyPatch, *, backoff_scale: float = BACKOFF_SCALE) -> None:
    """Scale the times of every client that is made in this process."""

    def delay_s(attempt: int, chance: float, asked_s: float | None = None) -> float:
        real = backoff.delay_s(attempt, chance, asked_s)
        # What a gateway or a middlebox asked for is its own time, not ours.
        return real if asked_s is not None else real * backoff_scale

    _replace(monkeypatch, "protipp_stream.core.link", _LINK | {"delay_s": delay_s})
    _replace(monkeypatch, "protipp_stream.core.connections", _CONNECTIONS)
    transports = "protipp_stream.client.transports"
    _replace(monkeypatch, f"{transports}.websocket", _WEBSOCKET)
    _replace(monkeypatch, f"{transports}.sse", _SSE)
    _replace(monkeypatch, f"{transports}.polling", _POLLING)


def _replace(monkeypatch: pytest.MonkeyPatch, module: str, values: Mapping[str, object]) -> None:
    # By the name in sys.modules: the package has functions of the same names.
    for name, value in values.items():
        monkeypatch.setattr(sys.modules[module], name, value)
