"""A stage for an ES module: a page without any server, and a model moved by hand."""

from __future__ import annotations

import json
from typing import Any

from protipp_stream.ui.host import module_text

RAISE_THE_CURTAIN = """
async ([text, options, first]) => {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const module = await import(url);
  const handlers = [];
  const state = { options, first };
  window.sent = [];
  window.push = (message) => handlers.forEach((handler) => handler(message));
  window.hear = handlers;
  const model = {
    get: (key) => state[key],
    send: (message) => window.sent.push(message),
    on: (_name, handler) => handlers.push(handler),
    off: (_name, handler) => handlers.splice(handlers.indexOf(handler), 1),
  };
  window.dispose = module.default.render({ model, el: document.body });
}
"""


class Stage:
    """One component on an empty page."""

    def __init__(self, page: Any, module: str, *, first: Any = None, **options: Any) -> None:
        self.page = page
        self.number = 0
        page.set_content("<!doctype html><body style='background: #fff; margin: 0'></body>")
        page.evaluate(
            RAISE_THE_CURTAIN,
            [module_text(module), json.dumps(options), json.dumps(first) if first else ""],
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
