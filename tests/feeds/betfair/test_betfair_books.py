"""Names of markets, outcomes and events, commission, and which prices are said."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from protipp_stream.core.quarantine import event_fault
from protipp_stream.errors import FeedUnavailable
from protipp_stream.feeds.betfair.codes import LineUnreadable, MarketLost
from protipp_stream.feeds.betfair.wire import decode, instant
from tests.feeds.betfair.desk import NOW, Desk, names, one
from tests.feeds.betfair_server import T0, definition, prices, runner

# ----------------------------------------------------------------------- markets


@pytest.mark.parametrize(
    ("kind", "back", "lay"),
    [
        ("MATCH_ODDS", "h2h", "h2h_lay"),
        ("WIN", "win", "win_lay"),
        ("PLACE", "place", "place_lay"),
        ("OVER_UNDER_25", "totals@2.5", "totals_lay@2.5"),
        ("OVER_UNDER_105", "totals@10.5", "totals_lay@10.5"),
        ("OVER_UNDER_25_CORNR", "over_under_25_cornr", "over_under_25_cornr_lay"),
        ("FIRST_HALF_GOALS_15", "first_half_goals_15", "first_half_goals_15_lay"),
        ("GAME_BY_GAME_01_07", "game_by_game_01_07", "game_by_game_01_07_lay"),
        ("MONEY_LINE", "money_line", "money_line_lay"),
        (None, "unnamed", "unnamed_lay"),
    ],
)
def test_a_market_type_has_one_name(kind: Any, back: str, lay: str) -> None:
    assert names(Desk().hear(one(definition(kind=kind)))) == [(back, "1"), (lay, "1")]


def test_both_sides_of_an_asian_handicap_are_one_market_and_its_line_is_homes() -> None:
    lines = [runner(1, hc=-0.5), runner(2, hc=0.5), runner(1, hc=0.0), runner(2, hc=0.0)]
    defined = definition(*lines, kind="ASIAN_HANDICAP", bettingType="ASIAN_HANDICAP_DOUBLE_LINE")
    quotes = Desk().hear(
        one(
            defined,
            prices(1, 1.9, None, hc=-0.5),
            prices(2, 2.0, None, hc=0.5),
            prices(1, 1.4, None),
            prices(2, 3.0, None, hc=0),
        )
    )
    assert names(quotes) == [
        ("asian_handicap@-0.5", "1"),
        ("asian_handicap@-0.5", "2"),
        ("asian_handicap@0", "1"),
        ("asian_handicap@0", "2"),
    ]


def test_a_line_is_that_of_the_team_which_the_callers_words_say_is_at_home() -> None:
    # Without these words, Betfair's basketball has the visitors first.
    names = {1: "Real Madrid", 2: "Barcelona"}
    desk = Desk(runner_names=names, event_names={"30": "Real Madrid v Barcelona"})
    sport = {"eventTypeId": "7522"}
    lines = [runner(1, hc=-5.5), runner(2, hc=5.5)]
    desk.hear(one(definition(**sport), ident="1.2"))
    quotes = desk.hear(
        one(
            definition(*lines, kind="HANDICAP", **sport),
            prices(1, 1.9, None, hc=-5.5),
            prices(2, 1.95, None, hc=5.5),
        )
    )
    assert [event.home for event in desk.events] == ["Real Madrid"]
    assert [(q.market, q.outcome) for q in quotes] == [
        ("handicap@-5.5", "Real Madrid"),
        ("handicap@-5.5", "Barcelona"),
    ]


def test_a_total_with_a_line_of_its_own_has_it_in_its_name() -> None:
    lines = [runner(1, hc=2.25), runner(2, hc=2.25)]
    defined = definition(*lines, kind="ALT_TOTAL_GOALS", bettingType="ASIAN_HANDICAP_DOUBLE_LINE")
    quotes = Desk().hear(one(defined, prices(1, 1.9, None, hc=2.25), prices(2, 2, 2.1, hc=2.25)))
    assert {quote.market for quote in quotes} == {
        "alt_total_goals@2.25",
        "alt_total_goals_lay@2.25",
    }


@pytest.mark.parametrize("kind", ["LINE", "RANGE"])
def test_a_market_whose_prices_are_no_odds_gives_none_and_says_so_once(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    for ident in ("1.1", "1.2"):
        assert desk.hear(one(definition(kind="RUNS", bettingType=kind), ident=ident)) == []
    assert caplog.text.count("have no odds") == 1


def test_two_markets_of_one_type_in_one_event_are_not_merged() -> None:
    desk = Desk()
    assert names(desk.hear(one(definition(kind="SPECIAL"))))[0][0] == "special"
    other = desk.hear(one(definition(kind="SPECIAL"), ident="1.2"))
    assert names(other) == [("special:1.2", "1"), ("special:1.2_lay", "1")]
    # Heard of again, each keeps its name.
    again = one(definition(kind="SPECIAL"), prices(1, 3.0, 3.1))
    assert names(desk.hear(again))[0][0] == "special"


def test_the_races_of_a_meeting_are_events_of_their_own_also_when_one_is_late() -> None:
    desk = Desk()
    for ident, time in (("1.1", "12:30"), ("1.2", "13:05")):
        race = definition(
            kind="WIN", eventTypeId="7", venue="Lismore", marketTime=f"2026-09-21T{time}:00.000Z"
        )
        assert {q.market for q in desk.hear(one(race, ident=ident))} == {"win", "win_lay"}
    assert [event.event_id for event in desk.events] == ["30.1230", "30.1305"]
    assert [event.name for event in desk.events] == ["Lismore 12:30", "Lismore 13:05"]
    late = race | {"marketTime": "2026-09-21T13:09:00.000Z"}
    quotes = desk.hear(one(late, prices(1, 5.0, 5.1), ident="1.2"))
    assert {quote.event_id for quote in quotes} == {"30.1305"}
    assert desk.events[-1].event_id == "30.1305"
    assert desk.events[-1].starts_at == datetime(2026, 9, 21, 13, 9, tzinfo=UTC)


# ------------------------------------------------------------- outcomes and events


def test_names_come_from_the_caller_then_from_the_definition_then_from_the_id() -> None:
    desk = Desk(runner_names={1: "Called"})
    defined = definition(runner(1, name="Defined"), runner(2, name="Defined"), runner(3))
    quotes = desk.hear(one(defined, *(prices(n, 2.0, None) for n in (1, 2, 3))))
    assert [quote.outcome for quote in quotes] == ["Called", "Defined", "3"]


def test_two_runners_of_one_name_stay_two() -> None:
    desk = Desk(runner_names={1: "Same", 2: "Same"})
    quotes = desk.hear(one(definition(), prices(1, 2.0, None), prices(2, 3.0, None)))
    assert [quote.outcome for quote in quotes] == ["Same", "Same (2)"]


def test_over_and_under_are_called_so_where_they_are_named() -> None:
    defined = definition(
        runner(1, name="Under 2.5 Goals"), runner(2, name="Over 2.5 Goals"), kind="OVER_UNDER_25"
    )
    quotes = Desk().hear(one(defined, prices(1, 2.0, None), prices(2, 2.0, None)))
    assert [quote.outcome for quote in quotes] == ["Under", "Over"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ("A v B", "soccer", "A", "B")),
        ({"eventName": "B @ A"}, ("B @ A", "soccer", "B", "A")),
        ({"eventTypeId": "7511"}, ("A @ B", "baseball", "B", "A")),
        ({"eventTypeId": "99"}, ("A v B", "betfair_99", "A", "B")),
        ({"marketType": "CORRECT_SCORE"}, ("Betfair event 30", "soccer", None, None)),
    ],
)
def test_an_event_is_described_as_far_as_it_is_known(
    more: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    desk = Desk(runner_names={1: "A", 2: "B", 58805: "The Draw"})
    if more.get("eventName"):
        expected = ("B @ A", "soccer", "B", "A")
    defined = definition(runner(1), runner(2), runner(58805), **({"eventTypeId": "1"} | more))
    desk.hear(one(defined))
    event = desk.events[0]
    assert (event.name, event.sport, event.home, event.away) == expected
    assert event.starts_at == datetime(2026, 9, 21, 12, tzinfo=UTC)
    assert event_fault(event) is None


def test_an_event_is_told_when_it_is_new_or_another_and_match_odds_speak_for_it() -> None:
    desk = Desk(event_names={"30": "A v B"})
    desk.hear(one(definition(kind="PLACE", marketTime="2026-09-21T12:05:00.000Z")))
    desk.hear(one(definition(), ident="1.2"))
    desk.hear(one(definition(), ident="1.2"))
    desk.hear(one(definition(kind="PLACE", marketTime="2026-09-21T12:07:00.000Z")))
    assert [event.name for event in desk.events] == ["A v B", "A v B"]
    assert [event.starts_at and event.starts_at.minute for event in desk.events] == [5, 0]


# ------------------------------------------------------------------------ prices


@pytest.mark.parametrize(
    ("more", "discount", "commission"),
    [
        ({}, 0.0, 0.05),
        ({}, 0.4, 0.03),
        ({"discountAllowed": False}, 0.4, 0.05),
        ({"marketBaseRate": 6.5}, 0.0, 0.065),
    ],
)
def test_commission_is_the_markets_rate_less_the_discount(
    more: dict[str, Any], discount: float, commission: float
) -> None:
    quotes = Desk(discount=discount).hear(one(definition(**more)))
    assert [quote.commission for quote in quotes] == [pytest.approx(commission)] * 2


def test_of_many_offers_the_best_are_said_and_only_when_they_change() -> None:
    desk = Desk()
    full = {"id": 1, "atb": [[2.0, 5], [2.2, 1], [1.9, 9]], "atl": [[2.6, 1], [2.4, 2]]}
    assert [q.odds for q in desk.hear(one(definition(), full))] == [2.2, 2.4]
    behind = {"id": 1, "atb": [[2.0, 0], [1.8, 4]], "trd": [[2.2, 9]], "ltp": 2.2, "tv": 9}
    assert desk.hear({"id": "1.1", "rc": [behind]}) == []
    assert [q.odds for q in desk.hear({"id": "1.1", "rc": [{"id": 1, "atb": [[2.2, 0]]}]})] == [1.9]
    empty = {"id": 1, "atb": [[1.9, 0], [1.8, 0]]}
    assert [q.odds for q in desk.hear({"id": "1.1", "rc": [empty]})] == [None]


def test_levels_are_read_by_level_whatever_their_order() -> None:
    levels = {"id": 1, "batb": [[2, 1.8, 1], [0, 2.2, 1], [1, 2.0, 1]], "bdatl": [[0, 2.3, 4]]}
    assert [q.odds for q in Desk().hear(one(definition(), levels))] == [2.2, 2.3]


def test_a_new_image_of_a_market_withdraws_what_is_not_in_it() -> None:
    desk = Desk()
    desk.hear(one(definition(), prices(1, 2.0, 2.1), prices(2, 3.0, 3.1)))
    image = one(definition(), prices(1, 2.0, None)) | {"img": True}
    quotes = desk.hear(image)
    assert [(q.outcome, q.market, q.odds) for q in quotes] == [
        ("1", "h2h_lay", None),
        ("2", "h2h", None),
        ("2", "h2h_lay", None),
    ]


def test_a_change_of_a_market_whose_image_never_came_makes_no_price() -> None:
    desk = Desk()
    for _ in range(3):
        assert desk.hear({"id": "1.9", "rc": [prices(1, 2.0, 2.1)]}) == []
    assert [len(news.faults) for news in desk.news] == [1, 0, 0]
    with pytest.raises(MarketLost):
        Desk(can_ask=True).hear({"id": "1.9", "rc": [prices(1, 2.0, 2.1)]})


def test_a_lost_market_stays_away_until_a_whole_image_of_it_comes() -> None:
    desk = Desk()
    desk.hear(one(definition()))
    assert [q.odds for q in desk.hear({"id": "1.1", "rc": [{"id": "x"}]})] == [None, None]
    assert desk.hear(one(definition())) == []
    assert [q.odds for q in desk.hear(one(definition()) | {"img": True})] == [2.0, 2.1]


def test_an_image_of_all_markets_is_all_there_is() -> None:
    desk = Desk()
    desk.hear(one(definition()), one(definition(event="31"), ident="1.2"))
    desk.hear({"id": "1.1", "rc": [{"id": "x"}]})
    gone = desk.hear(one(definition(event="32"), ident="1.3"), ct="SUB_IMAGE")
    assert [(q.event_id, q.odds) for q in gone if q.odds is None] == [("31", None)] * 2
    assert list(desk.listener.stream.caches) == ["1.3"]
    assert [q.odds for q in desk.hear(one(definition()))] == [2.0, 2.1]


def test_only_last_traded_prices_are_no_quotes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    desk = Desk()
    for price in (2.0, 2.2):
        assert desk.hear(one(definition(), {"id": 1, "ltp": price})) == []
    assert caplog.text.count("only last traded prices") == 1


def test_prices_of_a_wild_stamp_are_said_again_with_the_next_sound_message() -> None:
    desk = Desk()
    desk.hear(one(definition()))
    wild = desk.hear({"id": "1.1", "rc": [prices(1, 3.0, None)]}, pt=T0 + 10**12)
    assert [(q.odds, q.source_timestamp is None) for q in wild] == [
        (3.0, False),
        (None, True),
        (None, False),
        (None, True),
    ]
    # A heartbeat will do.
    desk.hear(pt=T0 + 5, ct="UPDATE")
    sound = desk.news[-1].batch.quotes
    assert [(q.market, q.odds) for q in sound] == [("h2h", 3.0)]
    assert sound[0].source_timestamp == NOW + timedelta(milliseconds=5)


def test_conflation_at_betfair_is_counted() -> None:
    desk = Desk()
    desk.hear(one(definition()))
    desk.hear({"id": "1.1", "con": True, "rc": [prices(1, 3.0, None)]})
    assert desk.listener.conflated == 1


# --------------------------------------------------------------------- the lines


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"op":7}',
        b'{"op":"mcm","mc":[{"rc":[{"id":"x"}]}]}',
        b'{"op":"mcm","pt":1,"mc":[{"id":"1.1","rc":[{"id":1,"batb":[[0,NaN,1]]}]}]}',
        b'{"op":"mcm","pt":Infinity}',
        b"[" * 100_000,
        b'{"op":"\xff"}',
    ],
)
def test_what_is_no_message_is_refused_whole(line: bytes) -> None:
    with pytest.raises(LineUnreadable) as caught:
        decode(line)
    assert isinstance(caught.value, FeedUnavailable)


@pytest.mark.parametrize(
    "rc",
    [
        [{"id": 1, "batb": [[0, "2", 1]]}],
        [{"id": 1, "batb": [[0, 2]]}],
        [{"id": 1, "atb": [[2]]}],
        [{"id": 1, "atb": [[1e999, 1]]}],
        [{"id": 1, "atb": None}],
        [{"atb": []}],
        [7],
        {},
    ],
)
def test_one_market_that_can_not_be_read_is_named_and_the_others_are_read(rc: Any) -> None:
    text = json.dumps({"op": "mcm", "mc": [{"id": "1.1", "rc": rc}, {"id": "1.2"}]})
    message = decode(text.replace("Infinity", "1e999"))
    assert list(message.broken) == ["1.1"]
    assert [change["id"] for change in message.changes] == ["1.2"]


def test_fields_that_nobody_knows_do_no_harm() -> None:
    extra = {"id": 1, "newField": {"a": [1]}} | prices(1, 2.0, 2.1)
    quotes = Desk().hear(one(definition(newField=1), extra) | {"newField": None}, newField=[])
    assert [quote.odds for quote in quotes] == [2.0, 2.1]


@pytest.mark.parametrize("pt", [1e17, -1e300, 1e300])
def test_a_time_that_no_clock_shows_is_the_end_of_time(pt: float) -> None:
    assert instant(pt).year == 9999


@pytest.fixture(
    params=["UPDATE_md", "UPDATE_tv", "update", "SUB_IMAGE", "RESUB_DELTA", "HEARTBEAT"]
)
def sample(request: pytest.FixtureRequest, recordings: Any) -> bytes:
    return (recordings / "wire" / "betfair" / f"streaming_mcm_{request.param}.json").read_bytes()


@pytest.mark.recording
def test_messages_as_betfair_documents_them_are_read(sample: bytes) -> None:
    message = decode(sample)
    assert message.line.op == "mcm"
    assert not message.broken
    desk = Desk()
    desk.listener.on_data(sample)
    if message.line.ct == "SUB_IMAGE":
        assert len(desk.news[0].batch.quotes) > 5
        assert desk.listener.initial_clk == "ab34r43r"


def test_importing_the_feeds_does_not_import_the_library() -> None:
    code = (
        "import sys, protipp_stream.feeds as f;"
        "assert not any(m.startswith(('betfair', 'requests')) for m in sys.modules);"
        "f.Betfair, f.BetfairReplay;"
        "assert 'betfairlightweight' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
