"""``serve --feeds FILE``: several sources in one gateway, and what a wrong file is told."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

import protipp_stream as ps
from protipp_stream.cli.feeds_file import KINDS, sources_in
from protipp_stream.errors import ConfigurationError
from tests.test_cli import Serving, run, stop


def test_two_sources_name_one_game_and_it_is_one_event(tmp_path: Path) -> None:
    starts = datetime.now(UTC) + timedelta(hours=5)
    recordings = {
        "one": ("acme", "1", "New York Yankees", "Atlanta Braves"),
        "two": ("bolt", "2", "NY Yankees", "Atlanta Braves"),
    }
    for name, (bookmaker, event_id, home, away) in recordings.items():
        price = {"name": home, "price": 1.9}, {"name": away, "price": 2.0}
        market = {"key": "h2h", "last_update": starts.isoformat(), "outcomes": price}
        event = {
            "id": event_id,
            "sport_key": "baseball_mlb",
            "commence_time": starts.isoformat(),
            "home_team": home,
            "away_team": away,
            "bookmakers": [{"key": bookmaker, "title": bookmaker, "markets": [market]}],
        }
        fetch = {"fetched_at": datetime.now(UTC).isoformat(), "body": [event]}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(fetch) + "\n")
    file = tmp_path / "feeds.toml"
    file.write_text(
        f"""
        [[feed]]
        kind = "replay"
        path = "{tmp_path}/one.jsonl"
        id = "one"

        [[feed]]
        kind = "replay"
        path = "{tmp_path}/two.jsonl"
        id = "two"

        [names.aliases]
        "NY Yankees" = "New York Yankees"
        """
    )
    serving = Serving(["serve", "--feeds", str(file), "--port", "0"])
    try:
        token = run("token", "--sub", "tester").stdout.strip()
        query = {"headers": {"Authorization": f"Bearer {token}"}, "params": {"wait": 5}}
        for _ in range(50):
            board = httpx.get(f"{serving.gateway}/api/v1/odds", **query).json()
            if len(board["quotes"]) == 4:
                break
        # Who was read first gives the names.
        [event_id] = {row["event_id"] for row in board["quotes"]}
        home = {"1": "New York Yankees", "2": "NY Yankees"}[event_id]
        assert {row["bookmaker_id"] for row in board["quotes"]} == {"acme", "bolt"}
        assert {row["outcome"] for row in board["quotes"]} == {home, "Atlanta Braves"}
    finally:
        assert stop(serving.process) == 0


def test_every_kind_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "k" * 20)
    (tmp_path / "session").write_text("s\n")
    (tmp_path / "r.jsonl").write_text("")
    (tmp_path / "r.bz2").write_bytes(b"")
    tables = {
        "simulated": "events = 3",
        "the-odds-api": 'api_key_env = "A_KEY"\nmarkets = ["h2h"]',
        "odds-api-io": 'api_key_env = "A_KEY"\nsport = "baseball"',
        "sse": 'url = "https://odds.example/stream"\nheaders_env = { "X-Api-Key" = "A_KEY" }',
        "betfair": f'app_key_env = "A_KEY"\nsession_file = "{tmp_path}/session"\n'
        'market_filter = { marketTypes = ["MATCH_ODDS"] }\nrunner_names = { 47972 = "Home" }',
        "betfair-replay": f'path = "{tmp_path}/r.bz2"',
        "replay": f'path = "{tmp_path}/r.jsonl"',
    }
    assert tables.keys() == KINDS.keys()
    file = tmp_path / "feeds.toml"
    file.write_text("\n".join(f'[[feed]]\nkind = "{kind}"\n{its}' for kind, its in tables.items()))
    made = sources_in(file)
    assert len({feed.connection.id for feed in made.feeds}) == len(KINDS)
    assert "k" * 20 not in repr(made)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind = ", "is no TOML"),
        ("", "names no feed"),
        ("[feeds]", "what is 'feeds'"),
        ("feed = 3", "are tables"),
        ("[[feed]]", "feed 1: there is no kind None"),
        ('[[feed]]\nkind = "guess"', "Kinds: simulated, the-odds-api"),
        ('[[feed]]\nkind = "simulated"\nspeed = 3', "feed 1: simulated has no setting 'speed'"),
        ('[[feed]]\nkind = "simulated"\nsleep = 3', "no setting 'sleep'"),
        ('[[feed]]\nkind = "simulated"\nevents = 0', "feed 1: A simulation needs events"),
        ('[[feed]]\nkind = "the-odds-api"', "feed 1: the-odds-api can't be made so"),
        ('[[feed]]\nkind = "the-odds-api"\napi_key_env = "NO_SUCH"', "NO_SUCH is not set"),
        ('[[feed]]\nkind = "the-odds-api"\napi_key_env = 3', "read from a name, not from 3"),
        ('[[feed]]\nkind = "sse"\nurl = "https://x"\nmapping = "mine"', "no mapping"),
        (
            '[[feed]]\nkind = "betfair"\napp_key = "k"\nsession = "s"\nmarket_filter = {}\n'
            'runner_names = { one = "x" }',
            "by selection id",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "feeds.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as said:
        sources_in(file)
    assert says in f"{said.value.message} {said.value.hint}"
    assert "feeds.toml" in f"{said.value.message} {said.value.hint}"


def test_a_file_that_is_not_there_is_one_line_with_exit_code_2() -> None:
    done = run("serve", "--feeds", "no_such.toml", "--port", "0")
    assert done.returncode == 2
    assert "Can't read no_such.toml" in done.stderr
    both = run("serve", "--feeds", "no_such.toml", "--feed", "simulated", "--port", "0")
    assert "--feeds says it all" in both.stderr


def test_the_readmes_file_of_feeds_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    [text] = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    file = tmp_path / "feeds.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="THE_ODDS_API_KEY is not set"):
        sources_in(file)
    for name in re.findall(r'_env = "(\w+)"', text):
        monkeypatch.setenv(name, "k" * 20)
    made = sources_in(file)
    assert [type(feed).__name__ for feed in made.feeds] == ["TheOddsApi", "OddsApiIo"]
    assert ps.Gateway(*made.feeds, names=made.names).stop() is None
