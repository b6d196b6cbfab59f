"""The feed of moves: what is told of each, in which order, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from protipp_stream.client.moves import Moved, Moves
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Event, OddsUpdate
from protipp_stream.ui import MovesFeed
from protipp_stream.ui.choice import Choice
from protipp_stream.ui.moves import Feed
from tests.ui.fake import NOON, FakeOdds, connection, quote

GAME = Event("e1", "Nationals @ Phillies", "mlb", NOON)
WHY = "h=+0.061: 47.6 % to 50.6 %"


def move(seq: int, old: float | None = 2.0, new: float | None = 1.6, **changes: Any) -> OddsUpdate:
    fields: dict[str, Any] = {"bookmaker_id": "a", "event_id": "e1", "market": "h2h", **changes}
    return OddsUpdate(
        id=f"e:{seq}", outcome="X", old_odds=old, new_odds=new, timestamp=NOON,
        source_timestamp=None, latency_ms=1.0, is_significant=True,
        reason=changes.pop("reason", WHY),
        **{name: value for name, value in fields.items() if name != "reason"},
    )  # fmt: skip


class MovingOdds(FakeOdds):
    """Has real collectors of moves, told by hand."""

    def __init__(self, *moves: OddsUpdate) -> None:
        super().__init__([quote("a", "e1", "h2h", "X", 1.8)], [GAME])
        self.recent = list(moves)
        self.collectors: list[Moves] = []

    def moves(self) -> Moves:
        made = Moves(lambda: self.recent, lambda: {"e1": GAME}, self.collectors.remove)
        self.collectors.append(made)
        return made

    def tell(self, *moves: OddsUpdate) -> None:
        self.recent += moves
        for collector in self.collectors:
            collector.on_updates(moves, [])


def test_a_move_is_told_with_its_reason_and_its_points() -> None:
    body = Feed(Choice(), 5).take(Moved([move(1)], [GAME]))
    assert body is not None
    at = int(NOON.timestamp() * 1000)
    assert body.moves == [("e:1", at, "e1", "a", "h2h", "X", 2.0, 1.6, 12.5, WHY, 0)]
    assert body.events == [("e1", "Nationals @ Phillies", "mlb")]
    assert body.seen == 1


def test_points_need_two_prices_and_steam_is_marked() -> None:
    steam = "h=+0.06; steam: 3 independent bookmakers up within 20 s"
    feed = Feed(Choice(), 5)
    body = feed.take(Moved([move(1, old=None), move(2, new=None), move(3, reason=steam)], [GAME]))
    assert body is not None
    assert [(row[8], row[10]) for row in body.moves] == [(None, 0), (None, 0), (12.5, 1)]


def test_only_so_many_are_kept_and_all_are_counted() -> None:
    feed = Feed(Choice(), 3)
    body = feed.take(Moved([move(seq) for seq in range(10)], [GAME], left_out=4, missing=2))
    assert body is not None
    assert [row[0] for row in body.moves] == ["e:7", "e:8", "e:9"]
    assert (body.seen, body.left_out, body.missing) == (10, 4, 2)
    feed.take(Moved([move(10)], []))
    whole = feed.whole()
    assert whole.whole
    assert [row[0] for row in whole.moves] == ["e:8", "e:9", "e:10"]
    assert (whole.seen, whole.left_out) == (11, 4)


def test_only_what_was_chosen_is_shown_or_counted() -> None:
    feed = Feed(Choice(markets=["totals"], sports=["mlb"]), 5)
    body = feed.take(
        Moved(
            [move(1), move(2, market="totals@8"), move(3, event_id="e2", market="totals")], [GAME]
        )
    )
    assert body is not None
    assert [row[0] for row in body.moves] == ["e:2"]
    assert feed.take(Moved([move(4)], [])) is None


def test_a_renamed_event_is_told_if_it_is_shown() -> None:
    feed = Feed(Choice(), 5)
    feed.take(Moved([move(1)], [GAME]))
    renamed, other = Event("e1", "Game 2", "mlb", NOON), Event("e9", "Other", "mlb", NOON)
    body = feed.take(Moved([], [renamed, other]))
    assert body is not None
    assert body.events == [("e1", "Game 2", "mlb")]


def test_it_opens_with_the_past_and_then_tells_every_move() -> None:
    odds: Any = MovingOdds(move(1))
    source = MovesFeed(odds).source({})
    source.open()
    assert [row[0] for row in source.whole().moves] == ["e:1"]
    assert source.news() is None
    odds.tell(move(2, 2.0, 1.9), move(3, 1.9, 1.8))
    news = source.news()
    assert news is not None
    assert [row[0] for row in news.moves] == ["e:2", "e:3"]
    source.close()
    assert not odds.collectors


def test_it_says_when_prices_may_be_old_and_what_is_coming() -> None:
    odds: Any = MovingOdds()
    source = MovesFeed(odds, markets="nonsense").source({})
    source.open()
    state = source.whole().state
    assert "No prices here of the market “nonsense”" in state.empty
    assert state.origin == "SIMULATED — invented prices"
    odds.status = connection(status="disconnected", detail="backoff")
    news = source.news()
    assert news is not None
    assert news.state.old


def test_in_a_terminal_it_is_one_line_and_leaves_nothing_open() -> None:
    odds: Any = MovingOdds(move(1), move(2))
    said = repr(MovesFeed(odds))
    assert said == "<MovesFeed of http://127.0.0.1:8765: 2 significant moves, live>"
    assert not odds.collectors


@pytest.mark.parametrize(
    "wrong", [{"keep": 0}, {"keep": 1.5}, {"keep": True}, {"max_height": 3}, {"markets": []}]
)
def test_what_can_not_be_is_refused(wrong: dict[str, Any]) -> None:
    odds: Any = MovingOdds()
    with pytest.raises(ConfigurationError):
        MovesFeed(odds, **wrong)
