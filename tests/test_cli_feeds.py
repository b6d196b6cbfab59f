"""``serve --feeds FILE``: several sources in one gateway, and what a wrong file is told."""

from __future__ import annotations

import bz2
import json
import lzma
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

import protipp_stream as ps
from protipp_stream.cli.feeds_file import KINDS, sources_in
from protipp_stream.errors import ConfigurationError, ProtippStreamError, RecordingError
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


def recordings_in(folder: Path) -> None:
    """Write a recording of each kind, of one line."""
    fetch = {"fetched_at": "2026-08-04T00:00:51Z", "body": []}
    (folder / "r.jsonl").write_text(json.dumps(fetch) + "\n")
    (folder / "r.bz2").write_bytes(bz2.compress(b'{"op": "mcm", "pt": 1657018212979}\n'))


def test_every_kind_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "k" * 20)
    (tmp_path / "session").write_text("s\n")
    recordings_in(tmp_path)
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
        (
            '[[feed]]\nkind = "the-odds-api"\nsport = 3\nmarkets = 3\napi_key_env = "HOME"',
            "made so",
        ),
        ('[[feed]]\nkind = "the-odds-api"\napi_key_env = "NO_SUCH"', "NO_SUCH is not set"),
        ('[[feed]]\nkind = "the-odds-api"\napi_key_env = 3', "read from a name, not from 3"),
        ('[[feed]]\nkind = "sse"\nurl = "https://x"\nmapping = "mine"', "no mapping"),
        (
            '[[feed]]\nkind = "betfair"\napp_key_env = "HOME"\nsession_env = "HOME"\n'
            'market_filter = {}\nrunner_names = { one = "x" }',
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


KEY = "k3y-0f-m1ne"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'kind = "the-odds-api"\napi_key = "{KEY}"', 'api_key_env = "NAME" or api_key_file'),
        (f'kind = "odds-api-io"\napi_key = "{KEY}"', "a secret's name, never the secret"),
        (f'kind = "betfair"\napp_key = "{KEY}"', "app_key_env"),
        (f'kind = "betfair"\nsession = "{KEY}"', "session_env"),
        (f'kind = "sse"\nheaders = {{ X-Api-Key = "{KEY}" }}', "headers_env = {"),
        (f'kind = "sse"\nurl = "https://x/s?sport=a&api_key={KEY}"', "url_env or url_file"),
        (f'kind = "sse"\nurl = "https://x/s?accessToken={KEY}"', "a key in url"),
        (f'kind = "the-odds-api"\napi_key_env = "{KEY}"', "no name of a variable"),
        (f'kind = "sse"\nurl = "https://me:{KEY}@x/s"', "hold no password"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "feeds.toml"
    file.write_text(f"[[feed]]\n{text}\n")
    with pytest.raises(ConfigurationError) as said:
        sources_in(file)
    assert says in str(said.value)
    assert "feed 1" in str(said.value)
    assert KEY not in str(said.value)


def test_an_address_with_a_key_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSE_URL", f"https://odds.example/s?key={KEY}")
    file = tmp_path / "feeds.toml"
    file.write_text('[[feed]]\nkind = "sse"\nid = "mine"\nurl_env = "SSE_URL"')
    [feed] = sources_in(file).feeds
    assert (feed.connection.id, feed.connection.bookmaker_id) == ("mine", "mine")
    file.write_text('[[feed]]\nkind = "sse"\nurl = "https://x/s?sport_key=mlb"')
    assert len(sources_in(file).feeds) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('kind = "sse"\nurl = "https://x"\nurl_env = "HOME"', "url and url_env say the same"),
        (
            'kind = "odds-api-io"\napi_key_env = "HOME"\napi_key_file = "f"',
            "api_key_env and api_key_file say the same",
        ),
        ('kind = "replay"\npath = "a"\nrecording = "b"', "path and recording say the same"),
        ('kind = "odds-api-io"', 'odds-api-io needs api_key: write api_key_env = "NAME" or api'),
        ('kind = "the-odds-api"', "the-odds-api needs api_key: write api_key_env"),
        ('kind = "sse"', "sse needs url: write url = …"),
        ('kind = "betfair-replay"', "betfair-replay needs path"),
        ('kind = "sse"\nurl = "https://x"\nheaders_env = "HOME"', "headers_env is a table"),
        ('kind = "simulated"\nid = ""', "'' is no id"),
        ('kind = "simulated"\nid = " "', "is no id"),
        ('kind = "simulated"\nid = 3', "3 is no id"),
        ('kind = "replay"\npath = 3', "path is a text"),
        ('kind = "replay"\npath = ""', "There is no recording '.'"),
        ('kind = "replay"\npath = "a/b.jsonl"', "There is no recording 'a/b.jsonl'"),
        ('kind = "simulated"\n[[feed]]\nkind = "simulated"', 'its own: id = "…"'),
        ('kind = "simulated"\n[names]\naliases = 3', "feeds.toml, names: The table of names"),
    ],
)
def test_a_feed_that_can_not_be_made_is_told_what_to_write(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "feeds.toml"
    file.write_text(f"[[feed]]\n{text}\n")
    with pytest.raises(ProtippStreamError) as said:
        sources_in(file)
    assert says in str(said.value)
    assert "feeds.toml" in str(said.value)


def test_names_that_are_no_table_are_said_so(tmp_path: Path) -> None:
    file = tmp_path / "feeds.toml"
    file.write_text('names = 3\n[[feed]]\nkind = "simulated"\n')
    with pytest.raises(ConfigurationError, match=r"names are a table \[names\], not 3"):
        sources_in(file)


def test_an_empty_file_holds_no_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(" \n")
    file = tmp_path / "feeds.toml"
    file.write_text(f'[[feed]]\nkind = "the-odds-api"\napi_key_file = "{tmp_path}/key"\n')
    with pytest.raises(ConfigurationError, match="key is empty: it should hold api_key"):
        sources_in(file)


def test_recordings_of_a_file_are_found_in_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "recordings"
    (folder / "deeper").mkdir(parents=True)
    recordings_in(folder / "deeper")
    file = tmp_path / "feeds.toml"
    file.write_text(
        '[[feed]]\nkind = "replay"\nrecording = "r.jsonl"\n'
        '[[feed]]\nkind = "betfair-replay"\npath = "r.bz2"\n'
    )
    monkeypatch.delenv("PROTIPP_RECORDINGS", raising=False)
    with pytest.raises(RecordingError, match=r"nowhere else: PROTIPP_RECORDINGS is not set"):
        sources_in(file)
    monkeypatch.setenv("PROTIPP_RECORDINGS", str(folder))
    assert len(sources_in(file).feeds) == 2
    file.write_text('[[feed]]\nkind = "replay"\npath = "a/none.jsonl"\n')
    with pytest.raises(RecordingError, match=r"'a/none.jsonl'.*and in .*recordings") as said:
        sources_in(file)
    assert str(folder) in str(said.value)


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("replay", "r.bz2", "is a recording of Betfair: use betfair-replay"),
        ("betfair-replay", "r.jsonl", "is a recording of The Odds API: use replay"),
    ],
)
def test_a_recording_of_the_other_kind_is_said_to_be_one(
    tmp_path: Path, kind: str, name: str, says: str
) -> None:
    recordings_in(tmp_path)
    file = tmp_path / "feeds.toml"
    file.write_text(f'[[feed]]\nkind = "{kind}"\npath = "{tmp_path}/{name}"\n')
    with pytest.raises(RecordingError, match=says):
        sources_in(file)


def test_a_recording_that_can_not_be_played_is_refused_before_the_gateway_is_ready(
    tmp_path: Path,
) -> None:
    recordings_in(tmp_path)
    contents = {
        "r.bz2": None,
        "empty.jsonl": b"\n",
        "broken.jsonl": b'{"fetched_at": "2026-08-0',
        "other.jsonl": b'{"a": 1}',
        "late.jsonl": b'{"fetched_at": "yesterday", "body": []}',
        "cut.jsonl.xz": lzma.compress(b"{}")[:20],
        "no.jsonl.gz": b"no gzip",
    }
    for name, content in contents.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        done = run("serve", "--port", "0", "--recording", str(tmp_path / name))
        assert (done.returncode, done.stdout) == (2, ""), name
        [line] = done.stderr.splitlines()
        assert line.startswith("error: ")
        assert name in line
    assert "use betfair-replay" in run("replay", str(tmp_path / "r.bz2")).stderr


@pytest.mark.parametrize(
    "option",
    ["--sport", "--regions", "--interval", "--speed", "--api-key-file", "--recording"],
)
def test_what_is_said_of_one_feed_is_refused_beside_a_file_of_them(
    tmp_path: Path, option: str
) -> None:
    file = tmp_path / "feeds.toml"
    file.write_text('[[feed]]\nkind = "simulated"\n')
    done = run("serve", "--feeds", str(file), option, "1", "--port", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Leave {option} out" in done.stderr


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
