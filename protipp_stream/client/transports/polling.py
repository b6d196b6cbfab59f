"""Frames made of polls: the last resort, which works wherever HTTP does.

A long poll: the gateway answers as soon as something has changed. What comes
back is put into the frames that the other transports bring, so whoever reads
them does not know the difference.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator

import httpx
import msgspec

from protipp_stream.client.arrival import Received, now
from protipp_stream.client.decoding import decode_answer
from protipp_stream.client.endpoint import API, Endpoint, Query, query_of
from protipp_stream.client.refusals import from_status, not_a_gateway
from protipp_stream.client.transports.http import http_client
from protipp_stream.client.transports.timekeeping import asking, over_http
from protipp_stream.core.filter import Filter
from protipp_stream.core.latency import ClockOffset
from protipp_stream.core.wire import (
    Confirmed,
    Connected,
    Heartbeat,
    PollAnswer,
    ServerFrame,
    Snapshot,
    Source,
    Updates,
)
from protipp_stream.errors import ProtocolError
from protipp_stream.model import Cursor

__all__ = ["polling"]

WAIT_S = 20.0
# 100 requests a minute are allowed; two clients of one subject stay below it
# only if each asks at most every 1.25 s.
INTERVAL_S = 1.25
# Every answer says where the gateway's audit trail stands; this is often enough to know.
HEARTBEAT_S = 30.0
# Room for the slowest answer: a long poll may take its whole wait.
TIMEOUT = httpx.Timeout(4.0, read=WAIT_S + 10.0)


async def polling(
    endpoint: Endpoint,
    resume: Cursor | None,
    wanted: Filter,
    clock: ClockOffset,
    max_hz: float | None = None,
) -> AsyncGenerator[Received, None]:
    """Yield frames until a poll fails; see `client.transports`."""
    interval_s = max(INTERVAL_S, 1 / max_hz) if max_hz else INTERVAL_S
    async with http_client(endpoint, TIMEOUT) as client:
        asked = time.monotonic()
        since = str(resume) if resume else None
        answer, arrived = await _ask(client, endpoint, _query(wanted, since))
        # Between two frames we rest, and then wait for news.
        silence_s = interval_s + WAIT_S
        yield Received(_connected(answer, silence_s), arrived)
        beat_due = arrived + HEARTBEAT_S
        async with asking(over_http(client, clock)):
            while True:
                for frame in _frames(answer):
                    yield Received(frame, arrived)
                if arrived >= beat_due:
                    beat_due = arrived + HEARTBEAT_S
                    beat = Heartbeat(answer.cursor, answer.sent_at, answer.checkpoint)
                    yield Received(beat, arrived)
                await asyncio.sleep(max(asked + interval_s - time.monotonic(), 0.0))
                asked = time.monotonic()
                query = _query(wanted, answer.cursor, answer)
                answer, arrived = await _ask(client, endpoint, query)


def _query(wanted: Filter, since: str | None, last: PollAnswer | None = None) -> Query:
    query = query_of(wanted)
    if since is not None:
        query.append(("since", since))
    if last is not None:
        query += [("wait", f"{WAIT_S:g}"), ("facts", last.facts_version)]
        query.append(("confirmations", last.confirmations))
    return query


async def _ask(
    client: httpx.AsyncClient, endpoint: Endpoint, query: Query
) -> tuple[PollAnswer, float]:
    """Return an answer, and when its last byte came."""
    response = await client.get(f"{API}/odds", params=query)
    arrived = now()
    if response.status_code != 200:
        retry_after = response.headers.get("retry-after")
        raise from_status(endpoint.base, response.status_code, retry_after, response.content)
    try:
        return decode_answer(response.content), arrived
    except msgspec.ValidationError as error:
        raise ProtocolError(f"The gateway's answer to a poll is malformed: {error}.") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        kind = response.headers.get("content-type", "nothing")
        raise not_a_gateway(endpoint.base, f"it sends {kind}, not our JSON") from None


def _connected(answer: PollAnswer, silence_s: float) -> Connected:
    cursor, checkpoint = answer.cursor, answer.checkpoint
    return Connected("polling", cursor, answer.mode, silence_s, None, checkpoint)


def _frames(answer: PollAnswer) -> Iterator[ServerFrame]:
    for source in answer.sources:
        yield Source(source)
    if answer.quotes is not None:
        yield Snapshot(answer.cursor, answer.quotes, answer.events)
    else:
        # Without rows too: it takes the cursor past what the filter left out.
        yield Updates(
            prev=answer.prev or answer.cursor,
            cursor=answer.cursor,
            conflated="patch" if answer.mode == "patch" else None,
            sent_at=answer.sent_at,
            updates=answer.updates or [],
            events=answer.events,
        )
    if answer.confirmed:
        yield Confirmed(answer.confirmed)
