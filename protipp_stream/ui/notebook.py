"""A component in a notebook: an anywidget whose frames come from a thread."""

from __future__ import annotations

import json
from typing import Any

import traitlets
from anywidget import AnyWidget

from protipp_stream.ui.host import Component, Views, module_text

__all__ = ["NotebookView"]


class NotebookView(AnyWidget):
    """The widget.

    Parameters
    ----------
    component : Component
        What it shows.
    """

    # A view's question waits behind a busy cell where the kernel has no
    # subshells (ipykernel < 7); a whole frame now and then heals it anyway.
    keyframe_s = 10.0

    first = traitlets.Unicode().tag(sync=True)
    options = traitlets.Unicode().tag(sync=True)

    def __init__(self, component: Component) -> None:
        super().__init__(_esm=module_text(component.parts), options=json.dumps(component.options))
        self._views = Views(component, self)
        self.on_msg(self._hear)

    def begin(self) -> None:
        """Send frames from now on, the first with the widget itself."""
        self._views.begin(self._start)

    def close(self) -> None:
        """Stop its frames and take it off the screen."""
        self._views.end()
        super().close()

    def _start(self, frame: str) -> None:
        self.first = frame

    def _hear(self, _widget: Any, message: Any, _buffers: Any) -> None:
        self._views.hear(message)
