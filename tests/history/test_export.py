"""CSV and Excel: no name becomes a formula, no number is touched."""

from __future__ import annotations

import builtins
import csv
import os
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from protipp_stream.errors import ConfigurationError
from protipp_stream.history.export import safe, write_excel
from protipp_stream.history.history import History
from tests.history.conftest import Told
from tests.history.journals import BEGIN, Journal, World
from tests.history.oracles import changes_of

EVIL = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "\rx", "\0x"]


@pytest.mark.parametrize("text", EVIL)
def test_a_text_that_would_be_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Team", "a=b", "1.5", "'x", "ünïted", "h2h"])
def test_any_other_text_stays(text: str) -> None:
    assert safe(text) == text


@pytest.fixture
def evil() -> pd.DataFrame:
    stamps = pd.to_datetime([datetime(2026, 11, 23, 1, 2, 3, 456789, UTC), None] * 3 + [None])
    return pd.DataFrame(
        {
            "name": pd.Series(EVIL, dtype="category"),
            "text": EVIL,
            "=title": [-1.5, 2.0, float("nan"), 0.1, -3e-9, 1e9, 0.0],
            "count": [-1, 2, 3, 4, 5, 6, -7],
            "at": pd.Series(stamps).astype("datetime64[us, UTC]"),
        }
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is there, alone in its folder."""
    path = tmp_path / "mine" / "x.csv"
    path.parent.mkdir()
    path.write_text("kept")
    return path


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def openpyxl() -> Any:
    """The extra `excel`, which `test` has, too."""
    if os.environ.get("CI") == "true":
        return import_module("openpyxl")
    return pytest.importorskip("openpyxl")


def any_history(tmp_path: Path) -> History:
    Journal(tmp_path / "audit")
    return History(tmp_path / "audit")


def test_csv_is_safe_and_numbers_are_untouched(tmp_path: Path, evil: pd.DataFrame) -> None:
    path = tmp_path / "x.csv"
    assert any_history(tmp_path).to_csv(path, evil) == len(EVIL)
    title, *rows = read(path)
    assert title == ["name", "text", "'=title", "count", "at"]
    for row, text, number, count in zip(rows, EVIL, evil["=title"], evil["count"], strict=True):
        assert row[:2] == [f"'{text}"] * 2
        assert (float(row[2]) if row[2] else None) == (None if pd.isna(number) else number)
        assert int(row[3]) == count
    assert rows[0][4] == "2026-11-23T01:02:03.456789Z"
    assert rows[1][4] == ""


def test_updates_are_written_in_chunks_with_one_title(told: Told, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    heard: list[int] = []
    count = told.history.to_csv(path, event="ev-1", rows=10, progress=heard.append)
    written = [update for update in changes_of(told.lines) if update.event_id == "ev-1"]
    assert count == len(written) == heard[-1]
    assert len(heard) >= len(written) // 10
    title, *rows = read(path)
    assert title[:3] == ["epoch", "seq", "bookmaker_id"]
    assert sorted(f"{row[0]}:{row[1]}" for row in rows) == sorted(each.id for each in written)
    odds = {f"{row[0]}:{row[1]}": row[title.index("new_odds")] for row in rows}
    for update in written:
        assert (float(odds[update.id]) if odds[update.id] else None) == update.new_odds


def test_an_export_of_nothing_has_its_titles(told: Told, tmp_path: Path) -> None:
    assert told.history.to_csv(tmp_path / "x.csv", since="2030-01-01", columns=["seq"]) == 0
    assert read(tmp_path / "x.csv") == [["seq"]]


def test_a_slip_of_the_pen_leaves_the_file_that_is_there(told: Told, path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'ev-9'"):
        told.history.to_csv(path, event="ev-9")
    with pytest.raises(TypeError, match="evnt"):
        told.history.to_csv(path, evnt="ev-1")
    assert path.read_text() == "kept"


def test_a_table_and_filters_are_refused(told: Told, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a table was given"):
        told.history.to_csv(tmp_path / "x.csv", told.history.gaps(), event="ev-1")


@pytest.mark.parametrize("name", ["no/folder.csv", "folder"])
def test_a_file_that_cant_be_written_says_so(tmp_path: Path, evil: pd.DataFrame, name: str) -> None:
    history = any_history(tmp_path)
    (tmp_path / "folder").mkdir()
    for write in (history.to_csv, history.to_excel):
        with pytest.raises(ConfigurationError, match="can't be written") as refused:
            write(tmp_path / name, evil)
        assert "folder" in refused.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit", "folder"]


@pytest.mark.parametrize("table", [5, "ev-1", [1], pd.Series([1])])
def test_what_is_no_table_leaves_the_file_that_is_there(told: Told, path: Path, table: Any) -> None:
    for write in (told.history.to_csv, told.history.to_excel):
        with pytest.raises(ConfigurationError, match="DataFrame") as refused:
            write(path, table)
        assert refused.value.hint
    assert path.read_text() == "kept"


def test_an_error_half_way_leaves_the_file_that_is_there(told: Told, path: Path) -> None:
    def stop(rows: int) -> None:
        if rows > 20:
            raise KeyboardInterrupt

    for write in (told.history.to_csv, told.history.to_excel):
        with pytest.raises(KeyboardInterrupt):
            write(path, rows=10, progress=stop)
    assert path.read_text() == "kept"
    assert [each.name for each in path.parent.iterdir()] == ["x.csv"]


def test_a_file_is_replaced_where_its_link_leads_and_keeps_its_mode(
    tmp_path: Path, path: Path, evil: pd.DataFrame
) -> None:
    path.chmod(0o600)
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    any_history(tmp_path).to_csv(link, evil)
    assert link.is_symlink()
    assert len(read(path)) == len(EVIL) + 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_device_is_written_to(tmp_path: Path, evil: pd.DataFrame) -> None:
    assert any_history(tmp_path).to_csv("/dev/null", evil) == len(EVIL)
    assert Path("/dev/null").is_char_device()


def test_without_openpyxl_it_says_what_to_install(
    tmp_path: Path, evil: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **more: Any) -> Any:
        if name == "openpyxl":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.delitem(sys.modules, "openpyxl", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigurationError) as refused:
        any_history(tmp_path).to_excel(tmp_path / "x.xlsx", evil)
    assert 'pip install "protipp-stream[excel]"' in refused.value.hint


@pytest.mark.parametrize(
    ("sheet", "title"), [("=1+1", "_=1+1"), ("a/b:c", "a_b_c"), ("x" * 50, "x" * 31), ("'q", "_q")]
)
def test_excel_is_safe_and_knows_no_zones(
    openpyxl: Any, tmp_path: Path, evil: pd.DataFrame, sheet: str, title: str
) -> None:
    path = tmp_path / "x.xlsx"
    assert any_history(tmp_path).to_excel(path, evil, sheet=sheet) == len(EVIL)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == [title]
    first, *rows = book.active.iter_rows()
    assert [cell.value for cell in first] == ["name", "text", "'=title", "count", "at (UTC)"]
    for row, text, number in zip(rows, EVIL, evil["=title"], strict=True):
        for cell in row[:2]:
            assert cell.data_type == "s"
            assert cell.value.startswith("'")
            assert cell.value[1:].replace("\ufffd", "\0").replace("\n", "\r") == text
        assert row[2].value == (None if pd.isna(number) else number)
    assert rows[0][4].value == datetime(2026, 11, 23, 1, 2, 3, 457000)
    assert rows[0][4].number_format == "yyyy-mm-dd hh:mm:ss.000"
    assert rows[1][4].value is None


def test_updates_go_to_excel_too(openpyxl: Any, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "audit")
    world = World(journal, 3)
    world.begin()
    world.play(6)
    path = tmp_path / "x.xlsx"
    count = History(tmp_path / "audit").to_excel(path, since=BEGIN)
    assert count == len(changes_of(journal.lines))
    assert openpyxl.load_workbook(path).active.max_row == count + 1


def test_more_rows_than_a_sheet_has_are_refused(openpyxl: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": range(1_048_576)})
    with pytest.raises(ConfigurationError, match="1,048,576 rows"):
        write_excel(tmp_path / "x.xlsx", [frame], "odds", lambda rows: None)


def test_a_sheet_without_a_name_is_refused(
    openpyxl: Any, tmp_path: Path, evil: pd.DataFrame
) -> None:
    with pytest.raises(ConfigurationError, match="A sheet can't be called ''"):
        any_history(tmp_path).to_excel(tmp_path / "x.xlsx", evil, sheet="")
