"""The nouns refuse at the border what can't be, and say what they hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.model import (
    Cursor,
    Event,
    OddsUpdate,
    Quote,
    RealTimeConnection,
    Selection,
)

NOON = datetime(2026, 8, 4, 12, 0, tzinfo=UTC)
QUOTE: dict[str, Any] = {
    "bookmaker_id": "fanduel",
    "event_id": "phillies",
    "market": "h2h",
    "outcome": "home",
    "odds": 1.91,
}
UPDATE: dict[str, Any] = {
    "id": "e:7",
    "bookmaker_id": "fanduel",
    "event_id": "phillies",
    "market": "h2h",
    "outcome": "home",
    "old_odds": None,
    "new_odds": 1.91,
    "timestamp": "2026-08-04T12:00:00Z",
    "source_timestamp": None,
    "latency_ms": 0.5,
    "is_significant": False,
}
EVENT: dict[str, Any] = {
    "event_id": "phillies",
    "name": "Nationals @ Phillies",
    "sport": "baseball_mlb",
    "home": "Phillies",
    "away": "Nationals",
}


def decoded(kind: Any, fields: dict[str, Any]) -> Any:
    return msgspec.json.decode(json.dumps(fields), type=kind)


# ------------------------------------------------------------------- cursors


@given(
    st.from_regex(r"[0-9A-Za-z_-]{1,64}", fullmatch=True),
    st.integers(0, 10**18 - 1),
)
def test_a_cursor_is_read_as_it_is_written(epoch: str, seq: int) -> None:
    assert Cursor.parse(str(Cursor(epoch, seq))) == Cursor(epoch, seq)


@given(st.text() | st.text("eE:-+_0123456789 \n\u0663", max_size=8))
def test_a_cursor_has_one_spelling_and_nothing_raises(text: str) -> None:
    cursor = Cursor.parse(text)
    assert cursor is None or str(cursor) == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        ":",
        "e",
        "e:",
        ":1",
        "e:-1",
        "e:+1",
        "e:01",
        "e:1.0",
        "e:1 ",
        " e:1",
        "e:1\n",
        "e:\u0661",
        "e:1\u0660",
        "é:1",
        "e f:1",
        "e:1:2",
        "e" * 65 + ":1",
        "e:" + "1" * 19,
        "e:" + "1" * 5000,
    ],
)
def test_what_is_no_cursor_is_none(text: str | None) -> None:
    assert Cursor.parse(text) is None


# -------------------------------------------------------------------- borders

SIGNS = ["\n", "\r", "\r\n", "\0", "\t", "\x1b", "\x7f", "\x85", "\x9f", "\u2028", "\u2029"]
NAMES = [
    *((Quote, QUOTE, part) for part in ("bookmaker_id", "event_id", "market", "outcome")),
    *((OddsUpdate, UPDATE, part) for part in ("bookmaker_id", "event_id", "market", "outcome")),
    *((Event, EVENT, part) for part in ("event_id", "name", "sport", "home", "away")),
]


@pytest.mark.parametrize(("kind", "sound", "part"), NAMES)
@pytest.mark.parametrize("sign", SIGNS, ids=ascii)
def test_a_name_with_a_line_break_or_control_character_is_refused(
    kind: Any, sound: dict[str, Any], part: str, sign: str
) -> None:
    assert decoded(kind, sound)
    for name in (sign, f"{sign}a", f"a{sign}b", f"a{sign}"):
        with pytest.raises(msgspec.ValidationError, match="matching regex"):
            decoded(kind, {**sound, part: name})


@pytest.mark.parametrize(("kind", "sound", "part"), NAMES)
def test_a_name_has_1_to_256_characters(kind: Any, sound: dict[str, Any], part: str) -> None:
    assert getattr(decoded(kind, {**sound, part: "ß" * 256}), part) == "ß" * 256
    for name in ("", "a" * 257, 7, ["a"]):
        with pytest.raises(msgspec.ValidationError):
            decoded(kind, {**sound, part: name})


PRICES = [
    (Quote, QUOTE, "odds"),
    (OddsUpdate, UPDATE, "old_odds"),
    (OddsUpdate, UPDATE, "new_odds"),
]


@pytest.mark.parametrize(("kind", "sound", "part"), PRICES)
def test_odds_are_above_one_and_at_most_a_million(
    kind: Any, sound: dict[str, Any], part: str
) -> None:
    for odds in (None, 1.0000001, 2, 1e6):
        assert getattr(decoded(kind, {**sound, part: odds}), part) == odds
    for wrong in (1.0, 1, 0, -2.0, 1e6 + 1, "2.0", True, [2.0]):
        with pytest.raises(msgspec.ValidationError):
            decoded(kind, {**sound, part: wrong})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "01.5", "0x2"])
def test_odds_that_are_no_json_number_are_refused(number: str) -> None:
    text = json.dumps(QUOTE).replace("1.91", number)
    with pytest.raises(msgspec.MsgspecError):
        msgspec.json.decode(text, type=Quote)


@pytest.mark.parametrize(
    ("kind", "sound", "part"),
    [
        (Quote, QUOTE, "source_timestamp"),
        (Quote, QUOTE, "timestamp"),
        (OddsUpdate, UPDATE, "timestamp"),
        (OddsUpdate, UPDATE, "source_timestamp"),
        (Event, EVENT, "starts_at"),
    ],
)
def test_a_time_needs_its_zone(kind: Any, sound: dict[str, Any], part: str) -> None:
    east = decoded(kind, {**sound, part: "2026-08-04T14:00:00+02:00"})
    assert getattr(east, part) == NOON
    for wrong in ("2026-08-04T12:00:00", "2026-08-04", "noon", 1_785_844_800):
        with pytest.raises(msgspec.ValidationError):
            decoded(kind, {**sound, part: wrong})


@pytest.mark.parametrize(("kind", "sound"), [(Quote, QUOTE), (Event, EVENT)])
def test_what_comes_from_outside_has_no_unknown_field(kind: Any, sound: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        decoded(kind, {**sound, "stake": 10})


def test_an_update_may_say_more_to_an_older_client() -> None:
    assert decoded(OddsUpdate, {**UPDATE, "steam": True}) == decoded(OddsUpdate, UPDATE)


@pytest.mark.parametrize("part", ["connection_type", "status", "detail"])
def test_a_state_is_one_of_the_words_of_the_protocol(part: str) -> None:
    sound = {"id": "c", "bookmaker_id": "b", "connection_type": "sse", "status": "connected"}
    assert decoded(RealTimeConnection, sound).stale is False
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value"):
        decoded(RealTimeConnection, {**sound, part: "fine"})


# -------------------------------------------------------------- what they say


def test_an_update_knows_its_selection_its_sequence_and_its_quote() -> None:
    update = decoded(OddsUpdate, UPDATE)
    selection = Selection("fanduel", "phillies", "h2h", "home")
    assert update.selection == update.quote.selection == selection
    assert update.seq == 7
    assert update.quote == Quote(*selection, 1.91, None, NOON)


def test_the_quote_of_a_suspension_has_no_odds() -> None:
    update = decoded(OddsUpdate, {**UPDATE, "old_odds": 1.91, "new_odds": None})
    assert update.quote.odds is None


@given(st.from_regex(r"[0-9A-Za-z_-]{1,64}", fullmatch=True), st.integers(0, 10**18 - 1))
def test_the_id_of_an_update_is_a_cursor(epoch: str, seq: int) -> None:
    update = decoded(OddsUpdate, {**UPDATE, "id": f"{epoch}:{seq}"})
    assert Cursor.parse(update.id) == Cursor(epoch, update.seq)
