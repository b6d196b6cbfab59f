"""What an error shows to a tool that prints locals along with the traceback."""

from __future__ import annotations

import traceback


def shown(error: BaseException) -> list[str]:
    """Return the traceback, and every local of every frame that is not a test's."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in whole.stack if "/tests/" not in frame.filename]
    assert frames
    values = [f"{frame.name}: {name}={text}" for frame in frames
              for name, text in (frame.locals or {}).items()]  # fmt: skip
    return [*traceback.format_exception(error), *values]
