"""The access trail: who connected, who was refused, and what of that is personal.

What happened stands in ``trail.jsonl``, a chain that anybody may verify; who it was stands
encrypted in ``personal.sqlite``, of which the trail holds digests only. So a subject can
be erased, or its record handed out, and the chain still holds.

`trail` writes beside a running gateway · `record` is the format · `store` keeps the two
files in step (`trail_file`, `personal`, under `lock`) · `keys` are the master keys, `rotating`
changes them · `erasing`, `exporting`, `retaining`, `checking` and `counting` are what is done
with it · `balance` explains what is missing.

After `erase`, whoever holds the trail, the keys and even an old log can't tell any more
which records were that subject's. Two things are out of its reach: copies of the folder
made before, and logs kept elsewhere, whose pseudonyms the holder of the folder's keys can
still recompute for a name.
"""

from __future__ import annotations

from protipp_stream.history.access.checking import AccessFinding, verify_access
from protipp_stream.history.access.counting import AccessStats, access_stats
from protipp_stream.history.access.erasing import Erased, erase
from protipp_stream.history.access.exporting import export
from protipp_stream.history.access.retaining import (
    AccessPolicy,
    Retained,
    is_anything_old,
    retain_access,
)
from protipp_stream.history.access.rotating import rotate
from protipp_stream.history.access.trail import Trail

__all__ = [
    "AccessFinding",
    "AccessPolicy",
    "AccessStats",
    "Erased",
    "Retained",
    "Trail",
    "access_stats",
    "erase",
    "export",
    "is_anything_old",
    "retain_access",
    "rotate",
    "verify_access",
]
