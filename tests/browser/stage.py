"""A stage for an ES module: a page without any server, and a model moved by hand."""

from __future__ import annotations

import json
from typing import Any

from protipp_stream.ui.host import module_text

RAISE_THE_CURTAIN = """
async ([text, options, first, served]) => {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const module = await import(url);
  const handlers = [];
  const goodbyes = []; // how a served page takes a component off
  const state = { options, first };
  window.sent = [];
  window.push = (message) => handlers.forEach((handler) => handler(message));
  window.hear = handlers;
  // A notebook's model is asked with `get`; a served page's has its values as they are.
  const model = {
    ...(served ? state : { get: (key) => state[key] }),
    [served ? "send_msg" : "send"]: (message) => window.sent.push(message),
    on: (name, handler) => (name === "remove" ? goodbyes : handlers).push(handler),
    off: (_name, handler) => handlers.splice(handlers.indexOf(handler), 1),
  };
  window.module = module;
  const dispose = module.default.render({ model, el: document.body });
  window.dispose = dispose ?? (() => goodbyes.forEach((leave) => leave()));
}
"""


class Stage:
    """One component on an empty page.

    Parameters
    ----------
    page : playwright.sync_api.Page
        Where; what stands there goes.
    parts : tuple of str
        The files that draw it: ``OddsTable.parts``.
    first : object, optional
        The frame that comes with a notebook's widget: ``{"n": 0, "body": …}``.
    served : bool
        Draw it as on a served page, not as in a notebook.
    **options : object
        What the module is told once.
    """

    def __init__(
        self,
        page: Any,
        parts: tuple[str, ...],
        *,
        first: Any = None,
        served: bool = False,
        **options: Any,
    ) -> None:
        self.page = page
        self.number = 0
        page.set_content("<!doctype html><body style='background: #fff; margin: 0'></body>")
        page.evaluate(
            RAISE_THE_CURTAIN,
            [
                module_text(parts),
                json.dumps(options),
                json.dumps(first) if first else "",
                served,
            ],
        )

    def push(self, body: Any, *, number: int | None = None) -> None:
        """Send the next frame and wait until it is drawn."""
        self.number = self.number + 1 if number is None else number
        self.page.evaluate(
            "(text) => new Promise((done) => {"
            " push(text); requestAnimationFrame(() => requestAnimationFrame(done)); })",
            json.dumps({"n": self.number, "body": body}),
        )

    def sent(self) -> list[Any]:
        """What the component said to Python."""
        said: list[Any] = self.page.evaluate("() => window.sent")
        return said

    def all(self, selector: str) -> list[str]:
        """The texts of what is visible."""
        texts: list[str] = self.page.locator(selector).all_inner_texts()
        return texts
