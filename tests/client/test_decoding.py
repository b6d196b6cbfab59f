"""The quick decoder and the strict one accept and refuse the same frames, and read the same."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protipp_stream.client import decoding
from protipp_stream.client.decoding import decode, decode_answer
from protipp_stream.core import wire
from protipp_stream.errors import ProtocolError
from protipp_stream.model import OddsUpdate, Quote
from tests.core.frames import SERVER, updates


def read(decoder: Any, data: bytes) -> Any:
    try:
        return decoder(data)
    except ProtocolError as error:
        return str(error)


def same(data: bytes) -> Any:
    found = read(decode, data)
    assert found == read(wire.decode_server_frame, data)
    return found


def same_answer(data: bytes) -> Any:
    """Hold `decode_answer` against msgspec's own, which says the same in the same words."""

    def told(decoder: Any) -> Any:
        try:
            return decoder(data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            return type(error), str(error)

    found = told(decode_answer)
    assert found == told(msgspec.json.Decoder(wire.PollAnswer).decode)
    return found


# What a pattern may refuse or let pass, at its edges: controls, C1, line separators,
# surrogates (as JSON escapes), quotes and the neighbours of each.
EDGES = [
    *range(0x20), 0x20, 0x22, 0x2F, 0x5C, 0x7E, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2,
    0xE2, 0x2027, 0x2028, 0x2029, 0x202A, 0x2019, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF,
]  # fmt: skip
odd_names = st.text(st.sampled_from([chr(code) for code in EDGES]) | st.characters(), max_size=6)
long_names = st.integers(255, 258).map(lambda length: "é" * length)
any_name = odd_names | long_names | st.just("Blues")
TIMES = [
    "2026-08-04T18:00:00Z", "2026-08-04t18:00:00.1234567z", "2026-08-04T20:00:00+02:00",
    "2026-08-04 18:00:00Z", "2026-08-04T18:00:00", "2026-08-04T24:00:00Z", "2026-08-04T18:00Z",
    "2026-02-30T18:00:00Z", "9999-12-31T23:59:60Z", "0001-01-01T00:00:00+23:59", "", "now",
    "1785866400", 1785866400, 1785866400.5, None, True, [],
]  # fmt: skip
times = st.sampled_from(TIMES) | st.text("0123456789-:T.Zz+ ", max_size=30)
rows = st.fixed_dictionaries(
    {
        "id": st.just("e:1") | odd_names,
        "bookmaker_id": any_name,
        "event_id": any_name,
        "market": any_name,
        "outcome": any_name,
        "old_odds": st.sampled_from([None, 1.0, 1.5, 2, 1e7, "2"]),
        "new_odds": st.sampled_from([None, 2.5, True]),
        "timestamp": times,
        "source_timestamp": st.none(),
        "latency_ms": st.sampled_from([0.5, 1, None]),
        "is_significant": st.booleans(),
    },
    optional={"reason": st.none() | odd_names, "unknown": odd_names},
)
sound_rows = updates.map(msgspec.to_builtins)
drawn_frames = st.fixed_dictionaries(
    {
        "type": st.just("updates") | st.sampled_from(["heartbeat", "nonsense"]),
        "prev": st.just("e:0") | odd_names,
        "cursor": st.just("e:1"),
        "conflated": st.none() | odd_names,
        "sent_at": st.just("2026-08-04T18:00:00.000001Z"),
        "updates": st.lists(sound_rows | rows, max_size=2),
    },
    optional={
        "events": st.lists(
            st.fixed_dictionaries({"event_id": any_name, "name": any_name, "sport": any_name}),
            max_size=1,
        )
    },
)


@given(drawn_frames, st.booleans(), st.booleans())
def test_both_decoders_read_the_same_or_refuse_for_the_same_reason(
    frame: dict[str, Any], ascii_only: bool, spaced: bool
) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    text = json.dumps(frame, ensure_ascii=ascii_only, separators=separators)
    same(text.encode("utf-8", "surrogatepass"))


@given(drawn_frames, st.booleans())
def test_an_answer_to_a_poll_is_judged_alike_too(frame: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps({"mode": "replay"} | frame, ensure_ascii=ascii_only)
    same_answer(text.encode("utf-8", "surrogatepass"))


FRAME = (
    b'{"type":"updates","prev":"e:0","cursor":"e:1","conflated":null,'
    b'"sent_at":"2026-08-04T18:00:00Z","updates":[{"id":"e:1","bookmaker_id":"acme",'
    b'"event_id":"match","market":"h2h","outcome":"NAME","old_odds":null,"new_odds":2.0,'
    b'"timestamp":"2026-08-04T18:00:00Z","source_timestamp":null,"latency_ms":0.0,'
    b'"is_significant":false}]}'
)


def test_no_character_gets_past_the_quick_decoder_that_the_pattern_refuses() -> None:
    for code in (*range(0xD800), *range(0xE000, 0x10000), 0x10000, 0x10FFFF):
        if code not in (0x22, 0x5C):  # these end a string, or begin an escape
            same(FRAME.replace(b"NAME", b"a" + chr(code).encode() + b"b"))
    for code in range(0x10000):
        same(FRAME.replace(b"NAME", b"\\u%04x" % code))


@given(st.binary(max_size=8))
@example(b"\xed\xa0\x80")
@example(b"\xc2")
@example(b"\xe2\x80")
@example(b'","outcome":"a')
@example(b"\\n")
def test_whatever_bytes_stand_for_a_name_both_judge_them_alike(name: bytes) -> None:
    same(FRAME.replace(b"NAME", name))


@pytest.mark.parametrize("time", TIMES, ids=repr)
def test_both_decoders_read_the_same_times(time: Any) -> None:
    for field in (b"timestamp", b"source_timestamp", b"sent_at"):
        was = b'"%s":null' if field == b"source_timestamp" else b'"%s":"2026-08-04T18:00:00Z"'
        assert FRAME.count(was % field) == 1
        same(FRAME.replace(was % field, b'"%s":%s' % (field, json.dumps(time).encode())))


@given(st.integers(0, len(FRAME) - 1), st.binary(max_size=3))
def test_a_frame_that_is_damaged_anywhere_is_judged_alike(place: int, put: bytes) -> None:
    same(FRAME[:place] + put + FRAME[place + 1 :])


@given(st.one_of(list(SERVER.values())))
def test_every_frame_that_a_gateway_writes_is_read(frame: Any) -> None:
    assert same(wire.encode(frame)) == frame


def test_the_quick_way_is_really_taken_and_gives_the_models_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoding, "decode_server_frame", None)
    for name in ("Blues", "Atlético", "Köln", "Ōita"):
        frame = decode(FRAME.replace(b"NAME", name.encode()))
        assert type(frame) is wire.Updates
        [update] = frame.updates
        assert type(update) is OddsUpdate
        assert update.quote == Quote("acme", "match", "h2h", name, 2.0, None, update.timestamp)


ANSWER = FRAME.replace(b'{"type":"updates"', b'{"mode":"replay"')


def test_the_quick_way_is_taken_for_answers_to_polls_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_strict_answers", None)
    answers = [decode_answer(ANSWER.replace(b"NAME", "Köln".encode())) for _ in range(2)]
    first, second = ([*(answer.updates or [])] for answer in answers)
    assert type(answers[0]) is wire.PollAnswer
    assert type(first[0]) is OddsUpdate
    assert first == second
    assert first[0].outcome == "Köln"
    assert first[0].outcome is second[0].outcome
    snapshot = wire.PollAnswer("e:1", "snapshot", first[0].timestamp, quotes=[first[0].quote])
    assert decode_answer(wire.encode(snapshot)) == snapshot


@given(st.integers(0, len(ANSWER) - 1), st.binary(max_size=3))
@example(0, b"[" * 3)
def test_an_answer_that_is_damaged_anywhere_is_judged_alike(place: int, put: bytes) -> None:
    same_answer(ANSWER[:place] + put + ANSWER[place + 1 :])


def test_a_name_that_the_pattern_refuses_is_refused_in_an_answer() -> None:
    for name in (b"a\\nb", b"a\x7fb", b"a\xe2\x80\xa8b", b"", b"a\xc2\x85"):
        kind, _ = same_answer(ANSWER.replace(b"NAME", name))
        assert issubclass(kind, msgspec.ValidationError)


def test_an_answer_that_is_nested_without_end_is_refused() -> None:
    kind, _ = same_answer(b'{"mode":' + b"[" * 100_000)
    assert issubclass(kind, msgspec.DecodeError)
    kind, _ = same_answer(b'{"x":' + b"[" * 100_000)
    assert kind is RecursionError


def test_equal_names_are_one_and_invented_ones_do_not_pile_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoding, "MAX_SHARED", 10)
    first, second = (decode(FRAME) for _ in range(2))
    assert isinstance(first, wire.Updates)
    assert isinstance(second, wire.Updates)
    assert first.updates[0].outcome is second.updates[0].outcome
    assert first.updates[0].timestamp is second.updates[0].timestamp
    for number in range(100):
        frame = decode(FRAME.replace(b"NAME", b"invented %d" % number))
        assert isinstance(frame, wire.Updates)
        assert frame.updates[0].outcome == f"invented {number}"
        assert len(decoding._names) <= 10
        at = b"2026-08-04T18:00:00.%06dZ" % number
        frame = decode(
            FRAME.replace(b'"timestamp":"2026-08-04T18:00:00Z"', b'"timestamp":"%s"' % at)
        )
        assert isinstance(frame, wire.Updates)
        assert frame.updates[0].timestamp.microsecond == number
        assert len(decoding._times) <= 10
