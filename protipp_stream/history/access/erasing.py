"""Erasing a subject from an access trail."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from protipp_stream.history.access.record import Tombstone
from protipp_stream.history.access.store import opened
from protipp_stream.history.layout import Layout
from protipp_stream.history.writer import signed_after

__all__ = ["Erased", "erase"]


class Erased(NamedTuple):
    """What was destroyed.

    Attributes
    ----------
    records : int
        Lines that were the subject's; they stay, and say nothing of whose they were.
    ciphertexts : int
        Names and addresses.
    keys : int
        Data keys, one a month.
    """

    records: int
    ciphertexts: int
    keys: int


def erase(folder: Path | str, subject: str, *, now: datetime | None = None) -> Erased:
    """Destroy all that the access trail knows of a subject; a tombstone says that it was.

    May be called while a gateway writes. Revoke the subject's tokens, and wait a minute: what
    it does afterwards, and what the gateway has counted and not written yet (polls, for up
    to a minute), is recorded anew.

    Parameters
    ----------
    folder : Path or str
        Of the audit trail.
    subject : str
        As it stands in tokens.
    now : datetime, optional
        UTC; for the tombstone.

    Returns
    -------
    Erased
        All 0 for a subject of whom nothing is there.

    Raises
    ------
    TrailUnavailable
        If there is no trail or it can't be changed, or, where no gateway runs that signs
        the tombstone, the signing key is not at hand. If it broke off, call it again.
    TrailChanged
        If the trail is not what was written.
    """
    with signed_after(folder), opened(Layout(folder)) as store:
        owner = store.personal.owner(subject)
        found = Counter(stored.part for stored in store.personal.parts(owner))
        records = len({stored.n for stored in store.personal.parts(owner)})
        if not records:
            # Nothing to tell of, but what was freed earlier may still lie there.
            store.personal.vacuum()
            return Erased(0, 0, 0)
        keys = 0

        def destroy() -> None:
            nonlocal keys
            keys = store.personal.destroy_owner(owner)

        tombstone = Tombstone(kind="erased", subject=found["subject"], address=found["address"])
        store.bury(tombstone, records, now or datetime.now(UTC), destroy)
        return Erased(records, found.total(), keys)
