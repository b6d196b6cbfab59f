"""``history query``: what is asked of a trail, and how the answer is written."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from tests.left_trails import FORMULA, Made, asked, error_of, told


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
