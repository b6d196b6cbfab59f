"""The rows themselves: as frames, in chunks, as files, as a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protipp_stream.errors import ConfigurationError
from protipp_stream.history import export
from protipp_stream.history.answers.answers import Answers
from protipp_stream.history.asking import asked
from protipp_stream.history.counting import quietly
from protipp_stream.history.questions.updates import Kinds, checked_columns, checked_kinds
from protipp_stream.history.questions.updates import batches as batches_of
from protipp_stream.history.questions.updates import updates as rows_of
from protipp_stream.history.reading import View
from protipp_stream.history.sealed import files_of
from protipp_stream.history.tables import SCHEMAS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.dataset as ds

    from protipp_stream.history.asking import Names, Time


__all__ = ["Rows"]


class Rows(Answers):
    """What was written, row by row."""

    def updates(
        self,
        *,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        outcome: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
        kind: Kinds = ("price", "suspension"),
        columns: Iterable[str] | None = None,
    ) -> pd.DataFrame:
        """Return the updates, in the order in which they were published: ``line``, then ``seq``.

        Parameters
        ----------
        kind : str or several
            ``price``, ``suspension`` (``new_odds`` is NaN), ``image`` (what a recording
            client found on the board when it came: no change).
        columns : iterable of str, optional
            Only these, in this order.

        Returns
        -------
        DataFrame
            ``epoch`` (category) and ``seq`` (int64), which make an update's id;
            ``bookmaker_id, event_id, market, outcome`` (category); ``old_odds, new_odds``
            (decimal odds, float64); ``timestamp`` (received by the gateway),
            ``source_timestamp`` (the bookmaker's own clock, unverified) and
            ``delivered_at`` (datetime64[us, UTC]); ``latency_ms`` (milliseconds, float64);
            ``is_significant`` (bool) and ``reason`` (category); ``commission`` (share of
            the net winnings, float64); ``is_image`` (bool); ``line`` (of the journal,
            int64).

        Raises
        ------
        ConfigurationError
            For arguments that make no sense, and names that occur nowhere.
        """
        about = asked(
            event=event,
            bookmaker=bookmaker,
            market=market,
            outcome=outcome,
            since=since,
            until=until,
        )
        kinds, wanted = checked_kinds(kind), checked_columns(columns)
        return self._ask(about, lambda view: rows_of(view, about, kinds, wanted))

    def batches(
        self,
        *,
        rows: int = 100_000,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        outcome: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
        kind: Kinds = ("price", "suspension"),
        columns: Iterable[str] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the updates in frames, for what does not fit into memory; as `updates`.

        Day by day and file by file, in each by event and then in order; what is hot comes
        last. So each event's rows of a file are in order, the whole is not. They are those
        that there are when the first frame is asked for: who writes, seals or merges
        meanwhile adds none and takes none away. What a retention removes before its turn
        is not among them.

        Parameters
        ----------
        rows : int
            At most so many in a frame.
        """
        about = asked(
            event=event,
            bookmaker=bookmaker,
            market=market,
            outcome=outcome,
            since=since,
            until=until,
        )
        kinds, wanted = checked_kinds(kind), checked_columns(columns)
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
            raise ConfigurationError(f"rows={rows!r} are no frame.", hint="For example: 100_000.")
        return batches_of(self._trail, about, kinds, wanted, rows)

    def to_csv(
        self,
        path: str | Path,
        table: pd.DataFrame | None = None,
        *,
        progress: Callable[[int], None] = quietly,
        **filters: Any,
    ) -> int:
        """Write a table, or the updates, to a CSV file; return the number of rows.

        Texts that a spreadsheet would take for a formula get a ``'`` in front; numbers are
        untouched. Times are ISO 8601 in UTC, UTF-8, lines end in CR LF (RFC 4180).

        The updates are in the order of `batches`: by event where they are sealed. To have
        them as they were published, sort by ``line`` and ``seq``, or give
        ``history.updates(…)`` as the table, if that fits into memory.

        Parameters
        ----------
        path : str or Path
            Is replaced when all is written; until then, and after any error, what was
            there is there.
        table : DataFrame, optional
            What another question answered. Without it: the updates, as `batches`.
        progress : callable
            Hears how many rows are written.
        **filters
            As in `updates`.

        Raises
        ------
        ConfigurationError
            For arguments that make no sense, and a file that can't be written.
        """
        return export.write_csv(path, self._frames(table, filters), progress)

    def to_excel(
        self,
        path: str | Path,
        table: pd.DataFrame | None = None,
        *,
        sheet: str = "odds",
        progress: Callable[[int], None] = quietly,
        **filters: Any,
    ) -> int:
        """Write a table, or the updates, to an Excel file; return the number of rows.

        As safe as `to_csv`, and in its order. Needs openpyxl
        (``pip install "protipp-stream[excel]"``). Excel knows neither zones nor
        microseconds: the columns of times say "(UTC)" and have milliseconds.
        """
        return export.write_excel(path, self._frames(table, filters), sheet, progress)

    def dataset(self, kind: str = "updates") -> ds.FileSystemDataset:
        """Return what is sealed as a `pyarrow.dataset.Dataset`, to ask with other tools.

        The folder ``odds/updates`` is an ordinary Parquet dataset, partitioned by day
        (``date=2026-11-23``); its files are in ``.files``, for Dask
        (``dd.read_parquet(history.dataset().files)``), DuckDB or Polars. What is still
        hot is not in it, nor are files that were not taken in or were removed. Its rows are
        in the order of the files: day by day, in each file by event, then in the order of
        the journal. What Arrow reads through it is checked as every answer is.

        Parameters
        ----------
        kind : str
            ``updates``, ``events``, ``confirmed``, ``notes`` or ``groups``.
        """
        if kind not in SCHEMAS:
            raise ConfigurationError(
                f"There is no dataset {kind!r}.", hint=f"There are {', '.join(SCHEMAS)}."
            )

        def found(view: View) -> ds.FileSystemDataset:
            return files_of(kind, view.sealed.get(kind, {}).values())

        return self._trail.ask(found)

    def _frames(self, table: pd.DataFrame | None, filters: dict[str, Any]) -> Iterable[Any]:
        import pandas as pd

        if table is not None:
            if not isinstance(table, pd.DataFrame):
                raise ConfigurationError(
                    f"A table to write is a DataFrame, and no {type(table).__name__}.",
                    hint="Give what a question answered, or filters by name: event=…, since=….",
                )
            if filters:
                raise ConfigurationError(
                    "Filters say which updates to write, and a table was given.",
                    hint="Give one of them.",
                )
            return [table]
        frames = self.batches(**filters)
        # Before a file is opened: a slip of the pen must not empty the one that is there.
        first = next(frames, None)
        if first is not None:
            return chain([first], frames)
        # The titles at least.
        return [self.updates(**{key: value for key, value in filters.items() if key != "rows"})]
