"""Frames and answers from bytes, the quick way: names are checked once a frame, not one by one.

Four names an update, each held against a pattern, take three quarters of the time
that decoding takes. What the pattern refuses can't be written without certain
bytes, and to look for those costs next to nothing. A frame without them is decoded
without the pattern; with any of them, or with anything else that is odd, it goes
the way of `core.wire`, which decides. So both accept and refuse the same frames.
The same holds for the answer to a poll, which has the same rows.

Names come again and again, and a whole batch has one time of receipt. Updates share
these objects, which makes each a third smaller and most comparisons one of addresses.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec.structs import astuple, fields

from protipp_stream.core.wire import PollAnswer, ServerFrame, Updates, decode_server_frame
from protipp_stream.model import MAX_NAME_LENGTH, Instant, Name, OddsUpdate

__all__ = ["decode", "decode_answer"]

# A name as `model.Name` has it, without the pattern.
_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_LENGTH)]


def _like(kind: type[msgspec.Struct], relaxed: dict[Any, Any], **options: Any) -> Any:
    """Make a struct like ``kind``, whatever fields it may get, with other types."""
    made = [
        (field.name, relaxed.get(field.type, field.type))
        if field.required
        else (field.name, relaxed.get(field.type, field.type), _default(field))
        for field in fields(kind)
    ]
    return msgspec.defstruct(f"_{kind.__name__}", made, gc=False, **options)


def _default(field: Any) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return msgspec.field(default_factory=field.default_factory)


_Row: Any = _like(OddsUpdate, {Name: _Label, Instant: str})
_Frame: Any = _like(Updates, {list[OddsUpdate]: list[_Row]}, tag_field="type", tag="updates")
_Answer: Any = _like(PollAnswer, {list[OddsUpdate] | None: list[_Row] | None})
_frames = msgspec.json.Decoder(_Frame)
_answers = msgspec.json.Decoder(_Answer)
_strict_answers = msgspec.json.Decoder(PollAnswer)
_HEAD = b'{"type":"updates",'
MAX_SHARED = 20_000


class _Names(dict[str, str]):
    """Gives for equal names always the same one."""

    def __missing__(self, name: str) -> str:
        # A peer that invents names all day long must not fill our memory.
        if len(self) >= MAX_SHARED:
            self.clear()
        self[name] = name
        return name


class _Times(dict[str, datetime]):
    """Gives for equal texts always the same time, by the rules of JSON."""

    def __missing__(self, text: str) -> datetime:
        if len(self) >= MAX_SHARED:
            self.clear()
        time: datetime = msgspec.convert(text, Instant)
        self[text] = time
        return time


_names, _times = _Names(), _Times()


def decode(data: bytes) -> ServerFrame:
    """Read a frame from a gateway, as `core.wire.decode_server_frame` does.

    Raises
    ------
    ProtocolError
        If it is none of version 1.
    """
    if data.startswith(_HEAD) and _is_plain(data):
        try:
            frame = _frames.decode(data)
            frame.updates = _updates_of(frame.updates)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return decode_server_frame(data)  # which says what is wrong
        return Updates(*astuple(frame))
    return decode_server_frame(data)


def decode_answer(data: bytes) -> PollAnswer:
    """Read the answer to a poll.

    Raises
    ------
    msgspec.DecodeError, UnicodeError, RecursionError
        If it is no JSON.
    msgspec.ValidationError
        If it is none of version 1.
    """
    if _is_plain(data):
        try:
            answer = _answers.decode(data)
            if answer.updates is not None:
                answer.updates = _updates_of(answer.updates)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return _strict_answers.decode(data)  # which says what is wrong
        return PollAnswer(*astuple(answer))
    return _strict_answers.decode(data)


def _updates_of(rows: list[Any]) -> list[OddsUpdate]:
    # In the order of the fields: by their names it would take half as long again.
    names, times = _names, _times
    return [
        OddsUpdate(
            row.id,
            names[row.bookmaker_id],
            names[row.event_id],
            names[row.market],
            names[row.outcome],
            row.old_odds,
            row.new_odds,
            times[row.timestamp],
            row.source_timestamp,
            row.latency_ms,
            row.is_significant,
            row.reason,
            row.commission,
        )
        for row in rows
    ]


def _is_plain(data: bytes) -> bool:
    r"""Whether no string in it can have a character that `model.NAME_PATTERN` refuses.

    JSON lets a control character below U+0020 be written as an escape only, and a
    lone surrogate too. The others are in UTF-8: 7f; c2 80 to c2 9f; e2 80 a8 and
    e2 80 a9. None of these first bytes can be a later byte of another character.
    """
    if b"\\" in data or b"\x7f" in data:
        return False
    return data.isascii() or (b"\xc2" not in data and b"\xe2\x80" not in data)
