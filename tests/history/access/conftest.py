"""Access trails in a temporary folder, and what is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protipp_stream.core.access import NOBODY, AccessRecord, Requester
from protipp_stream.history.access import Trail

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ALICE = Requester("alice@canary.example", "203.0.113.77", "CanaryBrowser/1.0", "a1b2c3d4")
BOB = Requester("bob@canary.example", "198.51.100.5", "BobBrowser/2.0", "e5f6a7b8")
STRANGER = Requester(None, "192.0.2.99", "curl/8")


def record(reason: str = "connected", by: Requester = NOBODY, days: float = 0) -> AccessRecord:
    """A record of so many days before noon."""
    return AccessRecord(
        at=NOON - timedelta(days=days),
        reason=reason,
        endpoint="GET /api/v1/odds/stream",
        facts={"transport": "sse"},
        by=by,
    )


@pytest.fixture(autouse=True)
def _no_keys_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROTIPP_PRIVACY_KEYS", raising=False)
    monkeypatch.delenv("PROTIPP_PRIVACY_KEYS_FILE", raising=False)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Trail]]:
    """Begin trails in the same folder; what still runs at the end is closed."""
    made: list[Trail] = []

    def make(**options: float) -> Trail:
        made.append(Trail(tmp_path, **({"group_s": 0.01, "retry_s": 0.02} | options)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for trail in made:
        if trail._thread.is_alive():
            trail.close()


@pytest.fixture
def keep(begin: Callable[..., Trail]) -> Callable[..., None]:
    """Write records and close."""

    def kept(*records: AccessRecord) -> None:
        trail = begin()
        for each in records:
            trail.record(each)
        trail.close()

    return kept


def every_byte(folder: Path) -> bytes:
    """All that stands in any file, and the files' names."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return b"\n".join(str(path).encode() + b"\n" + path.read_bytes() for path in files)
