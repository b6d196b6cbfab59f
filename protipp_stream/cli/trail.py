"""The folder of an audit trail, as the commands take it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from protipp_stream.errors import TrailUnavailable

__all__ = ["AccessDays", "AddressDays", "Folder", "OddsDays", "Trail", "limit"]


def _one_that_is_there(folder: Path) -> Path:
    from protipp_stream.history.layout import Layout

    # A typing error must not begin a trail, with a key of its own, in a wrong folder.
    if not Layout(folder).is_begun:
        raise TrailUnavailable(
            f"There is no audit trail in {folder}.",
            hint="Name the folder that a gateway (--history) or `record` writes to.",
        )
    return folder


Folder = Annotated[Path, typer.Argument(help="The trail's folder.")]
"""Looked at by whoever asks."""

Trail = Annotated[Path, typer.Argument(help="The trail's folder.", callback=_one_that_is_there)]
"""Where one is: anything else is refused at once."""

OddsDays = Annotated[
    float | None, typer.Option(min=1, help="Remove odds older than this; default: keep all.")
]
AccessDays = Annotated[
    float, typer.Option(min=1, help="Remove access records older than this; inf keeps them.")
]
AddressDays = Annotated[
    float,
    typer.Option(min=1, help="Remove addresses and user agents older than this; inf keeps them."),
]


def limit(days: float | None) -> float | None:
    """Return how long is kept, None for ever."""
    return None if days == math.inf else days
