"""``record`` and ``serve --history``: real processes, real signals, and what is kept."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pandas as pd
import pytest

import protipp_stream as ps
from protipp_stream.cli.recording import _tell_gaps
from protipp_stream.client.changes import Board, Gap
from protipp_stream.client.recording import Recorder
from protipp_stream.errors import UpdatesMissed
from tests.small_disk import small_disk
from tests.test_cli import ENVIRONMENT, Serving, command, run, stop
from tests.test_cli_history import error_of, told, until


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A gateway with a history, as another process; the environment to reach it."""
    arguments = ["serve", "--port", "0", "--history", str(tmp_path / "kept")]
    process = Serving([*arguments, "--publish-after", "durable"])
    token = run("token", "--sub", "tester", "--expires", "30m").stdout.strip()
    yield {"PROTIPP_URL": process.gateway, "PROTIPP_TOKEN": token}
    if process.process.poll() is None:
        assert stop(process.process) == 0


def _recording(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command("record", *arguments),
        env=ENVIRONMENT | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert "recording http" in _line(process.stderr)
    return process


def _line(pipe: IO[str] | None) -> str:
    assert pipe is not None
    return pipe.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_client_records_until_a_signal_is_what_the_gateway_kept(
    serving: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    mine = tmp_path / "mine"
    process = _recording([str(mine)], serving)
    history = ps.History(mine)
    until(lambda: len(history.updates(columns=["seq"])) > 100)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "rows kept, closed" in said
    assert told("verify", str(mine)).returncode == 0
    selection = ["seq", "bookmaker_id", "event_id", "market", "outcome", "new_odds"]
    seen = history.updates(columns=selection)
    kept = ps.History(tmp_path / "kept").updates(columns=selection)
    kept = kept[kept.seq.between(seen.seq.min(), seen.seq.max())].reset_index(drop=True)
    # Which names there are, to choose among, is a matter of each trail.
    pd.testing.assert_frame_equal(seen.astype(object), kept.astype(object))


def test_record_stops_by_itself_and_keeps_only_what_it_was_asked_for(
    serving: dict[str, str], tmp_path: Path
) -> None:
    arguments = ["--bookmaker", "sim_alder", "--market", "h2h", "--duration", "2"]
    done = run("record", str(tmp_path / "few"), *arguments, **serving)
    assert done.returncode == 0, done.stderr
    rows = ps.History(tmp_path / "few").updates(kind=["price", "suspension", "image"])
    assert set(rows.bookmaker_id) == {"sim_alder"}
    assert set(rows.market) == {"h2h"}


def test_record_into_a_folder_in_use_is_one_line(serving: dict[str, str], tmp_path: Path) -> None:
    words = error_of(run("record", str(tmp_path / "kept"), **serving))
    assert "folder of its own" in words


def test_record_that_could_not_keep_all_does_not_end_well(
    serving: dict[str, str], tmp_path: Path
) -> None:
    everything = ps.History(tmp_path / "kept")
    with small_disk(tmp_path / "small") as small:
        process = _recording([str(small.folder / "mine")], serving)
        until(lambda: len(ps.History(small.folder / "mine").updates(columns=["seq"])) > 10)
        small.fill()
        so_far = len(everything.updates(columns=["seq"]))
        # More than has room in the last page of its file.
        until(lambda: len(everything.updates(columns=["seq"])) > so_far + 100)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "LOST" in said
    assert "No space left on device" in said.splitlines()[-1]


def test_a_witness_of_nothing_is_said(tmp_path: Path) -> None:
    process = Serving(["serve", "--port", "0"])
    token = run("token", "--sub", "tester", "--expires", "30m").stdout.strip()
    access = {"PROTIPP_URL": process.gateway, "PROTIPP_TOKEN": token}
    arguments = ["--witness", str(tmp_path / "witness.jsonl"), "--duration", "0.5"]
    done = run("record", str(tmp_path / "mine"), *arguments, **access)
    assert stop(process.process) == 0
    assert done.returncode == 0
    assert "no trail to witness" in done.stderr


def test_record_ends_when_its_token_does(serving: dict[str, str], tmp_path: Path) -> None:
    token = run("token", "--sub", "brief", "--expires", "8s").stdout.strip()
    done = run("record", str(tmp_path / "brief"), **serving | {"PROTIPP_TOKEN": token})
    assert done.returncode == 2
    assert "error: " in done.stderr.splitlines()[-1]
    assert "expired" in done.stderr.splitlines()[-1]
    assert told("verify", str(tmp_path / "brief")).returncode == 0


def test_serve_keeps_odds_and_who_came_until_it_is_stopped(
    serving: dict[str, str], tmp_path: Path
) -> None:
    kept = str(tmp_path / "kept")
    assert run("watch", "--count", "20", **serving).returncode == 0
    # While it writes, too.
    assert told("verify", kept).returncode in {0, 3}

    def reasons() -> set[str]:
        known = json.loads(told("export", kept, "--subject", "tester").stdout)
        return {record["reason"] for record in known["records"]}

    until(lambda: {"connected", "left"} <= reasons())


def test_serve_into_a_folder_that_another_writes_is_one_line(
    serving: dict[str, str], tmp_path: Path
) -> None:
    done = run("serve", "--port", "0", "--history", str(tmp_path / "kept"))
    assert done.returncode == 2
    assert "folder of its own" in done.stderr.splitlines()[-1]
    assert "ready" not in done.stdout


def test_updates_that_were_never_shown_do_not_end_well(tmp_path: Path) -> None:
    began = datetime.now(UTC)
    recorder = Recorder(tmp_path / "mine", lambda: Board(None, [], {}))
    recorder.close()
    _tell_gaps(tmp_path / "mine", began)
    recorder = Recorder(tmp_path / "mine", lambda: Board(None, [], {}))
    recorder.on_gap(Gap("we were away for too long", "e", 10, 2_009))
    recorder.close()
    with pytest.raises(UpdatesMissed, match="2,000 or more, in 1 gaps"):
        _tell_gaps(tmp_path / "mine", began)
    # What was missed the day before is another matter.
    _tell_gaps(tmp_path / "mine", datetime.now(UTC))
