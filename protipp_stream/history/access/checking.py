"""Whether an access trail is what was written: its chain, and what is personal in it.

Neither needs a key. Where the master keys are at hand, each ciphertext is opened, too, and
each must lie under its own subject: one that lies elsewhere would escape an erasure.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from protipp_stream.core.chain import GENESIS
from protipp_stream.errors import TrailChanged, TrailUnavailable
from protipp_stream.history.access.balance import Balance
from protipp_stream.history.access.lock import locked
from protipp_stream.history.access.personal import Personal, Stored
from protipp_stream.history.access.record import (
    PARTS,
    Part,
    Tombstone,
    TrailLine,
    decode_access_line,
)
from protipp_stream.history.layout import Layout
from protipp_stream.history.report import CHANGED, ROLLED_BACK, UNSIGNED

__all__ = ["AccessFinding", "verify_access"]

_MOST_NAMED = 10
# These say nothing of what is in it: no permission, or a disk that fails.
_UNREADABLE = ("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_BUSY")
# A column may hold anything, of any type, after somebody was there.
_UNSOUND = (sqlite3.DatabaseError, TrailChanged, msgspec.MsgspecError, TypeError, ValueError)


class AccessFinding(NamedTuple):
    """Something about a trail that is not as it should be.

    Attributes
    ----------
    status : int
        1: changed; 2: truncated or rolled back; 3: a tail that nothing vouches for yet,
        or something unfinished, which the next writer finishes.
    what : str
        In words.
    n : int or None
        The line.
    """

    status: int
    what: str
    n: int | None = None


def verify_access(folder: Path | str, heads: Iterable[tuple[int, str]] = ()) -> list[AccessFinding]:
    """Return all that is wrong with an access trail; nothing, if it is intact.

    May be called while a gateway writes; that waits meanwhile.

    Parameters
    ----------
    folder : Path or str
        Of the audit trail. Without an access trail in it, and without heads, nothing is
        wrong.
    heads : iterable of (int, str)
        What signed checkpoints and witnesses say of this chain: ``access_n`` and
        ``access_hash``. Number -1: the trail had no line yet.

    Raises
    ------
    TrailUnavailable
        If the files can't be read at all.
    """
    layout = Layout(folder)
    if not layout.access_trail.parent.is_dir():
        return list(_against(sorted(heads), None, {}))
    try:
        with locked(layout, shared=True):
            return list(_verified(layout, sorted(heads)))
    except OSError as error:
        raise TrailUnavailable(f"The access trail in {folder} can't be read: {error}.") from None


def _verified(layout: Layout, heads: list[tuple[int, str]]) -> Iterator[AccessFinding]:
    chain = _Chain(frozenset(n for n, _ in heads))
    if layout.access_trail.exists():
        yield from chain.read(layout.access_trail)
    yield from _against(heads, chain, chain.hashes)
    name = layout.personal.name
    if not layout.personal.exists():
        if chain.last >= 0:
            yield AccessFinding(CHANGED, f"the file {name} is gone")
        return
    try:
        personal = Personal(layout)
        try:
            yield from _judged(name, personal, chain)
        finally:
            personal.close()
    except _UNSOUND as error:
        if getattr(error, "sqlite_errorname", "").startswith(_UNREADABLE):
            raise TrailUnavailable(
                f"{layout.personal} can't be read: {error}.",
                hint="Verify as the user who runs the gateway.",
            ) from None
        yield AccessFinding(CHANGED, f"the file {name} is no sound database: {error}")


def _judged(name: str, personal: Personal, chain: _Chain) -> Iterator[AccessFinding]:
    if not personal.is_begun:
        if chain.last >= 0:
            yield AccessFinding(CHANGED, f"the file {name} is empty")
    elif (fault := personal.fault()) is not None:
        yield AccessFinding(CHANGED, f"the file {name} is no sound database: {fault}")
    else:
        if (safe := personal.intended - 1) > chain.last:
            what = f"the trail ends at line {chain.last}, line {safe} was safe"
            yield AccessFinding(ROLLED_BACK, what, safe)
        yield from _Contents(personal, chain).read()


class _Chain:
    """Reads the lines, checks that they hold on to one another, and keeps what they name."""

    def __init__(self, wanted: frozenset[int]) -> None:
        self._wanted = wanted
        self.hashes: dict[int, str] = {}
        self.named: dict[tuple[int, Part], str] = {}
        self.tombstones: list[tuple[int, Tombstone]] = []
        self.first, self.before_first, self.last = 0, GENESIS, -1

    def read(self, path: Path) -> Iterator[AccessFinding]:
        previous: TrailLine | None = None
        is_broken = False
        with path.open("rb") as file:
            for number, text in enumerate(file, 1):
                if not text.endswith(b"\n"):
                    yield AccessFinding(UNSIGNED, "a line that a crash left half written", None)
                    break
                try:
                    line = decode_access_line(text)
                except TrailChanged as error:
                    yield AccessFinding(
                        CHANGED, f"row {number} of {path.name}: {error.message.rstrip('.')}"
                    )
                    is_broken = True
                    continue
                if previous is None and not is_broken:
                    self.first, self.before_first = line.n, line.prev
                elif not is_broken and not _follows(line, previous):
                    yield AccessFinding(CHANGED, "a line does not follow the one before", line.n)
                self._keep(line)
                previous, is_broken = line, False
        yield from self._beginning(previous is not None)

    def _keep(self, line: TrailLine) -> None:
        self.last = line.n
        if line.n in self._wanted:
            self.hashes[line.n] = line.hash
        if line.tombstone is not None:
            self.tombstones.append((line.n, line.tombstone))
        for part, digest in line.personal.items():
            self.named[line.n, part] = digest

    def _beginning(self, has_lines: bool) -> Iterator[AccessFinding]:
        removals = [each for _, each in self.tombstones if each.kind == "removed"]
        starts = {(each.until + 1, each.last_hash) for each in removals} | {(0, GENESIS)}
        if has_lines and (self.first, self.before_first) not in starts:
            what = "the lines before it are gone, and no tombstone says why"
            yield AccessFinding(CHANGED, what, self.first)
        elif has_lines and self.first <= max((each.until for each in removals), default=-1):
            what = "lines that were to be removed are still there: retain again"
            yield AccessFinding(UNSIGNED, what, self.first)


def _follows(line: TrailLine, previous: TrailLine | None) -> bool:
    return previous is not None and (line.n, line.prev) == (previous.n + 1, previous.hash)


def _against(
    heads: list[tuple[int, str]], chain: _Chain | None, hashes: Mapping[int, str]
) -> Iterator[AccessFinding]:
    last = chain.last if chain else -1
    for n, digest in heads:
        if n < 0:
            continue
        if n > last:
            what = f"the trail ends at line {last}, a checkpoint has seen line {n}"
            yield AccessFinding(ROLLED_BACK, what, n)
        elif chain and n == chain.first - 1:
            if digest != chain.before_first:
                yield AccessFinding(CHANGED, "not the line that a checkpoint has seen", n)
        elif chain and n >= chain.first and hashes.get(n) != digest:
            yield AccessFinding(CHANGED, "not the line that a checkpoint has seen", n)
    if heads and heads[-1][0] < last:
        yield AccessFinding(UNSIGNED, "no checkpoint has seen the lines after it", heads[-1][0])


class _Contents:
    """Compares what is personal with what the chain names."""

    def __init__(self, personal: Personal, chain: _Chain) -> None:
        self._personal = personal
        self._chain = chain
        self._opens = personal.opens()
        pending = [(n, decoded) for n, _, text in personal.pending() if (decoded := _buried(text))]
        self._unfinished = [each for each in pending if each[0] > chain.last]
        tombstones = [*chain.tombstones, *self._unfinished]
        self._balances = {part: Balance(part, tombstones) for part in PARTS}

    def read(self) -> Iterator[AccessFinding]:
        # None opens where the master keys are not at hand, or another's.
        if any(self._opens) and not all(self._opens):
            yield AccessFinding(CHANGED, "the privacy keys open a part of it only")
        for n, _ in self._unfinished:
            yield AccessFinding(
                UNSIGNED, "something was destroyed whose tombstone is not written yet", n
            )
        missing = dict(self._chain.named)
        for stored in self._personal.parts():
            missing.pop((stored.n, stored.part), None)
            yield from self._judge(stored)
        for n, part in missing:
            self._balances[part].saw_missing(n)
        for part in PARTS:
            yield from self._explain(part)

    def _judge(self, stored: Stored) -> Iterator[AccessFinding]:
        n = stored.n
        if n > self._chain.last:
            yield AccessFinding(UNSIGNED, "personal data of a record that was not finished", n)
            return
        balance, one = self._balances.get(stored.part), _one(stored.part)
        if balance is None or n <= balance.boundary:
            yield AccessFinding(CHANGED, f"{one} is there again that was destroyed", n)
        elif (digest := self._chain.named.get((n, stored.part))) is None:
            yield AccessFinding(CHANGED, f"{one} is there that no line names", n)
        elif digest != stored.digest:
            yield AccessFinding(CHANGED, f"its {stored.part} was changed", n)
        elif not self._is_at_home(stored):
            yield AccessFinding(CHANGED, f"its {stored.part} lies under the wrong key", n)

    def _is_at_home(self, stored: Stored) -> bool:
        try:
            owner = self._personal.owner_of(stored.key)
            if not all(self._opens):
                return True
            told = self._personal.read(stored)
        except (TrailChanged, TrailUnavailable):
            return False
        is_subject = stored.part == "subject"
        return not is_subject or owner == self._personal.owner(told.get("subject"))

    def _explain(self, part: Part) -> Iterator[AccessFinding]:
        balance = self._balances[part]
        if balance.unexplained > 0:
            some = ", ".join(map(str, islice(sorted(balance.missing), _MOST_NAMED)))
            what = (
                f"{balance.unexplained} of {part} are gone, and no tombstone says why; among {some}"
            )
            yield AccessFinding(CHANGED, what)
        elif balance.unexplained < 0:
            what = f"{-balance.unexplained} of {part} are there again that were erased"
            yield AccessFinding(CHANGED, what)


def _one(part: str) -> str:
    return f"an {part}" if part == "address" else f"a {part}"


class _Members(msgspec.Struct):
    tombstone: Tombstone | None = None


def _buried(members: bytes) -> Tombstone | None:
    """Return the tombstone of a line that is not written yet."""
    return msgspec.json.decode(b"{%b}" % members, type=_Members).tombstone
