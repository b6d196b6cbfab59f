"""Recordings, as the commands take them: found, and looked at before they are played.

A feed reads its recording when it is followed. By then a gateway has said that it is
ready, and would serve an empty board for ever: whose recording it is, and whether it
can be read at all, is found out here.
"""

from __future__ import annotations

import bz2
import glob
import gzip
import lzma
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from protipp_stream.errors import RecordingError
from protipp_stream.model import Instant

__all__ = ["BETFAIR", "THE_ODDS_API", "recording_of"]

FOLDER = "PROTIPP_RECORDINGS"
# The feeds that play them, as `serve --feeds` calls them.
THE_ODDS_API, BETFAIR = "replay", "betfair-replay"
_WHOSE = {THE_ODDS_API: "The Odds API", BETFAIR: "Betfair"}
_OPENERS: dict[str, Callable[..., Any]] = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}


class _First(msgspec.Struct):
    """What the first line of either kind holds."""

    op: str | None = None
    pt: float | None = None
    fetched_at: Instant | None = None
    body: list[msgspec.Raw] | None = None

    @property
    def kind(self) -> str | None:
        if self.op is not None:
            return BETFAIR
        is_fetch = self.fetched_at is not None and self.body is not None
        return THE_ODDS_API if is_fetch else None


_first = msgspec.json.Decoder(_First)


def recording_of(kind: str, file: Path) -> Path:
    """Find a recording and look at its first line.

    Parameters
    ----------
    kind : str
        `THE_ODDS_API` or `BETFAIR`: the feed that is to play it.
    file : Path
        Where it is, or its name in the folder `PROTIPP_RECORDINGS`.

    Raises
    ------
    RecordingError
        If it can't be found or read, or belongs to the other feed.
    """
    found = _find(file)
    whose = _first_line(found).kind
    if whose is None:
        raise RecordingError(
            f"{str(file)!r} is no recording: its first line is neither a fetch of The Odds API"
            " nor a message of Betfair's stream."
        )
    if whose != kind:
        raise RecordingError(
            f"{str(file)!r} is a recording of {_WHOSE[whose]}: use {whose}.",
            hint=f'In a file for `serve --feeds`: kind = "{whose}".',
        )
    return found


def _find(file: Path) -> Path:
    if file.is_file():
        return file
    folder = os.environ.get(FOLDER)
    if folder and file.name:
        named = Path(folder).rglob(glob.escape(file.name))
        if found := next((each for each in named if each.is_file()), None):
            return found
    looked = f"in {folder} ({FOLDER})" if folder else f"nowhere else: {FOLDER} is not set"
    raise RecordingError(
        f"There is no recording {str(file)!r}.", hint=f"Looked from {Path.cwd()}, and {looked}."
    )


def _first_line(file: Path) -> _First:
    try:
        with _OPENERS.get(file.suffix, open)(file, "rb") as lines:
            for line in lines:
                if line.strip():
                    return _first.decode(line)
    except (
        OSError,
        EOFError,
        lzma.LZMAError,
        zlib.error,
        msgspec.MsgspecError,
        UnicodeDecodeError,
        RecursionError,
    ) as error:
        raise RecordingError(f"{str(file)!r}: its first line can't be read: {error}.") from None
    raise RecordingError(f"{str(file)!r} is empty.", hint="A recording has one fetch a line.")
