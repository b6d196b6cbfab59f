"""JSON from outside, read more strictly than JSON wants: one key once, no escape into NaN.

What a filter in front of us and we ourselves read differently could be smuggled past it.
"""

from __future__ import annotations

import json
from math import isinf
from typing import Any, Literal

import msgspec

from protipp_stream.errors import ProtocolError

__all__ = ["decode_json"]


def decode_json(data: bytes | str, kind: Any) -> Any:
    """Read strict JSON from outside into ``kind``.

    Raises
    ------
    ProtocolError
        If it is no JSON object, has duplicate or unknown keys, is nested more
        than 8 deep, or a value is out of its range.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        text.encode("utf-8")  # a lone surrogate is no text
        # msgspec takes the last of two equal keys; a filter in front of us may
        # have looked at the first. Python's reader can refuse them.
        plain = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        _check_tree(plain, 8)
        return msgspec.convert(plain, kind, strict=True)
    except (ValueError, RecursionError) as error:
        # msgspec.ValidationError, UnicodeError and JSONDecodeError are ValueErrors.
        raise ProtocolError(f"Malformed message: {error}.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse_constant(name: str) -> Literal[0]:
    raise ValueError(f"{name} is no JSON")


def _check_tree(value: Any, allowed: int) -> None:
    # JSON's grammar has room for both: "\ud800" is an escaped half of a character,
    # which we could not encode into an answer, and 1e999 is read as infinity.
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, float) and isinf(value):
        raise ValueError("a number is out of range")
    elif isinstance(value, dict | list):
        if allowed == 0:
            raise ValueError("nested too deep")
        for inner in (*value, *value.values()) if isinstance(value, dict) else value:
            _check_tree(inner, allowed - 1)
