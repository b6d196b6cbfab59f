"""One ES module in two hosts: a notebook's widget and a served page.

A component is drawn by its own ``.js`` and ``.css`` together with ``host.js``,
which knows both hosts. In a notebook frames leave from the pump's own thread, so a
busy cell does not stall them.

What a viewer chooses in the browser (a stake, an event, a moment) is answered by
Python: viewers that chose the same share a pump, and so its frames.
"""

from __future__ import annotations

import json
import logging
import reprlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from protipp_stream.errors import ConfigurationError, ProtippStreamError
from protipp_stream.ui.pump import Pump, Source

__all__ = ["Component", "Views", "check_height", "check_odds", "module_text", "nothing_chosen"]

_HERE = Path(__file__).parent
# A browser names its views: more of them, or longer names, are none of our pages.
MOST_VIEWS, MAX_VIEW_NAME = 100, 64
_log = logging.getLogger(__name__)


@cache
def module_text(parts: tuple[str, ...]) -> str:
    """Return the ES module of a component: its styles, its drawing, the shim for the hosts.

    Parameters
    ----------
    parts : tuple of str
        Names of files without their ending; each has a ``.js``, a ``.css``, or both.
    """
    texts = [_text(part, "css") for part in parts]
    drawings = [_text(part, "js") for part in (*parts, "host")]
    style = "\n".join(text for text in texts if text)
    return "\n".join([f"const STYLE = {json.dumps(style)};", *drawings])


def _text(part: str, ending: str) -> str:
    file = _HERE / f"{part}.{ending}"
    return file.read_text(encoding="utf-8") if file.exists() else ""


class Component(ABC):
    """Something live that shows itself in a notebook and on a served page.

    Parameters
    ----------
    hz : float
        Frames a second, at most; up to 60.
    """

    parts: ClassVar[tuple[str, ...]]
    """The files that draw it; see `module_text`."""

    def __init__(self, hz: float) -> None:
        if not isinstance(hz, int | float) or not 0 < hz <= 60:
            raise ConfigurationError(f"hz must be above 0 and at most 60, not {hz!r}.")
        self._hz = hz
        self._pumps: dict[str, Pump] = {}
        self._lock = threading.Lock()
        self._widget: Any = None

    @property
    def options(self) -> dict[str, Any]:
        """What the module is told once, when it is first drawn."""
        return {}

    @abstractmethod
    def source(self, choice: dict[str, Any]) -> Source:
        """Return what is drawn for those who chose this.

        Parameters
        ----------
        choice : dict
            As a browser sent it, so anything; empty before anything was chosen.

        Raises
        ------
        ConfigurationError
            For a choice that can't be: whoever made it is told.
        """

    def act(self, action: dict[str, Any], tell: Callable[[str], None]) -> None:
        """Do what somebody at the screen asked for.

        Parameters
        ----------
        action : dict
            As a browser sent it, so anything.
        tell : callable
            Takes a JSON text for the one who asked; from any thread, also later.

        Raises
        ------
        ConfigurationError
            For what can't be done: whoever asked is told.
        """
        raise ConfigurationError(f"There is nothing to do here: {sorted(action)}.")

    def pump(self, choice: dict[str, Any]) -> Pump:
        """Return the pump of all who chose this."""
        key = json.dumps(choice, sort_keys=True)
        with self._lock:
            # Choices come from browsers: those that nobody follows any more go.
            self._pumps = {k: pump for k, pump in self._pumps.items() if pump.viewers or k == "{}"}
            if key not in self._pumps:
                self._pumps[key] = Pump(self.source(choice), self._hz)
            return self._pumps[key]

    @property
    def viewers(self) -> int:
        """How many screens it is on now."""
        with self._lock:
            return sum(pump.viewers for pump in self._pumps.values())

    @property
    def widget(self) -> Any:
        """The anywidget of this component; made at the first use, live when displayed."""
        if self._widget is None:
            from protipp_stream.ui.notebook import NotebookView

            self._widget = NotebookView(self)
        return self._widget

    def close(self) -> None:
        """Take it off the screen of the notebook and stop its thread."""
        if self._widget is not None:
            self._widget.close()
            self._widget = None

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if not _has_kernel():
            return {"text/plain": repr(self)}
        self.widget.begin()
        bundle = self.widget._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/plain"] = repr(self)
        return bundle

    def __panel__(self) -> Any:
        """Return a new Panel component, for one place on one page."""
        from protipp_stream.ui.served import served_view

        return served_view(self)


def check_odds(odds: Any) -> None:
    """Insist on what `connect` returns.

    Raises
    ------
    ConfigurationError
        For anything else; a gateway is the usual slip.
    """
    if not hasattr(odds, "changes"):
        # A DataFrame would say all of itself.
        raise ConfigurationError(
            f"{reprlib.repr(odds)} is no live odds.", hint="Give what ps.connect(gateway) returns."
        )


def check_height(max_height: Any) -> None:
    """Insist on a CSS length.

    Raises
    ------
    ConfigurationError
        For a number, which CSS would ignore without a word.
    """
    if not isinstance(max_height, str) or not max_height.strip():
        raise ConfigurationError(
            f"max_height can't be {max_height!r}.",
            hint="A length as CSS has it, for example '34rem', '500px' or '60vh'.",
        )


def nothing_chosen(choice: dict[str, Any]) -> None:
    """Insist on no choice: what shows the same to everybody has one source.

    Raises
    ------
    ConfigurationError
        For anything that a browser sent.
    """
    if choice:
        raise ConfigurationError("There is nothing to choose here.", hint="Reload the page.")


def _has_kernel() -> bool:
    """Tell a notebook from a terminal, where a widget could never be drawn."""
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


class Views:
    """Which views of one viewer are on a screen; joins and leaves pumps for it.

    A view says ``want`` with an id of its own when it is drawn or has missed a
    frame, ``gone`` when it is taken off, ``choose`` with what it wants to see, and
    ``act`` with what shall be done. All views of a viewer show the same choice.
    """

    def __init__(self, component: Component, viewer: Any) -> None:
        self._component = component
        self._viewer = viewer
        self._pump = component.pump({})
        self._seen: set[str] = set()
        self._is_over = False
        self._lock = threading.Lock()

    def begin(self, hand: Callable[[str], None]) -> None:
        """Serve the viewer before its browser had a chance to ask."""
        self._pump.join(self._viewer, hand=hand)

    def end(self) -> None:
        """Serve it no more, whatever it still says."""
        with self._lock:
            self._is_over = True
            self._seen.clear()
            self._pump.leave(self._viewer)

    def hear(self, message: Any) -> None:
        """Take what a browser said; what is none of our words is ignored."""
        view = message.get("view") if isinstance(message, dict) else None
        if not isinstance(view, str) or len(view) > MAX_VIEW_NAME:
            return
        try:
            with self._lock:
                # A word on its way when the page ended would serve it for ever.
                if not self._is_over:
                    self._take(message.get("say"), view, message)
        except ProtippStreamError as error:
            self._viewer.send(json.dumps({"refused": str(error)}))

    def _take(self, say: Any, view: str, message: dict[str, Any]) -> None:
        said = message.get("what")
        if say == "want":
            if len(self._seen) < MOST_VIEWS:
                self._seen.add(view)
            self._pump.join(self._viewer)
        elif say == "gone":
            self._seen.discard(view)
            if not self._seen:
                self._pump.leave(self._viewer)
        elif say == "choose" and isinstance(said, dict):
            chosen = self._component.pump(said)
            if chosen is not self._pump:
                self._pump.leave(self._viewer)
                self._pump = chosen
            if self._seen:
                self._pump.join(self._viewer)
        elif say == "act" and isinstance(said, dict):
            self._component.act(said, self._viewer.send)
