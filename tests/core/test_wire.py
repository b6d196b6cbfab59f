"""Frames to bytes and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core import wire
from protipp_stream.core.backlog import Recovery
from protipp_stream.core.wire import (
    ClientFrame,
    Draining,
    Heartbeat,
    PollAnswer,
    ServerFrame,
    Snapshot,
    TimeAnswer,
    Updates,
    decode_client_frame,
    decode_server_frame,
    encode,
    updates_frame,
)
from protipp_stream.model import (
    Cursor,
    Event,
    OddsUpdate,
    Quote,
)

from .frames import (
    CLIENT,
    SERVER,
    connections,
    counts,
    cursor_texts,
    cursors,
    few,
    fixtures,
    instants,
    modes,
    numbers,
    quotes,
    texts,
    updates,
)


def test_every_frame_kind_is_drawn_here() -> None:
    assert set(CLIENT) == set(get_args(ClientFrame))
    assert set(SERVER) == set(get_args(ServerFrame))


@pytest.mark.parametrize("kind", CLIENT)
def test_a_client_frame_comes_back_as_it_went(kind: type) -> None:
    @given(CLIENT[kind])
    def there_and_back(frame: Any) -> None:
        assert decode_client_frame(encode(frame)) == frame
        assert decode_client_frame(encode(frame).decode()) == frame

    there_and_back()


@pytest.mark.parametrize("kind", SERVER)
def test_a_server_frame_comes_back_as_it_went(kind: type) -> None:
    @given(SERVER[kind])
    def there_and_back(frame: Any) -> None:
        assert decode_server_frame(encode(frame)) == frame

    there_and_back()


@given(
    st.builds(
        PollAnswer,
        cursor_texts,
        modes,
        instants,
        st.none() | cursor_texts,
        st.none() | few(updates),
        st.none() | few(quotes),
        few(fixtures),
        few(connections),
        facts_version=counts,
    )
)
def test_an_answer_to_a_poll_comes_back_as_it_went(answer: PollAnswer) -> None:
    assert msgspec.json.decode(encode(answer), type=PollAnswer) == answer


@given(st.builds(TimeAnswer, numbers, numbers))
def test_an_answer_about_the_time_comes_back_as_it_went(answer: TimeAnswer) -> None:
    assert msgspec.json.decode(encode(answer), type=TimeAnswer) == answer


@given(cursors, cursors, few(updates), instants, st.none() | texts, few(fixtures))
def test_a_frame_around_encoded_rows_has_the_bytes_of_the_encoded_frame(
    prev: Cursor,
    cursor: Cursor,
    rows: list[OddsUpdate],
    sent_at: datetime,
    conflated: str | None,
    described: list[Event],
) -> None:
    whole = encode(Updates(str(prev), str(cursor), conflated, sent_at, rows, described))
    built = updates_frame(
        prev,
        cursor,
        wire.encode_updates(rows),
        sent_at,
        conflated=conflated,
        events=described,
    )
    assert built == whole


@given(cursors, few(quotes), few(fixtures))
def test_a_recovery_becomes_a_snapshot_frame(
    cursor: Cursor, board: list[Quote], described: list[Event]
) -> None:
    recovery = Recovery("snapshot", cursor, None, [], board)
    frame = decode_server_frame(wire.snapshot_frame(recovery, described))
    assert frame == Snapshot(str(cursor), board, described)


def test_what_curl_shows_is_what_the_protocol_says() -> None:
    beat = Heartbeat("e:7", datetime(2026, 8, 4, 18, 0, 0, 250, UTC))
    assert json.loads(encode(beat)) == {
        "type": "heartbeat",
        "cursor": "e:7",
        "sent_at": "2026-08-04T18:00:00.000250Z",
    }


def test_a_gateway_may_say_more_than_a_client_knows() -> None:
    assert decode_server_frame(b'{"type":"draining","retry_ms":5,"new":[1]}') == Draining(5)


def test_times_of_another_zone_keep_their_instant() -> None:
    frame = decode_server_frame(
        b'{"type":"heartbeat","cursor":"e:1","sent_at":"2026-08-04T20:00:00+02:00"}'
    )
    assert isinstance(frame, Heartbeat)
    assert frame.sent_at == datetime(2026, 8, 4, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "frame", [wire.Connect(token="canary", ticket="canary"), wire.Refresh("canary")]
)
def test_a_secret_stands_in_no_repr(frame: wire.ClientFrame) -> None:
    assert "canary" not in repr(frame)
    assert "canary" not in str(frame)
    assert "canary" in wire.encode(frame).decode()
