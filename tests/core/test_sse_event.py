"""A frame is one server-sent event, and no field forges another."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.wire import (
    decode_server_frame,
    encode,
    sse_event,
)

from .frames import (
    SERVER,
    cursor_texts,
    texts,
)


def events_of(stream: bytes) -> list[dict[str, str]]:
    """Read a stream as the WHATWG's standard says, 9.2.6."""
    found, current = [], {}
    for line in re.split("\r\n|\r|\n", stream.decode()):
        if line:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            current[field] = f"{current[field]}\n{value}" if field in current else value
        elif current:
            found.append(current)
            current = {}
    return found


@pytest.mark.parametrize("kind", SERVER)
def test_a_frame_is_one_server_sent_event(kind: type) -> None:
    @given(SERVER[kind], st.none() | cursor_texts)
    def wrapped(frame: Any, cursor: str | None) -> None:
        name = kind.__struct_config__.tag
        [event] = events_of(sse_event(name, encode(frame), cursor))
        assert decode_server_frame(event.pop("data")) == frame
        assert event == ({"event": name} if cursor is None else {"event": name, "id": cursor})

    wrapped()


@given(texts, st.none() | texts)
def test_name_and_cursor_forge_no_event(name: str, cursor: str | None) -> None:
    if re.search("[\r\n]", name + (cursor or "")):
        with pytest.raises(ValueError, match="line break"):
            sse_event(name, b"{}", cursor)
        return
    [event] = events_of(sse_event(name, b"{}", cursor))
    assert (event["event"], event.get("id"), event["data"]) == (name, cursor, "{}")


@pytest.mark.parametrize("sign", ["\n", "\r", "\r\n"], ids=ascii)
@pytest.mark.parametrize("place", ["{}", "a{}", "{}a", "a{}data: forged"])
def test_a_line_break_in_an_sse_field_is_refused(sign: str, place: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        sse_event(place.format(sign), b"{}")
    with pytest.raises(ValueError, match="line break"):
        sse_event("updates", b"{}", place.format(sign))
