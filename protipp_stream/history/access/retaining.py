"""Forgetting what has grown old: addresses first, then whole records."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from protipp_stream.core.access import ACCESS_DAYS, ADDRESS_DAYS
from protipp_stream.errors import ConfigurationError
from protipp_stream.history.access.balance import Balance
from protipp_stream.history.access.record import PARTS, Part, Tombstone
from protipp_stream.history.access.store import AccessStore, opened
from protipp_stream.history.access.trail_file import read_lines
from protipp_stream.history.counting import Progress, quietly
from protipp_stream.history.layout import Layout
from protipp_stream.history.writer import signed_after

__all__ = ["AccessPolicy", "Retained", "is_anything_old", "retain_access"]


class AccessPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How long what is kept, in days; None keeps for ever.

    Attributes
    ----------
    access_days : float or None
        Access records: six months.
    address_days : float or None
        Addresses and user agents.
    """

    access_days: float | None = ACCESS_DAYS
    address_days: float | None = ADDRESS_DAYS

    def __post_init__(self) -> None:
        for days in (self.access_days, self.address_days):
            if days is not None and not 0 <= days <= 36_500:
                raise ConfigurationError(
                    f"Access can't be kept for {days} days.",
                    hint="Give up to 36,500 days, or None for ever.",
                )


class Retained(NamedTuple):
    """What was, or would be, removed.

    Attributes
    ----------
    records : int
        Lines, with all that is personal in them.
    addresses : int
        Addresses of records that stay.
    """

    records: int
    addresses: int


class _Survey(NamedTuple):
    """What a look through the trail has found.

    Attributes
    ----------
    first : int
        The first line that is there.
    old : dict of Part to int
        The last line that is too old to keep that part of, -1 for none.
    last_hash : str
        Of the last line that is too old to keep at all.
    there, missing : of (int, Part)
        Ciphertexts, by line: that are there, and that a line names and are not.
    tombstones : list of (int, Tombstone)
    """

    first: int
    old: dict[Part, int]
    last_hash: str
    there: set[tuple[int, Part]]
    missing: list[tuple[int, Part]]
    tombstones: list[tuple[int, Tombstone]]

    def carried(self, part: Part, until: int) -> int:
        """What a tombstone carries that ends a part at a line."""
        balance = Balance(part, self.tombstones)
        for n, which in self.missing:
            if which == part:
                balance.saw_missing(n)
        return balance.carried(until)

    def addresses(self, after: int) -> int:
        """How many addresses that are too old there are behind a line."""
        until = self.old["address"]
        return sum(part == "address" and after < n <= until for n, part in self.there)


def is_anything_old(folder: Path | str, policy: AccessPolicy, *, now: datetime) -> bool:
    """Say whether `retain_access` is worth calling; a look at the first lines, without a lock.

    Raises
    ------
    OSError, TrailChanged
        If they can't be read, or were changed.
    """
    days = [kept for kept in (policy.access_days, policy.address_days) if kept is not None]
    for line in read_lines(Layout(folder).access_trail):
        if days and line.at <= now:
            return now - line.at > timedelta(days=min(days))
    return False


def retain_access(
    folder: Path | str,
    policy: AccessPolicy | None = None,
    *,
    now: datetime,
    dry_run: bool = False,
    progress: Progress = quietly,
) -> Retained:
    """Remove records and addresses that are older than a policy says.

    Each removal leaves a tombstone in the chain, which goes on behind it. May be called
    while a gateway writes; that waits meanwhile. Lines are removed from the oldest up to
    the first that is young enough, so a clock that was wrong for a while removes nothing
    too early, and keeps nothing too long.

    Parameters
    ----------
    folder : Path or str
        Of the audit trail.
    policy : AccessPolicy, optional
    now : datetime
        UTC.
    dry_run : bool
        Only say what would be removed.
    progress : callable
        Told what is read, and what there is to read, in bytes.

    Raises
    ------
    TrailUnavailable
        If there is no trail or it can't be changed, or, where no gateway runs that signs
        the tombstones, the signing key is not at hand. If it broke off, call it again.
    TrailChanged
        If the trail is not what was written.
    """
    policy = policy or AccessPolicy()
    signed = nullcontext() if dry_run else signed_after(folder)
    with signed, opened(Layout(folder)) as store:
        survey = _survey(store, policy, now, progress)
        last = survey.old["subject"]
        retained = Retained(max(0, last - survey.first + 1), survey.addresses(last))
        if retained.addresses and not dry_run:
            _forget_addresses(store, survey, now)
        if retained.records and not dry_run:
            _remove_records(store, survey, retained.records, now)
        return retained


def _survey(store: AccessStore, policy: AccessPolicy, now: datetime, progress: Progress) -> _Survey:
    limits: dict[Part, float | None] = {
        "subject": policy.access_days,
        "address": policy.address_days,
    }
    before = {part: now - timedelta(days=days) for part, days in limits.items() if days is not None}
    old: dict[Part, int] = dict.fromkeys(PARTS, -1)
    found = _Survey(0, old, "", set(store.personal.there()), [], [])
    first, last_hash = -1, ""
    for line in store.lines(progress):
        first = line.n if first < 0 else first
        found.missing.extend(
            (line.n, part) for part in line.personal if (line.n, part) not in found.there
        )
        if line.tombstone is not None:
            found.tombstones.append((line.n, line.tombstone))
        # One from the future, of a clock that was wrong, is as old as the next.
        for part in list(before) if line.at <= now else ():
            if line.at >= before[part]:
                del before[part]
            else:
                old[part] = line.n
                last_hash = line.hash if part == "subject" else last_hash
    return found._replace(first=max(first, 0), last_hash=last_hash)


def _forget_addresses(store: AccessStore, survey: _Survey, now: datetime) -> None:
    until = survey.old["address"]
    count = survey.addresses(-1)
    tombstone = Tombstone(
        kind="forgotten",
        address=count,
        until=until,
        carried_address=survey.carried("address", until),
    )
    store.bury(tombstone, count, now, lambda: store.personal.destroy_until(until, "address"))
    # It is in the balance of what is removed next.
    survey.tombstones.append((store.head.n, tombstone))


def _remove_records(store: AccessStore, survey: _Survey, count: int, now: datetime) -> None:
    until = survey.old["subject"]

    def destroy() -> None:
        for part in PARTS:
            store.personal.destroy_until(until, part)

    tombstone = Tombstone(
        kind="removed",
        until=until,
        last_hash=survey.last_hash,
        carried_subject=survey.carried("subject", until),
        carried_address=survey.carried("address", until),
    )
    store.bury(tombstone, count, now, destroy)
    store.cut(until)
