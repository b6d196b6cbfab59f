"""What comes from outside never breaks in: it is read strictly or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protipp_stream.core.wire import (
    Connect,
    ErrorFrame,
    Ping,
    Refresh,
    decode_client_frame,
    decode_json,
    decode_server_frame,
    encode,
)
from protipp_stream.errors import ProtocolError

from .frames import (
    CLIENT,
    SERVER,
)

PING = '{"type":"ping","id":1,"t0":%s}'
REFUSED = {
    "no JSON": "{",
    "nothing": "",
    "trailing comma": '{"type":"ping","id":1,"t0":1,}',
    "two objects": '{"type":"ping","id":1,"t0":1} {}',
    "single quotes": "{'type':'ping','id':1,'t0':1}",
    "byte order mark": "\ufeff" + PING % 1,
    "an array": "[]",
    "a number": "1",
    "null": "null",
    "no type": '{"id":1,"t0":1}',
    "unknown type": '{"type":"snapshot","cursor":"e:1","quotes":[]}',
    "NaN": PING % "NaN",
    "Infinity": PING % "Infinity",
    "-Infinity": PING % "-Infinity",
    "infinity in digits": PING % "1e999",
    "a number as a string": PING % '"1"',
    "a boolean as a number": PING % "true",
    "null as a number": PING % "null",
    "a float as an integer": '{"type":"ping","id":1.5,"t0":1}',
    "a whole float as an integer": '{"type":"ping","id":1.0,"t0":1}',
    "a negative id": '{"type":"ping","id":-1,"t0":1}',
    "an id beyond 2**53": '{"type":"ping","id":9007199254740993,"t0":1}',
    "an id of 400 digits": '{"type":"ping","id":' + "9" * 400 + ',"t0":1}',
    "a time of 400 digits": PING % ("9" * 400),
    "a time of 5,000 digits": PING % ("9" * 5000),
    "duplicate type": '{"type":"ping","type":"ping","id":1,"t0":1}',
    "duplicate key": '{"type":"ping","id":1,"id":2,"t0":1}',
    "duplicate key, escaped": '{"type":"ping","id":1,"\\u0069d":2,"t0":1}',
    "duplicate key, nested": '{"type":"connect","filter":{"events":["a"],"events":[]}}',
    "unknown field": '{"type":"ping","id":1,"t0":1,"t1":2}',
    "unknown field, nested": '{"type":"connect","filter":{"sports":[]}}',
    "missing field": '{"type":"ping","id":1}',
    "names that are no list": '{"type":"subscribe","events":"a"}',
    "a name that is a number": '{"type":"subscribe","events":[1]}',
    "an empty name": '{"type":"subscribe","events":[""]}',
    "a name of 257": '{"type":"subscribe","events":["' + "a" * 257 + '"]}',
    "201 names": json.dumps({"type": "subscribe", "events": [str(n) for n in range(201)]}),
    "a token of 4,097": json.dumps({"type": "refresh", "token": "a" * 4097}),
    "a lone surrogate": '{"type":"refresh","token":"\ud800"}',
    "a lone surrogate, escaped": '{"type":"refresh","token":"\\ud800"}',
    "a lone surrogate as a cursor": '{"type":"connect","resume":"\\udc00"}',
    "a lone surrogate as a name": '{"type":"subscribe","events":["\\ud800"]}',
    "a lone surrogate as a key": '{"type":"refresh","token":"a","\\ud800":1}',
    "a raw line feed": '{"type":"refresh","token":"a\nb"}',
    "5,000 arrays": "[" * 5000 + "]" * 5000,
    "5,000 objects": '{"a":' * 5000 + "1" + "}" * 5000,
    "5,000 arrays, open": "[" * 5000,
    "a deep unknown field": '{"type":"ping","id":1,"t0":1,"x":' + "[" * 5000 + "]" * 5000 + "}",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_a_client_frame_that_is_not_quite_right_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="Malformed message"):
        decode_client_frame(text)
    with pytest.raises(ProtocolError, match="Malformed message"):
        decode_client_frame(text.encode("utf-8", "surrogatepass"))


def test_the_smallest_right_frame_is_taken() -> None:
    assert decode_client_frame(PING % 1) == Ping(1, 1.0)
    assert decode_client_frame(b'{"type":"connect"}') == Connect()
    assert decode_client_frame('{"type":"refresh","token":"\\ud83d\\ude00"}') == Refresh("😀")


@pytest.mark.parametrize("data", [b"\xff", b'{"type":"refresh","token":"\xff"}', b"\xc0\x80"])
def test_bytes_that_are_no_utf8_are_refused(data: bytes) -> None:
    for decode in (decode_client_frame, decode_server_frame):
        with pytest.raises(ProtocolError):
            decode(data)


def test_half_a_character_is_no_text_wherever_it_stands() -> None:
    for text in ('"\\ud800"', '["\\ud800"]', '{"a":"\\ud800"}', '{"\\ud800":1}', '[{"\\udfff":1}]'):
        with pytest.raises(ProtocolError, match="surrogates not allowed"):
            decode_json(text, Any)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def test_eight_levels_are_read_and_nine_are_not() -> None:
    assert decode_json(nested(8), Any) == [[[[[[[[]]]]]]]]
    with pytest.raises(ProtocolError, match="nested too deep"):
        decode_json(nested(9), Any)
    with pytest.raises(ProtocolError, match="nested too deep"):
        decode_json('{"a":' * 9 + "1" + "}" * 9, Any)


LINE_BREAKERS = ["\n", "\r", "\r\n", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("part", ["bookmakers", "events", "markets"])
@pytest.mark.parametrize("sign", LINE_BREAKERS, ids=ascii)
@pytest.mark.parametrize("place", ["{}b", "a{}b", "a{}"])
def test_a_name_with_a_control_character_is_refused(part: str, sign: str, place: str) -> None:
    name = place.format(sign)
    with pytest.raises(ProtocolError, match="matching regex"):
        decode_client_frame(json.dumps({"type": "subscribe", part: [name]}))
    with pytest.raises(ProtocolError, match="matching regex"):
        decode_client_frame(json.dumps({"type": "connect", "filter": {part: [name]}}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)
tags = [kind.__struct_config__.tag for kind in (*CLIENT, *SERVER)]
fields = sorted({name for kind in (*CLIENT, *SERVER) for name in kind.__struct_fields__})
almost_frames = st.builds(
    lambda tag, rest: {"type": tag, **rest},
    st.sampled_from(tags),
    st.dictionaries(st.sampled_from(fields), json_values, max_size=6),
)
broken = st.builds(
    lambda text, at, byte: text[: at % (len(text) + 1)] + byte + text[at % (len(text) + 1) :],
    (almost_frames | json_values).map(lambda value: json.dumps(value).encode()),
    st.integers(0, 500),
    st.binary(max_size=3),
)


@given(st.binary() | broken | st.text(st.characters()))
@example("\ud800")
@example('{"type":"refresh","token":"a","\\ud800":1}')
@example(b"\xef\xbb\xbf{}")
@example(b'{"type":"draining","retry_ms":' + b"9" * 5000 + b"}")
@example(b'{"type":"draining","retry_ms":1,"x":' + b"[" * 100_000)
def test_whatever_comes_raises_a_protocol_error_or_nothing(data: bytes | str) -> None:
    for decode in (decode_client_frame, decode_server_frame):
        try:
            frame = decode(data)
        except ProtocolError as error:
            # Its words go back in an error frame, so they have to be encodable.
            encode(ErrorFrame("malformed", str(error)))
        else:
            encode(frame)


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"heartbeat","cursor":"e:1","sent_at":"2026-08-04T18:00:00"}',  # no zone
        '{"type":"heartbeat","cursor":"e:1","sent_at":1}',
        '{"type":"draining","retry_ms":"1"}',
        '{"type":"connected","connection_id":"c","cursor":"e:1","mode":"x","heartbeat_s":1,"expires_in_s":1}',
        '{"type":"snapshot","cursor":"e:1","quotes":[{"odds":2.0}]}',
        '{"type":"ping","id":1,"t0":1}',
        "[" * 5000,
        "\ud800",
    ],
)
def test_a_server_frame_of_another_version_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(ProtocolError, match="compatible versions"):
        decode_server_frame(text)
