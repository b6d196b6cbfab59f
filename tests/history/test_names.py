"""Names: one that nothing in the trail has is refused, and a bookmaker is never alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protipp_stream.errors import ConfigurationError
from protipp_stream.history import hot
from protipp_stream.history.history import History
from protipp_stream.model import Event
from tests.history.conftest import Told, tell
from tests.history.journals import BEGIN, EVENTS, Journal, World


@pytest.fixture
def any_told(tmp_path: Path, state: str) -> Told:
    return tell(tmp_path / "audit", 3, state)


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ({"event": ["ev-1", "ev-11"]}, "'ev-1'"),
        ({"bookmaker": ["alpha", "alhpa"]}, "'alpha'"),
        ({"market": ["totals", "h2h_3way"]}, "'h2h_3_way'"),
        ({"market": ["totals@7.5", "totals@7"]}, "'totals@7.5'"),
        ({"outcome": ["home", "hoome"]}, "'home'"),
    ],
)
def test_one_wrong_name_among_right_ones_is_refused(
    any_told: Told, wanted: dict[str, Any], hint: str
) -> None:
    history = any_told.history
    asked = [lambda: history.updates(**wanted), lambda: next(history.batches(**wanted))]
    if "outcome" not in wanted:
        asked += [lambda: history.moves(**wanted), lambda: history.overround(**wanted)]
    for question in asked:
        with pytest.raises(ConfigurationError, match="There is no") as refused:
            question()
        assert hint in refused.value.hint


def test_names_in_clones_and_terms_must_be_there_too(any_told: Told) -> None:
    history = any_told.history
    asked = [
        lambda: history.arbitrage(commissions={"alpha": 0.02, "alhpa": 0.02}),
        lambda: history.arbitrage(max_stakes={"alhpa": 20.0}),
        lambda: history.arbitrage(clones=[{"alpha", "alhpa"}]),
        lambda: history.steam(clones=[{"alpha", "alhpa"}]),
    ]
    for question in asked:
        with pytest.raises(ConfigurationError, match="no bookmaker 'alhpa'") as refused:
            question()
        assert "'alpha'" in refused.value.hint


def test_a_name_that_only_other_filters_leave_out_is_no_slip(any_told: Told) -> None:
    history = any_told.history
    assert not len(history.updates(bookmaker=["alpha", "beta"], since="2030-01-01"))
    assert not len(history.updates(event="ev-1", market="h2h", outcome="over"))
    assert not len(history.arbitrage(clones=[{"alpha", "beta"}], until="2000-01-01"))


@pytest.mark.parametrize("is_sealed", [False, True])
def test_an_event_that_was_described_and_never_priced_is_no_slip(
    tmp_path: Path, is_sealed: bool
) -> None:
    journal = Journal(tmp_path / "audit")
    world = World(journal, 3)
    world.begin()
    world.play(5)
    journal.write(BEGIN, epoch="epoch0", events=[Event("quiet", "Q v R", "soccer", None)])
    if is_sealed:
        journal.seal(including_last=True)
    assert not len(History(tmp_path / "audit").updates(event="quiet"))


@pytest.mark.parametrize("name", ["Zürich", 'a"b', "a\\b", "日本"])
@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_name_may_be_of_any_letters(tmp_path: Path, name: str, is_sealed: bool) -> None:
    journal = Journal(tmp_path / "audit")
    world = World(journal, 3, events=[*EVENTS, Event(name, name, "soccer", None)])
    world.begin()
    world.play(30)
    if is_sealed:
        journal.seal(including_last=True)
    found = History(tmp_path / "audit").updates(event=[name, "ev-1"])
    assert set(found.event_id) == {name, "ev-1"}


def test_names_that_are_hot_are_found_without_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(Journal(tmp_path / "audit"), 3)
    world.begin()
    world.play(30)
    decoded = []
    decode = hot.decode_journal_line
    monkeypatch.setattr(hot, "_BLOCK", 1000)
    monkeypatch.setattr(
        hot, "decode_journal_line", lambda line: (decoded.append(line), decode(line))[1]
    )
    history = History(tmp_path / "audit")
    history.updates(event="ev-1", bookmaker=["alpha", "beta"], market=["totals", "h2h"])
    # Once for what is asked, and the line that describes events.
    assert len(decoded) <= 32


def test_who_leads_a_bookmaker_is_asked_of_its_pairs_with_all(any_told: Told) -> None:
    history = any_told.history
    every = history.lead_lag()
    mine = every[(every.bookmaker_id == "alpha") | (every.other_id == "alpha")]
    found = history.lead_lag(bookmaker="alpha")
    assert len(found) == len(mine) > 0
    assert found.astype(str).to_dict("list") == mine.astype(str).to_dict("list")


def test_arbitrages_of_a_bookmaker_are_those_in_which_it_has_a_leg(any_told: Told) -> None:
    history = any_told.history
    every = history.arbitrage("1h")
    mine = every[[("alpha" in legs.split(" / ")) for legs in every.bookmakers]]
    found = history.arbitrage("1h", bookmaker="alpha")
    assert 0 < len(mine) < len(every)
    assert found.astype(str).to_dict("list") == mine.astype(str).to_dict("list")
