"""The beginning that tests of the source of server-sent events share."""

from __future__ import annotations

from protipp_stream.model import Event
from tests.feeds.following import Followed
from tests.feeds.sse_source_rows import AWAY, HOME, row
from tests.feeds.sse_source_server import FakeSse

KNOWN = Event("f1", f"{HOME} v {AWAY}", "baseball", None, HOME, AWAY)
MONEYLINE = {("h2h", HOME): 1.67, ("h2h", AWAY): 2.3}


async def begun(board: Followed, provider: FakeSse) -> None:
    """Open it, hear its greeting, and let a moneyline stand."""
    await board.next(2)
    provider.push("odds", [row(HOME, -150), row(AWAY, 130)])
    await board.next()
    assert board.prices == MONEYLINE
