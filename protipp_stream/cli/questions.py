"""``history query``: one of `History`'s questions, as a table or CSV."""

from __future__ import annotations

import inspect
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from protipp_stream.cli.arguments import Several
from protipp_stream.cli.progress import showing, to_the_second
from protipp_stream.cli.trail import Folder
from protipp_stream.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Question", "query"]


class Question(StrEnum):
    """What can be asked."""

    UPDATES = "updates"
    AS_OF = "as_of"
    OPEN_CLOSE = "open_close"
    OVERROUND = "overround"
    FAIR = "fair"
    MOVES = "moves"
    STEAM = "steam"
    ARBITRAGE = "arbitrage"
    LEAD_LAG = "lead_lag"
    LATENCY = "latency"
    GAPS = "gaps"
    EVENTS = "events"
    SUMMARY = "summary"
    SUSPENSIONS = "suspensions"


class Form(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def query(
    folder: Folder,
    question: Annotated[Question, typer.Argument(help="A question of ps.History.")],
    event: Several = None,
    bookmaker: Several = None,
    market: Several = None,
    outcome: Several = None,
    since: Annotated[
        str | None, typer.Option(help='From then on: "2026-11-23 18:30", UTC.')
    ] = None,
    until: Annotated[str | None, typer.Option(help="Up to then, UTC.")] = None,
    at: Annotated[str | None, typer.Option(help="Of as_of: the moment, UTC.")] = None,
    form: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TABLE,
    rows: Annotated[int, typer.Option(min=1, help="Rows of a table.")] = 40,
) -> None:
    """Ask a trail, for example: query audit/ updates --event mlb-1 --format csv."""
    from protipp_stream.history import History

    given = {
        "event": event,
        "bookmaker": bookmaker,
        "market": market,
        "outcome": outcome,
        "since": since,
        "until": until,
        "t": at,
    }
    answer = _asked(History(folder), question, given)
    if not len(answer):
        print(f"no rows; {_extent(folder)}", file=sys.stderr)
    if form is Form.TABLE:
        _show(answer, rows)
    elif form is Form.CSV:
        from protipp_stream.history.export import without_formulas

        print(without_formulas(answer).to_csv(index=_has_index(answer)), end="")
    elif len(answer):
        told = answer.reset_index() if _has_index(answer) else answer
        print(told.to_json(orient="records", lines=True, date_format="iso", date_unit="us"), end="")


def _asked(history: Any, question: Question, given: dict[str, Any]) -> pd.DataFrame:
    method = getattr(history, question.value)
    known = inspect.signature(method).parameters
    chosen = {name: value for name, value in given.items() if value}
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise ConfigurationError(
            f"{question.value} can't be asked by {_option(unknown[0])}.",
            hint=f"It knows {', '.join(_option(name) for name in given if name in known)}.",
        )
    if "t" in known and "t" not in chosen:
        raise ConfigurationError("Of which moment?", hint='Add --at "2026-11-23 18:30".')
    if "progress" not in known:
        return cast("pd.DataFrame", method(**chosen))
    with showing(question.value, "rows") as progress:
        return cast("pd.DataFrame", method(**chosen, progress=progress))


def _option(name: str) -> str:
    return "--at" if name == "t" else f"--{name}"


def _has_index(answer: pd.DataFrame) -> bool:
    return answer.index.name is not None or answer.index.nlevels > 1


def _extent(folder: Path) -> str:
    from protipp_stream.history.stats import stats

    known = stats(folder)
    if known.first is None or known.last is None:
        return "there are no updates in this history"
    begin, end = map(to_the_second, (known.first, known.last))
    return f"the history runs from {begin} to {end} UTC"


def _show(answer: pd.DataFrame, rows: int) -> None:
    if not len(answer):
        return
    print(answer.head(rows).to_string(index=_has_index(answer)))
    if len(answer) > rows:
        print(f"… {len(answer) - rows:,} more rows; --rows {len(answer)} or --format csv for all")
