"""``/api/v1/odds``: poll it (GET), or publish quotes to it (POST)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from protipp_stream.core.backlog import Recovery
from protipp_stream.core.codes import CloseCode
from protipp_stream.core.filter import Filter
from protipp_stream.core.quarantine import quote_fault
from protipp_stream.core.strict_json import decode_json
from protipp_stream.core.wire import PollAnswer
from protipp_stream.errors import ProtocolError
from protipp_stream.gateway.audit import endpoint_of, requester_of
from protipp_stream.gateway.guard import Refusal, json_response
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.routes.context import body_of, context_of, filter_of, require
from protipp_stream.model import Batch, Cursor, Event, Quote, RealTimeConnection

__all__ = ["poll", "publish"]

MAX_REASON = 200
MAX_DIGITS = 18
# Whoever polls asks every second or so: one record a minute says that it does.
POLLS_WITHIN_S = 60.0


async def poll(request: Request) -> Response:
    """Answer "what happened since?", at once or as soon as something does."""
    require(request, "odds:read")
    hub = context_of(request).hub
    wanted = filter_of(request.query_params)
    since = Cursor.parse(request.query_params.get("since"))
    wait_s = _wait_of(request.query_params.get("wait"), hub.settings.long_poll_s)
    hub.audit.record(
        "polled",
        by=requester_of(request.scope),
        endpoint=endpoint_of(request.scope),
        within_s=POLLS_WITHIN_S,
    )
    known = _count_of(request.query_params.get("facts"), hub.facts_version)
    confirmations = _count_of(request.query_params.get("confirmations"), hub.book.confirmations)
    recovery = await _recover(hub, since, wanted, known, wait_s)
    confirmed = hub.book.confirmed_since(confirmations, wanted)
    # A board is another one, too, when its prices were said again.
    said = hub.book.confirmations if recovery.since is None else len(confirmed)
    etag = f'"{recovery.cursor}.{hub.facts_version}.{said}"'
    knows_it_all = since is None or (recovery.cursor == since and not confirmed)
    if knows_it_all and request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "no-store"})
    answer = _answer(hub, wanted, recovery)
    if answer.cursor != str(recovery.cursor):
        # More is to come: what was said again must not overtake what has changed.
        answer = msgspec.structs.replace(answer, confirmations=confirmations)
    elif recovery.since is not None:
        answer = msgspec.structs.replace(answer, confirmed=confirmed)
    return json_response(answer, headers={"ETag": etag})


def _count_of(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) <= MAX_DIGITS else default


async def _recover(
    hub: Hub, since: Cursor | None, wanted: Filter, facts: int, wait_s: float
) -> Recovery:
    """Answer as soon as there is something for this filter, or the wait is over."""
    deadline = asyncio.get_running_loop().time() + wait_s
    recovery = hub.recover(since, wanted)
    while recovery.mode == "replay" and not recovery.updates and hub.facts_version == facts:
        left_s = deadline - asyncio.get_running_loop().time()
        if left_s <= 0 or hub.is_draining:
            break
        await hub.wait_for_news(recovery.cursor.seq, facts, left_s)
        # From where nothing was found: not all of the stretch again at every news.
        recovery = hub.recover(recovery.cursor, wanted)
    if recovery.since is None or since is None:
        return recovery
    return msgspec.structs.replace(recovery, since=since)


def _answer(hub: Hub, wanted: Filter, recovery: Recovery) -> PollAnswer:
    sources = hub.connections
    sent_at = hub.clock.wall()
    if recovery.since is None:
        return PollAnswer(
            cursor=str(recovery.cursor),
            mode=recovery.mode,
            sent_at=sent_at,
            quotes=recovery.quotes,
            events=hub.log.events(wanted),
            sources=sources,
            facts_version=hub.facts_version,
            confirmations=hub.book.confirmations,
            checkpoint=hub.checkpoint,
        )
    rows, cursor = recovery.updates, recovery.cursor
    limit = hub.settings.poll_rows
    if recovery.mode == "replay" and len(rows) > limit:
        rows = rows[:limit]
        cursor = Cursor(cursor.epoch, rows[-1].seq)
    return PollAnswer(
        cursor=str(cursor),
        mode=recovery.mode,
        sent_at=sent_at,
        prev=str(recovery.since),
        updates=rows,
        # One further where it is level: an event may be new without a price of it.
        events=hub.log.events(wanted, recovery.since.seq, cursor.seq + (cursor == hub.cursor)),
        sources=sources,
        facts_version=hub.facts_version,
        confirmations=hub.book.confirmations,
        checkpoint=hub.checkpoint,
    )


def _wait_of(text: str | None, longest: float) -> float:
    try:
        wait = float(text) if text else 0.0
    except ValueError:
        wait = -1.0
    if not wait >= 0:
        message = f"wait must be 0 to {longest:g} seconds"
        raise Refusal(400, "wait", int(CloseCode.MALFORMED), message)
    return min(wait, longest)


class _Publication(msgspec.Struct, forbid_unknown_fields=True):
    quotes: list[Any]
    events: list[Event] = []


async def publish(request: Request) -> Response:
    """Take quotes from any process, in any language.

    One bad quote does not lose the others: it comes back with its place in the
    list and the reason, and the rest is taken.
    """
    require(request, "odds:publish")
    hub = context_of(request).hub
    received_at, arrived = hub.clock.wall(), hub.clock.monotonic()
    body = await body_of(request, hub.settings.body_bytes)
    try:
        publication: _Publication = decode_json(body, _Publication)
    except ProtocolError as error:
        raise Refusal(422, "publish_malformed", int(CloseCode.MALFORMED), str(error)) from None
    quotes: list[Quote] = []  # in their order: what comes later replaces what came before
    faults: list[dict[str, str | int]] = []
    for index, raw in enumerate(publication.quotes):
        try:
            quote = _quote(raw)
        except msgspec.ValidationError as error:
            faults.append({"index": index, "reason": str(error)[:MAX_REASON]})
            quotes += _withdrawal(raw)
            continue
        if fault := quote_fault(quote, received_at):
            faults.append({"index": index, "reason": fault})
            quotes += _withdrawal(raw)
        else:
            quotes.append(quote)
    if faults:
        hub.intake.quarantine("published", len(faults))
    accepted = len(publication.quotes) - len(faults)
    batch = Batch(quotes, received_at, arrived, publication.events)
    updates = hub.take_sound(batch, "publish")
    before = hub.sources.get("publish")
    hub.report(
        RealTimeConnection(
            id="publish",
            bookmaker_id="publishers",
            connection_type="publish",
            status="connected",
            detail="live",
            last_heartbeat=received_at,
            last_update=received_at if updates else (before.last_update if before else None),
            error_count=hub.intake.quarantined["published"],
            last_error=f"quarantined: {faults[-1]['reason']}" if faults else None,
        ),
        # Every request is a sign of life; one a second says it to everyone.
        pause_s=1.0,
    )
    hub.heard("publish", hub.settings.stale_after_s)
    hub.audit.record(
        "published",
        by=requester_of(request.scope),
        endpoint=endpoint_of(request.scope),
        accepted=accepted,
        updates=updates,
        quarantined=len(faults),
    )
    return json_response(
        {
            "accepted": accepted,
            "updates": updates,
            "cursor": str(hub.cursor),
            "quarantined": faults,
        }
    )


def _withdrawal(raw: Any) -> list[Quote]:
    """Withdraw the price that a bad one would have replaced: nobody says it any more."""
    try:
        names = {name: raw[name] for name in ("bookmaker_id", "event_id", "market", "outcome")}
        return [msgspec.convert(names | {"odds": None}, Quote)]
    except (msgspec.ValidationError, KeyError, TypeError):
        return []  # of nothing that has a name


def _quote(raw: Any) -> Quote:
    quote = msgspec.convert(raw, Quote)
    for name in ("timestamp", "confirmed_at"):
        if getattr(quote, name) is not None:
            raise msgspec.ValidationError(f"`{name}` is the gateway's to set; leave it out")
    return quote
