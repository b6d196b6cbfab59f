"""The audit trails: written by a gateway or a client, sealed, verified, and asked in pandas.

`layout` says what lies where in a trail's folder, `tables` what the columns of its
Parquet files are; FORMAT.md says the same to whoever reads them without this package.

`History` asks: `answers` are its methods, `questions` what they ask, `reading` is one view
of what is `sealed` and what is `hot`, `sessions` and `standing` say what stood when, and
`retelling` tells it again to the rules of the live board.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protipp_stream.history.history import History

__all__ = ["History"]


def __getattr__(name: str) -> Any:
    # A gateway that only writes needs none of what questions need.
    if name == "History":
        return import_module("protipp_stream.history.history").History
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
