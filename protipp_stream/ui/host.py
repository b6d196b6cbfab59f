"""One ES module in two hosts: a notebook's widget and a served page.

A component is drawn by its own ``.js`` and ``.css`` together with ``host.js``,
which knows both hosts. In a notebook frames leave from the pump's own thread, so a
busy cell does not stall them.
"""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from protipp_stream.errors import ConfigurationError
from protipp_stream.ui.pump import Pump, Source

__all__ = ["Component", "Views", "check_odds", "module_text"]

_HERE = Path(__file__).parent


@cache
def module_text(name: str) -> str:
    """Return the ES module of a component: its style, its drawing, the shim for the hosts."""
    style, drawing, shim = (
        (_HERE / file).read_text(encoding="utf-8")
        for file in (f"{name}.css", f"{name}.js", "host.js")
    )
    return f"const STYLE = {json.dumps(style)};\n{drawing}\n{shim}"


class Component(ABC):
    """Something live that shows itself in a notebook and on a served page.

    Parameters
    ----------
    source : Source
        What is drawn.
    hz : float
        Frames a second, at most; up to 60.
    """

    module: ClassVar[str]

    def __init__(self, source: Source, hz: float) -> None:
        if not 0 < hz <= 60:
            raise ConfigurationError(f"hz must be above 0 and at most 60, not {hz!r}.")
        self._pump = Pump(source, hz)
        self._widget: Any = None

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """What the module is told once, when it is first drawn."""

    @property
    def widget(self) -> Any:
        """The anywidget of this component; made at the first use, live when displayed."""
        if self._widget is None:
            from protipp_stream.ui.notebook import NotebookView

            self._widget = NotebookView(self._pump, module_text(self.module), self.options)
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

        return served_view(self.module, self._pump, self.options)


def check_odds(odds: Any) -> None:
    """Insist on what `connect` returns.

    Raises
    ------
    ConfigurationError
        For anything else; a gateway is the usual slip.
    """
    if not hasattr(odds, "changes"):
        raise ConfigurationError(
            f"{odds!r} is no live odds.", hint="Give what ps.connect(gateway) returns."
        )


def _has_kernel() -> bool:
    """Tell a notebook from a terminal, where a widget could never be drawn."""
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


class Views:
    """Which views of one viewer are on a screen; joins and leaves its pump.

    A view says ``want`` with an id of its own when it is drawn or has missed a
    frame, and ``gone`` when it is taken off.
    """

    def __init__(self, pump: Pump, viewer: Any) -> None:
        self._pump = pump
        self._viewer = viewer
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, hand: Callable[[str], None]) -> None:
        """Serve the viewer before its browser had a chance to ask."""
        self._pump.join(self._viewer, hand=hand)

    def end(self) -> None:
        """Serve it no more."""
        with self._lock:
            self._seen.clear()
        self._pump.leave(self._viewer)

    def hear(self, message: Any) -> None:
        """Take what a browser said; anything else than our two words is ignored."""
        if not isinstance(message, dict):
            return
        view = message.get("view")
        if not isinstance(view, str):
            return
        with self._lock:
            if message.get("say") == "want":
                self._seen.add(view)
            elif message.get("say") == "gone":
                self._seen.discard(view)
            else:
                return
            watched = bool(self._seen)
        if not watched:
            self._pump.leave(self._viewer)
        elif message["say"] == "want":
            self._pump.join(self._viewer)
