"""``history …``: every command, on trails that real gateways have left."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import protipp_stream as ps
from protipp_stream.cli import main
from protipp_stream.history.journal import Journal
from protipp_stream.history.layout import Layout
from tests.history.trails import contents
from tests.left_trails import Made, asked, error_of, told, until
from tests.test_cli import ENVIRONMENT, Serving, command, stop

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
