"""Boards for `Stage`: the bodies that board.py would make, and what a grid shows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from protipp_stream.ui import OddsTable
from tests.browser.stage import Stage

Name = tuple[str, str, str, str]  # bookmaker, event, market, outcome

START = 1785844800000
GAME = ("e1", "Nationals @ Phillies", START, "mlb")
LATER = ("e2", "X @ Y", START + 3_600_000, "nba")
EVENTS = (GAME, LATER)

# Two events, four rows, three bookmakers.
PRICES: dict[Name, float | None] = {
    ("a", "e2", "h2h_lay", "X"): 3.0,
    ("c", "e2", "h2h_lay", "X"): 4.0,
    ("a", "e1", "h2h", "Phillies"): 1.5,
    ("b", "e1", "h2h", "Phillies"): None,
    ("a", "e1", "h2h", "Nationals"): 2.5,
    ("b", "e1", "h2h", "Nationals"): 2.4,
    ("a", "e1", "totals@8.5", "Over"): 1.9,
}

SHOWN = """
(at) => {
  const found = [];
  const look = (node) => {
    for (const each of node.querySelectorAll('*')) {
      if (each.matches('.grid')) found.push(each);
      if (each.shadowRoot) look(each.shadowRoot);
    }
  };
  look(document);
  const grid = found[at];
  if (!grid) return [];
  const names = [...grid.querySelectorAll('.head .cell')]
    .map((cell) => cell.textContent.replaceAll('\\u200b', ''));
  return [...grid.querySelectorAll('.canvas .row:not([hidden])')]
    .sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))
    .map((row) => Object.fromEntries([...row.children].map((cell, i) => [names[i], {
      text: cell.textContent, look: cell.className.split(' '), title: cell.title,
      label: cell.getAttribute('aria-label') ?? '',
    }])));
}
"""


class Paper:
    """Numbers selections as board.py does."""

    def __init__(self) -> None:
        self._numbers: dict[Name, int] = {}
        self._count = count()

    def whole(
        self,
        prices: Mapping[Name, float | None],
        events: Sequence[Any] = EVENTS,
        *,
        ages: Sequence[float | None] = (),
        **state: Any,
    ) -> dict[str, Any]:
        """Return the body that says everything; names that are not in it are told again."""
        self._numbers = {name: at for name, at in self._numbers.items() if name in prices}
        selections = [(self._number(name), *name) for name in prices]
        cells = [part for name, odds in prices.items() for part in (self._number(name), odds, 0)]
        body = {"whole": True, "events": list(events), "selections": selections, "cells": cells}
        return {**body, "ages": list(ages), "state": state}

    def moves(
        self,
        moved: Mapping[Name, float | None],
        events: Sequence[Any] = (),
        *,
        significant: bool = False,
    ) -> dict[str, Any]:
        """Return a body of moves; selections that were never named are."""
        new = [name for name in moved if name not in self._numbers]
        selections = [(self._number(name), *name) for name in new]
        cells = [
            part
            for name, odds in moved.items()
            for part in (self._number(name), odds, int(significant))
        ]
        return {"events": list(events), "selections": selections, "cells": cells}

    def _number(self, name: Name) -> int:
        if name not in self._numbers:
            self._numbers[name] = next(self._count)
        return self._numbers[name]


class TableStage(Stage):
    """The table on an empty page, and what it shows."""

    def __init__(self, page: Any, **options: Any) -> None:
        options = {"max_height": "20rem"} | options
        super().__init__(page, OddsTable.parts, **options)
        self.paper = Paper()

    def whole(self, prices: Mapping[Name, float | None], *events: Any, **said: Any) -> None:
        self.push(self.paper.whole(prices, events or EVENTS, **said))

    def move(self, moved: Mapping[Name, float | None], *events: Any, **said: Any) -> None:
        self.push(self.paper.moves(moved, events, **said))

    def shown(self, at: int = 0) -> list[dict[str, Any]]:
        """The rows in the document, from the top: heading -> text, look, title, label."""
        rows: list[dict[str, Any]] = self.page.evaluate(SHOWN, at)
        return rows

    def column(self, name: str, at: int = 0) -> list[str]:
        """The texts under a heading, from the top."""
        return [row[name]["text"] for row in self.shown(at)]

    def cell(self, outcome: str, column: str) -> dict[str, Any]:
        """One cell of the row of an outcome."""
        [row] = [row for row in self.shown() if row["Outcome"]["text"] == outcome]
        cell: dict[str, Any] = row[column]
        return cell

    def looks(self, outcome: str, column: str) -> set[str]:
        """The classes of a cell."""
        return set(self.cell(outcome, column)["look"])

    def headings(self) -> list[str]:
        """The columns, from the left."""
        texts: list[str] = self.page.locator(".head .cell").all_text_contents()
        return [text.replace("\u200b", "") for text in texts]

    def element(self, outcome: str, column: str) -> Any:
        """The element of a cell, wherever its row goes."""
        row = self.page.locator(".canvas .row:not([hidden])", has_text=outcome)
        return row.locator(".cell").nth(self.headings().index(column)).element_handle()

    def heading(self, name: str) -> Any:
        """A heading."""
        return self.page.locator(f'.head .cell[data-column="{name}"]')

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.page.evaluate(
            "() => new Promise((done) =>"
            " requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
        )

    def focused(self) -> Any:
        """What has the focus: text, place of its row, column."""
        return self.page.evaluate(
            """() => {
              const el = document.body.lastChild.shadowRoot.activeElement;
              if (!el) return null;
              const row = Number(el.parentNode.getAttribute('aria-rowindex')) - 2;
              return [el.textContent, row, [...el.parentNode.children].indexOf(el)];
            }"""
        )
