"""Which listings are no longer of the fixture that they were matched with.

A first match may be wrong: a source that lists only the second game of a
doubleheader, at a guessed time, is taken for the first one's. When the starts tell,
it is parted; a delay that one source hears of first does not part anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from protipp_stream.core.naming.fixtures import MAX_ALIKE, Fixture, Listing, agree
from protipp_stream.core.naming.pairing import CLEAR_S

__all__ = ["leaving"]

# A rain delay is not another game; but nobody waits for twice what makes two starts one.
FOR_GOOD = 2.0


def leaving(alike: Sequence[Fixture], tolerance_s: float) -> list[Listing]:
    """Return the listings that have to be judged anew, alone.

    Those to which another fixture that is theirs to take is clearly nearer, and those
    that are too far from their own for good.

    Parameters
    ----------
    alike : sequence of Fixture
        All of the same two teams.
    tolerance_s : float
        Seconds by which two sources' starts of one fixture may differ.
    """
    if len(alike) > MAX_ALIKE:
        return []
    joined = [listing for fixture in alike for listing in fixture.listings[1:]]
    sources = dict.fromkeys(listing.source for listing in joined)
    return [each for source in sources for each in _of(source, alike, tolerance_s)]


def _of(source: str, alike: Sequence[Fixture], tolerance_s: float) -> list[Listing]:
    held = {f: each for f in alike for each in f.listings if each.source == source}
    wishes: dict[Listing, Fixture] = {}
    lost: list[Listing] = []
    for fixture, listing in held.items():
        apart = _apart(listing, fixture)
        if listing.is_first or apart is None:
            continue
        if apart <= tolerance_s and listing.source_id == fixture.listings[0].source_id:
            continue  # of one provider: its ids say more than its starts
        nearer = _nearest(listing, alike, min(tolerance_s, apart - CLEAR_S))
        if nearer is not None:
            wishes[listing] = nearer
        elif apart > FOR_GOOD * tolerance_s:
            lost.append(listing)
    count = len(wishes)
    # Whose place is held by one that stays does not get it: a whole doubleheader may
    # be late, and then the second game's old start is the first game's new one.
    while stuck := [each for each, to in wishes.items() if held.get(to, each) not in wishes]:
        for each in stuck:
            del wishes[each]
    return [*wishes, *(lost if len(wishes) == count else [])]


def _nearest(listing: Listing, alike: Sequence[Fixture], within_s: float) -> Fixture | None:
    apart = {
        fixture: seconds
        for fixture in alike
        if fixture is not listing.fixture
        and agree(listing, fixture.listings[0])
        and (seconds := _apart(listing, fixture)) is not None
        and seconds <= within_s
    }
    return min(apart, key=lambda fixture: apart[fixture], default=None)


def _apart(listing: Listing, fixture: Fixture) -> float | None:
    starts_at = listing.said.starts_at if listing.said else None
    if starts_at is None or fixture.starts_at is None:
        return None
    return abs((starts_at - fixture.starts_at).total_seconds())
