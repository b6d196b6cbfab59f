"""What all answers need: the trail that is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from protipp_stream.history.asking import Asked
from protipp_stream.history.known import check_known
from protipp_stream.history.reading import Trail, View

__all__ = ["Answers"]

Answer = TypeVar("Answer")


class Answers:
    """Questions to one trail.

    Parameters
    ----------
    path : str or Path
        The trail's folder.
    """

    def __init__(self, path: str | Path) -> None:
        self._trail = Trail(path)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._trail.layout.folder

    def _ask(
        self,
        about: Asked,
        question: Callable[[View], Answer],
        *,
        bookmakers: frozenset[str] = frozenset(),
    ) -> Answer:
        """Return the answer, having refused names that occur nowhere.

        Parameters
        ----------
        bookmakers : frozenset of str
            Those that are named in other arguments.
        """

        def checked(view: View) -> Answer:
            check_known(view, about)
            check_known(view, Asked(bookmakers=bookmakers))
            return question(view)

        return self._trail.ask(checked)
