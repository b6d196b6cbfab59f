"""Tables to CSV and Excel, so that what a bookmaker calls a team runs nowhere.

A text that begins with ``= + - @``, a tab, a carriage return or NUL would be a formula to
a spreadsheet: it gets a ``'`` in front (security.md). So do the titles of columns and
sheets. Numbers stay numbers, negative ones too.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protipp_stream.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["safe", "without_formulas", "write_csv", "write_excel"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")
# What XML has no place for.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_SHEET = re.compile(r"[\[\]:*?/\\]")
_LONGEST_SHEET = 31
_EXCEL_ROWS = 1_048_576
_TIME = "yyyy-mm-dd hh:mm:ss.000"

Progress = Callable[[int], None]


def safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_csv(path: Path | str, frames: Iterable[pd.DataFrame], progress: Progress) -> int:
    """Write frames of the same columns, one below the other; return how many rows.

    Times are ISO 8601 in UTC with microseconds; what is unknown is empty.

    Raises
    ------
    ConfigurationError
        If the file can't be written: what was there is still there.
    """
    rows = 0
    with (
        _replacing(path) as new,
        _refused(path),
        new.open("w", encoding="utf-8", newline="") as file,
    ):
        for number, frame in enumerate(frames):
            made = without_formulas(frame)
            made.to_csv(file, index=False, header=number == 0, lineterminator="\r\n")
            rows += len(made)
            progress(rows)
    return rows


def write_excel(
    path: Path | str, frames: Iterable[pd.DataFrame], sheet: str, progress: Progress
) -> int:
    """Write frames of the same columns to one sheet; return how many rows.

    Excel has no time zones and knows milliseconds: times are UTC and their columns are
    called so.

    Raises
    ------
    ConfigurationError
        If openpyxl is not installed, there are more rows than a sheet has, or the file
        can't be written: what was there is still there.
    """
    try:
        from openpyxl import Workbook
    except ImportError:
        raise ConfigurationError(
            "Excel files need openpyxl, which is not installed.",
            hint='Install it with `pip install "protipp-stream[excel]"`, or use to_csv().',
        ) from None
    book = Workbook(write_only=True)
    page = book.create_sheet(_sheet_name(sheet))
    try:
        rows = _fill(page, frames, progress)
    finally:
        page.close()
    with _replacing(path) as new, _refused(path):
        book.save(new)
    return rows


def _fill(page: Any, frames: Iterable[pd.DataFrame], progress: Progress) -> int:
    rows = 0
    for number, frame in enumerate(frames):
        if number == 0:
            page.append([_legal(safe(_title(frame, name))) for name in frame.columns])
        rows += len(frame)
        if rows >= _EXCEL_ROWS:
            raise ConfigurationError(
                f"A sheet of Excel has {_EXCEL_ROWS:,} rows, and there are more.",
                hint="Ask for less, or write CSV with to_csv().",
            )
        for values in _rows_of(frame):
            page.append([_cell(page, value) for value in values])
        progress(rows)
    return rows


@contextmanager
def _replacing(path: Path | str) -> Iterator[Path]:
    """Yield where to write; it takes the place of what is there when all is written."""
    target = Path(path)
    if target.exists() and not target.is_file():
        # A pipe or a terminal has no place beside it.
        yield target
        return
    # Through a link to what it names, as opening it would go.
    target = target.resolve()
    new = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        yield new
        with _refused(path):
            if target.exists():
                shutil.copymode(target, new)
            new.replace(target)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


@contextmanager
def _refused(path: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{path} can't be written: {error.strerror or error}.",
            hint="Give a path in a folder that is there and has room.",
        ) from error


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose texts no spreadsheet takes for formulas."""
    import pandas as pd

    made: dict[str, Any] = {}
    for name in frame.columns:
        column = frame[name]
        kind = column.dtype
        if isinstance(kind, pd.CategoricalDtype):
            # Codes stay: two names must not become one, nor be looked at row by row.
            names = [safe(each) if isinstance(each, str) else each for each in kind.categories]
            column = pd.Series(pd.Index([*names, None], dtype=object)[column.cat.codes.to_numpy()])
        elif isinstance(kind, pd.DatetimeTZDtype):
            column = column.dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        elif not pd.api.types.is_numeric_dtype(kind):
            column = column.map(_safe_value, na_action="ignore")
        made[safe(str(name))] = column.to_numpy()
    return pd.DataFrame(made)


def _safe_value(value: Any) -> Any:
    return safe(value) if isinstance(value, str) else value


def _rows_of(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    import pandas as pd

    columns = []
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        columns.append(column.astype(object).where(column.notna(), None).tolist())
    yield from zip(*columns, strict=True)


def _cell(page: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if isinstance(value, str):
        return _legal(safe(value))
    if not hasattr(value, "to_pydatetime"):
        return value
    # Without a format of its own a cell shows seconds, though it has milliseconds.
    cell = WriteOnlyCell(page, value.to_pydatetime(warn=False))
    cell.number_format = _TIME
    return cell


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)


def _title(frame: pd.DataFrame, name: Any) -> str:
    import pandas as pd

    is_time = isinstance(frame[name].dtype, pd.DatetimeTZDtype)
    return f"{name} (UTC)" if is_time else str(name)


def _sheet_name(sheet: str) -> str:
    named = safe(_legal(_SHEET.sub("_", sheet)))[:_LONGEST_SHEET]
    if not sheet or named.strip("'") == "":
        raise ConfigurationError(f"A sheet can't be called {sheet!r}.", hint='For example "odds".')
    # Excel opens no book with a sheet whose name begins with an apostrophe.
    return "_" + named[1:] if named.startswith("'") else named
