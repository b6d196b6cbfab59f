"""``record=`` and ``witness=``: what a client saw is kept, and where the trail stood."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import protipp_stream as ps
from protipp_stream.client.changes import Board, Gap
from protipp_stream.client.recording import Recorder, Witness
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.journal_line import JournalLine, decode_journal_line
from protipp_stream.errors import ConfigurationError, FeedError, TrailUnavailable
from protipp_stream.gateway import Gateway, Settings
from protipp_stream.history.layout import Layout
from protipp_stream.history.signing import read_public_key, verified
from protipp_stream.history.verifying import verify
from tests.scripted import ScriptedFeed, quote
from tests.small_disk import small_disk


def lines_of(folder: Path) -> list[JournalLine]:
    return [
        decode_journal_line(line)
        for _, path in Layout(folder).segments()
        for line in path.read_bytes().splitlines()
    ]


def checkpoints_in(witness: Path) -> list[Checkpoint]:
    lines = witness.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Checkpoint) for line in lines]


@pytest.mark.parametrize("transport", ["websocket", "sse", "polling"])
def test_a_client_keeps_the_board_it_found_and_what_came(tmp_path: Path, transport: str) -> None:
    feed = ScriptedFeed()
    with Gateway(feed) as gateway:
        feed.tell([quote(1.9), quote(2.1, "Reds")])
        start = gateway.hub.cursor
        with ps.connect(gateway, transport=transport, record=tmp_path / "mine") as odds:
            for price in (2.0, None, 2.2):
                feed.tell([quote(price)])
            assert odds.wait_until(gateway.hub.cursor, 10)
            seen = odds.updates()
            assert odds.recording is not None
            assert odds.recording.status == "writing"
        assert odds.recording.status == "closed"
    lines = lines_of(tmp_path / "mine")
    [image] = [line for line in lines if line.images]
    assert {each.outcome: each.odds for each in image.images} == {"Blues": 1.9, "Reds": 2.1}
    assert (image.epoch, image.image_seq) == (start.epoch, start.seq)
    kept = [each for line in lines for each in line.updates]
    assert [each.new_odds for each in kept] == [2.0, None, 2.2]
    # With the latency that they were delivered with, not the gateway's part.
    assert [each.latency_ms for each in kept] == pytest.approx(list(seen.latency_ms))
    assert [event.event_id for line in lines for event in line.events] == ["match"]


def test_what_was_missed_is_in_the_record(tmp_path: Path) -> None:
    first, second = ScriptedFeed(), ScriptedFeed()
    gateway = Gateway(first).start()
    first.tell([quote(1.9)])
    odds = ps.connect(gateway.url, gateway.token, record=tmp_path / "mine", timeout=10)
    port = gateway.port
    gateway.stop()
    with Gateway(second, port=port, key=gateway._key) as anew, odds:
        second.tell([quote(3.0)])
        assert odds.wait_until(anew.hub.cursor, 20)
    lines = lines_of(tmp_path / "mine")
    gaps = [note.detail or "" for line in lines for note in line.notes if note.kind == "gap"]
    assert any("started anew" in each for each in gaps)
    [missed] = ps.History(tmp_path / "mine").gaps().query("kind == 'gap'").itertuples()
    assert (missed.epoch, missed.first_seq, missed.last_seq) == (anew.hub.cursor.epoch, 1, 1)
    assert missed.duration_s > 0
    assert {each.odds for line in lines for each in line.images} >= {1.9}


@pytest.mark.parametrize("transport", ["websocket", "sse", "polling"])
def test_that_a_feed_has_ended_is_in_the_record(tmp_path: Path, transport: str) -> None:
    feed = ScriptedFeed()
    with (
        Gateway(feed) as gateway,
        ps.connect(gateway, transport=transport, record=tmp_path / "mine") as odds,
    ):
        assert odds._listeners.wait(lambda: "script" in odds.sources, 10)
        feed.end(FeedError("the bookmaker has gone home"))
        assert odds._listeners.wait(lambda: odds.sources["script"].status == "error", 10)
    [outage] = ps.History(tmp_path / "mine").gaps().to_dict("records")
    assert (outage["kind"], outage["source"]) == ("outage", "script")
    assert outage["detail"] == "error, terminal: the bookmaker has gone home"


@pytest.mark.parametrize("transport", ["websocket", "sse", "polling"])
def test_who_stays_for_a_moment_only_is_a_witness_too(tmp_path: Path, transport: str) -> None:
    audit, witness = tmp_path / "audit", tmp_path / "witness.jsonl"
    with Gateway(ScriptedFeed(), history=audit):
        pass
    # Of a trail that goes on, too, which has signed nothing yet since it was opened.
    with Gateway(ScriptedFeed(), history=audit) as gateway:
        ps.connect(gateway, transport=transport, witness=witness).close()
    assert verify(audit, witness).status == 0
    [told] = checkpoints_in(witness)
    assert told.n > 0


def test_polling_goes_on_to_bring_what_is_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["protipp_stream.client.transports.polling"]
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.0)
    monkeypatch.setattr(module, "INTERVAL_S", 0.1)
    feed = ScriptedFeed()
    witness = tmp_path / "witness.jsonl"
    with (
        Gateway(feed, history=tmp_path / "audit") as gateway,
        ps.connect(gateway, transport="polling", witness=witness) as odds,
    ):
        first = odds.checkpoint
        assert first is not None
        for price in range(2, 200):
            feed.tell([quote(price / 10 + 1)])
            if odds.checkpoint != first:
                break
            threading.Event().wait(0.05)
        assert odds.checkpoint in checkpoints_in(witness)
        assert odds.checkpoint.n > first.n  # type: ignore[union-attr]
    assert verify(tmp_path / "audit", witness).status == 0


def test_a_witness_hears_where_the_trail_stands(tmp_path: Path) -> None:
    feed = ScriptedFeed()
    settings = Settings(heartbeat_s=1.0)
    with Gateway(feed, settings=settings, history=tmp_path / "audit") as gateway:
        witness = tmp_path / "witness.jsonl"
        with ps.connect(gateway, witness=witness) as odds:
            feed.tell([quote(1.9)])
            for _ in range(100):
                if odds.checkpoint is not None and odds.checkpoint.n > 2:
                    break
                threading.Event().wait(0.05)
    told = checkpoints_in(witness)
    assert told
    assert told[-1] == odds.checkpoint
    key = read_public_key(Layout(tmp_path / "audit").public_key)
    assert all(verified(each, key) for each in told)
    hashes = {line.n: line.hash for line in lines_of(tmp_path / "audit")}
    assert all(hashes[each.n] == each.hash for each in told)
    assert len(told) == len(set(told))


def checkpoint(n: int) -> Checkpoint:
    return Checkpoint(journal="j", at=datetime(2026, 11, 23, tzinfo=UTC), n=n, hash="0" * 64)


def written(witness: Witness, n: int) -> bool:
    try:
        witness.on_checkpoint(checkpoint(n))
    except OSError:
        return False
    return True


def test_a_full_disk_leaves_a_witness_with_whole_lines(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as small:
        path = small.folder / "witness.jsonl"
        witness = Witness(path)
        witness.on_checkpoint(checkpoint(0))
        small.fill()
        # To the end of the page that it has already, and half a line more.
        refused = 1
        while written(witness, refused):
            refused += 1
        assert [each.n for each in checkpoints_in(path)] == list(range(refused))
        small.empty()
        assert written(witness, refused)
        assert [each.n for each in checkpoints_in(path)] == list(range(refused + 1))


@pytest.mark.parametrize("left", [1, 5, 100, -1])
def test_a_line_that_a_crash_left_half_written_is_cut_off(tmp_path: Path, left: int) -> None:
    path = tmp_path / "witness.jsonl"
    Witness(path).on_checkpoint(checkpoint(0))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:left])
    Witness(path).on_checkpoint(checkpoint(1))
    assert [each.n for each in checkpoints_in(path)] == [0, 1]


def test_a_file_of_something_else_is_no_witness_and_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("a line\nand the last one")
    with pytest.raises(TrailUnavailable, match="no witness"):
        Witness(path)
    assert path.read_text() == "a line\nand the last one"


def test_a_last_frame_after_the_end_is_no_failure_of_the_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a callback closes, on the thread that brings the frames, some may be under way."""
    with Gateway(ScriptedFeed()) as gateway:
        odds = ps.connect(gateway, record=tmp_path / "mine")
        odds.close()
        odds._listeners.on_gap(Gap("a last word", "e", 1, 1))
    assert "has failed" not in caplog.text


@pytest.mark.parametrize("is_filtered", [False, True])
def test_a_gap_is_kept_with_its_stretch_and_how_much_of_it_is_missing(
    tmp_path: Path, is_filtered: bool
) -> None:
    board = Board(None, [], {})
    recorder = Recorder(tmp_path / "mine", lambda: board, is_filtered=is_filtered)
    recorder.on_gap(Gap("slow: of 2 selections only the newest update", "e", 3, 9, 2))
    recorder.close()
    [gap] = ps.History(tmp_path / "mine").gaps().itertuples()
    assert (gap.kind, gap.epoch, gap.first_seq, gap.last_seq) == ("gap", "e", 3, 9)
    # With a filter, who knows what of it was for us.
    assert pd.isna(gap.count) if is_filtered else gap.count == 5


def test_a_record_is_not_thinned_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="max_hz="):
        ps.connect("http://127.0.0.1:1", "token", record=tmp_path / "mine", max_hz=5)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("what", ["record", "witness"])
def test_what_can_not_be_written_is_said_before_anything_is_sent(tmp_path: Path, what: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrailUnavailable):
        ps.connect("http://127.0.0.1:1", "token", **{what: tmp_path / "file" / "below"})  # type: ignore[arg-type]
