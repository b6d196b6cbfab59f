"""``history …``: every command, on trails that real gateways have left."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pandas as pd
import pytest

import protipp_stream as ps
from protipp_stream.cli import main
from protipp_stream.gateway import Settings
from protipp_stream.history.journal import Journal
from protipp_stream.history.layout import Layout
from tests.history.trails import contents
from tests.test_cli import ENVIRONMENT, Serving, command, stop

FORMULA = "=1+1"


class Made:
    """A trail that a gateway has left, and what a client saw of it meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.audit, self.older = folder / "audit", folder / "older"
        self.witness = folder / "witness.jsonl"
        settings = Settings(heartbeat_s=1)
        with ps.Gateway(history=self.audit, settings=settings) as gateway:
            _publish(gateway, 1.9)
            with ps.connect(gateway):
                pass
        shutil.copytree(self.audit, self.older)
        with (
            ps.Gateway(history=self.audit, settings=settings) as gateway,
            ps.connect(gateway, witness=self.witness),
        ):
            _publish(gateway, 2.4)
            until(lambda: self.witness.read_bytes().count(b"\n") >= 3)
        assert told("seal", str(self.audit)).returncode == 0


def _publish(gateway: ps.Gateway, odds: float) -> None:
    outcomes = {"Blues": odds, "Reds": 2.0, FORMULA: 15.0}
    rows = [
        {"bookmaker_id": who, "event_id": "m1", "market": "h2h", "outcome": what, "odds": price}
        for who in ("acme", "bolt")
        for what, price in outcomes.items()
    ]
    described = {"event_id": "m1", "name": "Reds @ Blues", "sport": "baseball"}
    token = gateway.token("publisher", scopes=["odds:publish"])
    answer = httpx.post(
        f"{gateway.url}/api/v1/odds",
        json={"events": [described], "quotes": rows},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code < 300, answer.text


def until(is_so: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("history"))


@pytest.fixture
def audit(made: Made, tmp_path: Path) -> str:
    """A copy of the trail, to do with as a test likes."""
    return str(shutil.copytree(made.audit, tmp_path / "audit"))


def told(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Do what ``protipp-stream history …`` does, in this process: so many would take long."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["protipp-stream", "history", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def error_of(done: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """Insist on one line of error and nothing else."""
    assert done.returncode == code, done
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def asked(audit: str, *arguments: str) -> list[dict[str, str]]:
    done = told("query", audit, *arguments, "--format", "csv")
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


# ----------------------------------------------------------------------- verify


def test_verify_says_intact_and_how_much_it_read(made: Made, audit: str) -> None:
    done = told("verify", audit, "--witness", str(made.witness))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("intact: ")
    assert "sealed rows in" in done.stdout


def test_verify_finds_a_changed_price_and_says_where(audit: str) -> None:
    file = next(Path(audit, "odds/updates").rglob("*.parquet"))
    rows = pd.read_parquet(file)
    rows.loc[0, "new_odds"] = 99.0
    rows.to_parquet(file)
    done = told("verify", audit)
    assert done.returncode == 1
    assert "CHANGED" in done.stdout
    assert file.name in done.stdout


def test_verify_finds_a_trail_that_was_rolled_back_by_its_witness(made: Made) -> None:
    older = str(made.older)
    assert told("verify", older).returncode == 0
    done = told("verify", older, "--witness", str(made.witness))
    assert done.returncode == 2
    assert "ROLLED BACK" in done.stdout


def test_verify_calls_an_end_that_a_crash_left_unsigned(made: Made, tmp_path: Path) -> None:
    folder = shutil.copytree(made.older, tmp_path / "crashed")
    newest = Layout(folder).segments()[-1][1]
    with newest.open("ab") as file:
        file.write(b'{"n":99,"at":"2026-')
    done = told("verify", str(folder))
    assert done.returncode == 3
    assert "torn" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["--witness", "nowhere.jsonl"], ["--public-key", "no"]])
def test_verify_that_could_not_is_neither_good_nor_bad(
    audit: str, tmp_path: Path, arguments: list[str]
) -> None:
    folder = audit if arguments else str(tmp_path / "nothing")
    error_of(told("verify", folder, *arguments), code=4)


@pytest.mark.parametrize("arguments", [[], ["audit", "--wittness", "x"], ["audit", "more"]])
def test_verify_that_was_misspelled_says_nothing_of_the_trail(arguments: list[str]) -> None:
    error_of(told("verify", *arguments), code=4)


def test_verify_that_can_not_read_a_file_does_not_call_it_changed(audit: str) -> None:
    manifest = Path(audit, "manifest.jsonl")
    manifest.unlink()
    manifest.mkdir()
    error_of(told("verify", audit), code=4)


# ------------------------------------------------------------- stats, seal, retain


def test_stats_count_what_is_sealed_and_what_is_not(made: Made, audit: str) -> None:
    sealed = told("stats", audit).stdout
    assert "updates               12 rows" in sealed
    hot = told("stats", str(made.older)).stdout
    assert "nothing yet" in hot
    assert "0 lines" not in hot


def test_stats_say_since_when_who_came_is_kept(made: Made, tmp_path: Path) -> None:
    told_of = told("stats", str(made.older)).stdout
    assert f"from {datetime.now(UTC):%Y-%m-%d}" in told_of.split("access", 1)[1]
    assert "with a name" in told_of
    Journal(tmp_path).close()
    assert "access" not in told("stats", str(tmp_path)).stdout


def test_seal_twice_seals_nothing_new(audit: str) -> None:
    before = trail_of(audit)
    for _ in range(2):
        done = told("seal", audit)
        assert (done.returncode, done.stdout) == (0, "nothing to seal\n")
        assert told("retain", audit).returncode == 0
        assert told("erase", audit, "--subject", "nobody", "--yes").returncode == 0
    assert trail_of(audit) == before
    assert len(asked(audit, "updates")) == 12
    assert told("verify", audit).returncode == 0


def trail_of(folder: str) -> dict[str, bytes]:
    """The lines of a trail; what is personal may be written anew with nothing changed."""
    parts = (Path(folder, "hot"), Path(folder, "odds"), Path(folder, "manifest.jsonl"))
    files = [file for part in parts for file in (part, *part.rglob("*")) if file.is_file()]
    return {str(file): file.read_bytes() for file in files}


def test_seal_and_verify_count_the_same_rows(made: Made, tmp_path: Path) -> None:
    folder = str(shutil.copytree(made.older, tmp_path / "older"))
    rows = re.search(r"segments?, ([0-9,]+) rows", told("seal", folder).stdout)
    assert rows is not None
    assert f", {rows[1]} sealed rows in" in told("verify", folder).stdout


def test_seal_beside_a_gateway_says_whose_the_newest_segment_is(made: Made, tmp_path: Path) -> None:
    folder = tmp_path / "older"
    with ps.Gateway(history=folder):
        done = told("seal", str(folder))
    assert done.returncode == 0
    assert "the gateway that writes the newest segment will" in done.stdout
    assert "0 bytes" not in done.stdout


@pytest.mark.parametrize(
    "arguments", [["seal"], ["retain"], ["rotate"], ["erase", "--subject", "notebook", "--yes"]]
)
def test_nothing_is_changed_where_the_signing_key_is_not_at_hand(
    made: Made, tmp_path: Path, arguments: list[str]
) -> None:
    name, *more = arguments
    folder = shutil.copytree(made.older, tmp_path / "older")
    (folder / "signing.key").unlink()
    before = contents(folder)
    assert "PROTIPP_SIGNING_KEY" in error_of(told(name, str(folder), *more))
    assert {path: data for path, data in contents(folder).items() if data} == {
        path: data for path, data in before.items() if data
    }
    assert told("verify", str(folder)).returncode == 0


def test_retain_says_what_would_go_and_then_it_goes(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    long_ago = datetime(2024, 3, 1, tzinfo=UTC)
    _left_by_a_gateway_of(folder, long_ago)
    arguments = ["retain", str(folder), "--odds-days", "30"]
    dry = told(*arguments, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "would remove" in dry.stdout
    named = [line.strip() for line in dry.stdout.splitlines() if line.startswith("  ")]
    assert any("date=2024-03-01" in name for name in named)
    assert all((folder / name).exists() for name in named)
    done = told(*arguments)
    assert "removed" in done.stdout
    assert not any((folder / name).exists() for name in named)
    assert told("verify", str(folder)).returncode == 0


def _left_by_a_gateway_of(folder: Path, at: datetime) -> None:
    from protipp_stream.core.access import AccessRecord, Requester
    from protipp_stream.core.journal_line import Note
    from protipp_stream.history.access import Trail
    from protipp_stream.history.group import Entry

    journal = Journal(folder, wall=lambda: at)
    start = Note(kind="start", timestamp=at, epoch="old")
    journal.put(Entry("old", "notes", [msgspec.json.encode(start)]))
    trail = Trail(folder)
    trail.record(AccessRecord(at=at, reason="connected", by=Requester("alice", "192.0.2.7")))
    trail.close()
    journal.close()
    assert told("seal", str(folder)).returncode == 0


def test_retain_keeps_for_ever_what_shall_be_kept(tmp_path: Path) -> None:
    folder = str(tmp_path)
    _left_by_a_gateway_of(tmp_path, datetime(2024, 3, 1, tzinfo=UTC))
    kept = told("retain", folder, "--access-days", "inf", "--address-days", "inf")
    assert "removed 0 access records and 0 addresses" in kept.stdout
    assert "removed 0 files" in told("retain", folder, "--odds-days", "inf").stdout
    error_of(told("retain", folder, "--access-days", "nan"))
    assert told("verify", folder).returncode == 0


def test_retain_works_on_what_a_client_recorded(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    done = told("retain", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "access").exists()


def test_a_gateway_that_is_served_keeps_as_long_as_it_was_told(tmp_path: Path) -> None:
    from protipp_stream.core.access import AccessRecord, Requester
    from protipp_stream.history.access import Trail

    trail = Trail(tmp_path)
    for days in (200, 5):
        at = datetime.now(UTC) - timedelta(days=days)
        trail.record(AccessRecord(at=at, reason="connected", by=Requester("alice", "192.0.2.7")))
    trail.close()
    options = ["--access-days", "inf", "--address-days", "100"]
    serving = Serving(["serve", "--port", "0", "--history", str(tmp_path), *options])

    def addresses() -> list[str | None]:
        known = json.loads(told("export", str(tmp_path), "--subject", "alice").stdout)
        return [record["address"] for record in known["records"]]

    until(lambda: addresses() == [None, "192.0.2.7"])
    assert stop(serving.process) == 0
    assert told("verify", str(tmp_path)).returncode == 0


def test_rotate_wraps_every_key_anew(audit: str) -> None:
    done = told("rotate", audit)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("wrapped ")
    assert json.loads(told("export", audit, "--subject", "notebook").stdout)["records"]
    assert told("verify", audit).returncode == 0


# ---------------------------------------------------------------------- subjects


def test_export_hands_out_what_is_known_of_a_person(audit: str, tmp_path: Path) -> None:
    known = json.loads(told("export", audit, "--subject", "notebook").stdout)
    assert {"connected", "left"} <= {record["reason"] for record in known["records"]}
    assert {record["subject"] for record in known["records"]} == {"notebook"}
    assert "127.0.0.1" in {record["address"] for record in known["records"]}
    file = tmp_path / "notebook.json"
    file.touch(mode=0o644)
    assert told("export", audit, "--subject", "notebook", "--output", str(file))
    assert json.loads(file.read_text()) == known
    assert file.stat().st_mode & 0o077 == 0


def test_export_of_a_stranger_says_that_nothing_is_known(audit: str) -> None:
    done = told("export", audit, "--subject", "nobody")
    assert json.loads(done.stdout)["records"] == []
    assert "nothing is known of 'nobody'" in done.stderr


def test_erase_asks_first_and_takes_no_for_an_answer(audit: str) -> None:
    arguments = command("history", "erase", audit, "--subject", "notebook")
    for answer, code in (("n\n", 1), ("", 130)):
        done = subprocess.run(
            arguments, env=ENVIRONMENT, input=answer, text=True, capture_output=True, check=False
        )
        assert done.returncode == code
    assert json.loads(told("export", audit, "--subject", "notebook").stdout)["records"]


def test_erase_forgets_a_person_and_the_trail_still_verifies(audit: str) -> None:
    done = told("erase", audit, "--subject", "notebook", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("erased: ")
    after = json.loads(told("export", audit, "--subject", "notebook").stdout)
    assert after["records"] == []
    assert json.loads(told("export", audit, "--subject", "publisher").stdout)["records"]
    assert told("verify", audit).returncode == 0


def test_erase_of_a_stranger_does_not_look_like_success(audit: str) -> None:
    done = told("erase", audit, "--subject", "Notebook", "--yes")
    assert done.returncode == 0
    assert "nothing is known of 'Notebook'" in done.stdout


def test_history_without_a_command_shows_its_help_as_the_program_does() -> None:
    done = told()
    assert (done.returncode, done.stderr) == (0, "")
    assert " history [OPTIONS] COMMAND" in done.stdout.splitlines()[0]
    assert "\n  verify" in done.stdout


@pytest.mark.parametrize(
    "option",
    [["--odds-days", "9"], ["--access-days", "inf"], ["--address-days", "9"],
     ["--history-failure", "stop"], ["--publish-after", "durable"]],
)  # fmt: skip
def test_serve_refuses_what_is_said_of_a_history_that_it_has_not(
    option: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def served(*_: object) -> None:
        raise AssertionError("served all the same")

    monkeypatch.setenv("PROTIPP_JWT_SECRET", ENVIRONMENT["PROTIPP_JWT_SECRET"])
    monkeypatch.setattr(ps.Gateway, "__init__", served)
    err = io.StringIO()
    monkeypatch.setattr(sys, "argv", ["protipp-stream", "serve", *option])
    with redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    [line] = err.getvalue().splitlines()
    assert line.startswith(f"error: {option[0]} needs a history")


# ------------------------------------------------------------------------- query


def test_query_answers_with_the_rows_that_were_asked_for(audit: str) -> None:
    rows = asked(audit, "updates", "--bookmaker", "acme", "--outcome", "Blues", "--market", "h2h")
    assert [float(row["new_odds"]) for row in rows] == [1.9, 2.4]
    second = rows[1]["timestamp"]
    later = asked(audit, "updates", "--since", second, "--outcome", "Blues")
    assert {row["line"] for row in later} == {rows[1]["line"]}
    assert len(asked(audit, "updates", "--until", second)) == 6


def test_query_as_of_is_the_board_of_that_moment(audit: str) -> None:
    first, *_ = asked(audit, "updates")
    board = asked(audit, "as_of", "--at", first["timestamp"])
    assert {(row["bookmaker_id"], row["outcome"]) for row in board} == {
        (who, what) for who in ("acme", "bolt") for what in ("Blues", "Reds", f"'{FORMULA}")
    }
    assert {float(row["odds"]) for row in board if row["outcome"] == "Blues"} == {1.9}


@pytest.mark.parametrize(
    "question",
    [
        "updates", "open_close", "overround", "fair", "moves", "steam", "arbitrage", "lead_lag",
        "latency", "gaps", "events", "summary", "suspensions",
    ],
)  # fmt: skip
def test_query_can_ask_every_question(audit: str, question: str) -> None:
    done = told("query", audit, question)
    assert done.returncode == 0
    assert bool(done.stdout) != done.stderr.startswith("no rows; ")


@pytest.mark.parametrize(("form", "out"), [("table", False), ("csv", True), ("json", False)])
def test_query_without_a_row_says_from_when_to_when_there_are_some(
    audit: str, form: str, out: bool
) -> None:
    last = asked(audit, "updates")[-1]["timestamp"][:19].replace("T", " ")
    done = told("query", audit, "updates", "--since", "2040-01-01", "--format", form)
    assert done.returncode == 0
    assert done.stderr.startswith("no rows; the history runs from ")
    assert done.stderr.endswith(f" to {last} UTC\n")
    assert [line.split(",")[:2] for line in done.stdout.splitlines()] == [["epoch", "seq"]] * out


def test_a_gateway_that_came_back_is_one_restart_and_a_first_start_is_none(
    made: Made, audit: str
) -> None:
    assert "restart" not in {row["kind"] for row in asked(str(made.older), "gaps")}
    assert [row["kind"] for row in asked(audit, "gaps")].count("restart") == 1


def test_query_writes_csv_that_no_spreadsheet_computes(audit: str) -> None:
    cells = {row["outcome"] for row in asked(audit, "updates")}
    assert f"'{FORMULA}" in cells
    assert FORMULA not in cells


def test_query_writes_json_lines_for_programs(audit: str) -> None:
    done = told("query", audit, "updates", "--format", "json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 12
    assert {row["outcome"] for row in rows} == {"Blues", "Reds", FORMULA}
    assert datetime.fromisoformat(rows[0]["timestamp"]).tzinfo is not None


def test_query_says_how_many_rows_a_table_leaves_out(audit: str) -> None:
    done = told("query", audit, "updates", "--rows", "5")
    assert "7 more rows" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["updates", "--event", "nope"], "'m1'"),
        (["updates", "--since", "yesterday evening"], "Write"),
        (["updates", "--at", "2026-01-01"], "--event"),
        (["latency", "--outcome", "Blues"], "--bookmaker"),
        (["as_of"], "--at"),
        (["odds"], "--help"),
    ],
)
def test_query_that_makes_no_sense_is_one_line_with_a_hint(
    audit: str, arguments: list[str], words: str
) -> None:
    assert words in error_of(told("query", audit, *arguments))


@pytest.mark.parametrize(
    "arguments",
    [["stats"], ["seal"], ["retain"], ["rotate"], ["export", "--subject", "x"],
     ["erase", "--subject", "x", "--yes"]],
)  # fmt: skip
def test_a_folder_without_a_trail_is_one_line_and_stays_as_it_was(
    tmp_path: Path, arguments: list[str]
) -> None:
    name, *more = arguments
    error_of(told(name, str(tmp_path), *more))
    assert list(tmp_path.iterdir()) == []
