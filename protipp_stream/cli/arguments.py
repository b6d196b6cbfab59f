"""What the commands share: how arguments, secrets and feeds are read.

Secrets come from the environment or a file, never from an argument: arguments
stand in the process list for everyone to read.
"""

from __future__ import annotations

import logging
import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protipp_stream.cli.recordings import THE_ODDS_API, recording_of
from protipp_stream.errors import ConfigurationError

if TYPE_CHECKING:
    from protipp_stream.feeds import Feed

__all__ = [
    "API_KEY",
    "SECRET",
    "Insecure",
    "Markets",
    "Port",
    "Recording",
    "Several",
    "Speed",
    "lifetime_s",
    "log_to_stderr",
    "named",
    "recorded",
    "secret",
    "simulated",
    "the_odds_api",
]

SECRET = "PROTIPP_JWT_SECRET"
API_KEY = "THE_ODDS_API_KEY"
_DURATION = re.compile(r"(\d+)([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

Recording = Annotated[
    Path | None, typer.Option(help="A recording to replay instead of simulated odds.")
]
Speed = Annotated[str, typer.Option(help="Times real speed, or 'max'.")]
Several = Annotated[list[str] | None, typer.Option(help="Only this one; repeatable.")]
Markets = Annotated[list[str] | None, typer.Option(help="Only this kind or kind@line; repeatable.")]
Insecure = Annotated[bool, typer.Option("--insecure", help="Allow plain http to another machine.")]
Port = Annotated[int, typer.Option(help="Port of the gateway; 0 takes a free one.")]


def simulated() -> Feed:
    """Simulated odds."""
    from protipp_stream.feeds import Simulated

    return Simulated()


def the_odds_api(api_key: str, sport: str, regions: str, interval: float) -> Feed:
    """Poll The Odds API; ``regions`` are comma separated."""
    from protipp_stream.feeds import TheOddsApi

    chosen = [region.strip() for region in regions.split(",") if region.strip()]
    return TheOddsApi(api_key, sport=sport, regions=chosen, interval_s=interval)


def recorded(file: Path, speed: str, **options: Any) -> Feed:
    """Replay a recording; ``speed`` is a number or ``max``."""
    from protipp_stream.feeds import Replay

    times = _speed(speed)  # first: a slip on this line is told before a missing file
    return Replay(recording_of(THE_ODDS_API, file), speed=times, **options)


def named(recording: Path | None) -> Path:
    """Insist on a recording."""
    if recording is None:
        raise ConfigurationError("Which recording?", hint="Add --recording FILE.")
    return recording


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise ConfigurationError(f"{text!r} is no speed.", hint="Give a number above 0, or max.")
    return speed


def lifetime_s(text: str) -> int:
    """Read ``3600``, ``90m`` or ``12h`` as seconds."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ConfigurationError(f"{text!r} is no lifetime.", hint="Write 3600, 90m or 12h.")
    return int(found[1]) * _SECONDS[found[2]]


def secret(name: str, file: Path | None, *, hint: str) -> str:
    """Read a secret from a file, else from the environment's ``name``."""
    if file is not None:
        try:
            value = file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ConfigurationError(f"Can't read {file}: {why}.") from None
        if not value:
            raise ConfigurationError(f"{file} is empty: it should hold {name}.")
        return value
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"{name} is not set.", hint=f"{hint}, or give a file.")
    return value


def log_to_stderr(level: int) -> None:
    """Log our own records from ``level`` on; everyone else's from WARNING."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("protipp_stream").setLevel(level)
