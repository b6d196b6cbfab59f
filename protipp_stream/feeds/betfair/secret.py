"""Texts that go to Betfair and nowhere else: not even into a traceback with its locals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["Secret", "encode"]


class Secret:
    """A text without a representation.

    Parameters
    ----------
    text : str
        Spaces around it are of no meaning: keys are pasted.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip()

    def __repr__(self) -> str:
        return "<secret>"

    def __bool__(self) -> bool:
        return bool(self._text)

    def hidden_in(self, text: str, instead: str) -> str:
        """Return a text without this one in it."""
        return text.replace(self._text, instead)

    def reveal(self) -> str:
        """Return the text, for the wire."""
        return self._text


def encode(message: Mapping[str, Any]) -> bytes:
    """Return a message as JSON; secrets in it are written out here and nowhere before."""
    return json.dumps(message, default=Secret.reveal).encode()
