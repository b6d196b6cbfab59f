"""A component on a served page: a Panel `JSComponent`, one a browser session."""

from __future__ import annotations

import json
from collections import deque
from functools import cache
from math import inf
from typing import Any

import panel as pn
import param
from panel.custom import JSComponent
from panel.io.resources import LOCAL_DIST

from protipp_stream.ui.host import Component, Views, module_text

__all__ = ["served_view"]

# Frames that wait for a page whose server is busy. Older ones are dropped: the
# page sees the hole in the numbers and asks for a whole frame.
WAITING = 60


class SessionViewer:
    """Hands frames from the pump's thread to the event loop of one session.

    Parameters
    ----------
    component : JSComponent
        The component that the session shows.
    document : bokeh.document.Document or None
        The session's; None where Panel runs inside a notebook.
    """

    keyframe_s = inf

    def __init__(self, component: Any, document: Any) -> None:
        self._component = component
        self._document: Any = document if document and document.session_context else None
        self._waiting: deque[str] = deque(maxlen=WAITING)
        self._scheduled = False

    def send(self, frame: str) -> None:
        """Queue a frame; one callback at a time carries all that wait."""
        if self._document is None:
            self._component._send_msg(frame)
            return
        self._waiting.append(frame)
        if not self._scheduled:
            self._scheduled = True
            try:
                self._document.add_next_tick_callback(self._deliver)
            except Exception as error:
                self._scheduled = False  # or no later frame would ever be carried
                # Bokeh takes a session apart before it says so: who ends us is on the way.
                is_over = self._document.session_context is None
                if not (is_over and isinstance(error, AttributeError)):
                    raise

    # A coroutine, because Bokeh 3.10 runs plain callbacks in worker threads.
    async def _deliver(self) -> None:
        self._scheduled = False
        session = self._document.session_context.session
        while self._waiting:
            frame = self._waiting.popleft()
            # Without a browser a frame would only heat the loop, and a session
            # on a hot loop is never reaped.
            if session is not None and session.connection_count:
                self._component._send_msg(frame)


class _Served(JSComponent):
    """Base of the components; each module has a subclass of its own."""

    options = param.String()

    __abstract = True

    def attach(self, shown: Component, document: Any) -> Views:
        self._views = Views(shown, SessionViewer(self, document))
        return self._views

    def _handle_msg(self, data: Any) -> None:
        self._views.hear(data)


@cache
def _served_class(name: str, parts: tuple[str, ...]) -> Any:
    return type(f"Served{name}", (_Served,), {"_esm": module_text(parts), "__module__": __name__})


def served_view(shown: Component) -> Any:
    """Return a component for the session that is being served now.

    It joins the pump when its browser asks for the first frame, so a page
    that was made but never shown costs nothing.
    """
    document = pn.state.curdoc
    if document is not None:
        # Panel gives its styles the address of a CDN and mends that when the page is sent;
        # what it draws in between asks the CDN. Told beforehand, it never does.
        document.template_variables.setdefault("dist_url", LOCAL_DIST)
    component = _served_class(type(shown).__name__, shown.parts)(
        options=json.dumps(shown.options), sizing_mode="stretch_width", margin=0
    )
    views = component.attach(shown, document)
    if document is not None:
        pn.state.on_session_destroyed(lambda _context: views.end())
    return component
