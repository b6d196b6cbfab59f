"""Times as providers write them: seconds, milliseconds, ISO 8601."""

from __future__ import annotations

import math
from datetime import UTC, datetime

__all__ = ["WILD", "instant"]

# No clock says so. What has this stamp is quarantined by the hub, with a count;
# reading it as "no stamp" would let it pass for sound.
WILD = datetime.max.replace(tzinfo=UTC)

# Unix seconds reach this in the year 5138, milliseconds had passed it in 1973.
_MILLISECONDS_FROM = 1e11


def instant(said: object) -> datetime | None:
    """Read a time; `WILD` for what can be none, None where nothing is said.

    Parameters
    ----------
    said : number, str or None
        Unix seconds or milliseconds (also as digits), or ISO 8601; without a
        zone it is UTC.
    """
    if said is None or said == "":
        return None
    if isinstance(said, str):
        return _from_text(said)
    if isinstance(said, int | float) and not isinstance(said, bool):
        return _from_number(float(said))
    return WILD


def _from_text(text: str) -> datetime:
    try:
        return _from_number(float(text))
    except ValueError:
        pass  # no digits: ISO 8601
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return WILD
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _from_number(seconds: float) -> datetime:
    if not math.isfinite(seconds):
        return WILD
    if abs(seconds) >= _MILLISECONDS_FROM:
        seconds /= 1000
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return WILD
