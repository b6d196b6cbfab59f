"""A ticket is told to who asked for it, and stands nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from protipp_stream.core.wire import Connect, decode_client_frame
from protipp_stream.gateway import Gateway, Settings
from protipp_stream.gateway.tickets import Tickets
from tests.gateway.pages import (
    FOREIGN,
    ORIGINS,
    OTHER,
    PAGE,
    dial,
    introduce,
    read,
    stream,
    ticket_for,
)
from tests.scripted import HandClock

OUR_OWN_TEST_CLIENTS = ("httpx", "httpcore", "websockets.client", "asyncio")


async def test_a_ticket_stands_in_no_log_audit_answer_or_repr(
    start: Callable[..., Gateway],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stores: list[Tickets] = []

    class Watched(Tickets):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            stores.append(self)

    monkeypatch.setattr("protipp_stream.gateway.routes.Tickets", Watched)
    clock = HandClock()
    gateway = start(settings=Settings(allowed_origins=ORIGINS), clock=clock)
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "protipp_stream")
    shown: list[str] = []
    said: list[str] = []

    def fresh(origin: str = PAGE) -> str:
        shown.append(ticket_for(gateway, origin))
        return shown[-1]

    for origin in (PAGE, OTHER, None, FOREIGN):
        said.append(stream(gateway, fresh(), origin).headers.__repr__())
        said.append(stream(gateway, shown[-1], PAGE).headers.__repr__())
        try:
            said.append(repr(await introduce(gateway, origin, ticket=fresh())))
            said.append(repr(await introduce(gateway, origin, ticket=shown[-1], token="x")))
            async with dial(gateway, f"?ticket={fresh()}", origin) as socket:
                said.append(str(await socket.recv()))
        except (InvalidStatus, ConnectionClosed) as refused:
            said.append(str(refused))
    for text in (
        '{"type":"connect","ticket":"%s","tickt":1}',
        '{"type":"connect","ticket":"%s"',
        '{"type":"connect","ticket":"%s' + "x" * 200 + '"}',
    ):
        async with dial(gateway) as socket:
            await socket.send(text % fresh())
            said.append(str(await socket.recv()))
    token = gateway.token(scopes=["status:read"])
    for path in ("/api/v1/realtime/status", "/metrics", f"/api/v1/odds?ticket={fresh()}"):
        said.append(read(gateway, path, token))
    clock.advance(40)
    stream(gateway, shown[0])
    waiting = fresh()
    said.append(repr(gateway) + repr(gateway.hub.audit.counts) + repr(vars(gateway.hub)))
    [store] = stores
    assert len(store) == 1
    said.append(repr(store) + repr(vars(store)))

    logged = [
        record.getMessage() + repr(record.args) + str(record.exc_text)
        for record in caplog.records
        if not record.name.startswith(OUR_OWN_TEST_CLIENTS)
    ]
    assert any("ticket_used" in line for line in logged), "the positive control"
    assert any("ticket_without_origin" in line for line in logged)
    for ticket in (*shown, waiting):
        assert not any(ticket in line for line in logged)
        assert not any(ticket in line for line in said)


def test_a_first_frame_shows_no_secret_when_it_is_printed() -> None:
    frame = decode_client_frame(
        b'{"type":"connect","token":"a token","ticket":"a ticket","resume":"e:1"}'
    )
    assert isinstance(frame, Connect)
    assert (frame.token, frame.ticket) == ("a token", "a ticket")
    for printed in (repr(frame), str(frame), f"{[frame]}", repr(frame.__rich_repr__())):
        assert "a t" not in printed
        assert "e:1" in printed
