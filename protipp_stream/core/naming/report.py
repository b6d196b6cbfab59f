"""What was matched and what was not, and why: counts, and examples to act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from protipp_stream.core.naming.fixtures import Listing

__all__ = ["NameReport", "Tally", "report_of"]

MAX_EXAMPLES = 20
# What a user can do something about comes first.
_URGENCY = ("ambiguous", "start", "sport", "twice", "teams", "undescribed", "alone")


class NameReport(msgspec.Struct, frozen=True):
    """How a source's names fit with those of the others.

    Attributes
    ----------
    events : int
        That it names.
    matched : int
        Of these, how many another source names too.
    unmatched : dict
        The others, by reason: ``alone`` (no other source names these teams),
        ``start`` (one does, but starts too far apart, or unknown), ``sport`` (in
        another sport), ``ambiguous`` (it could be several), ``twice`` (the source
        lists that game already), ``teams`` (no two teams are named),
        ``undescribed`` (there are prices only).
    unknown : dict
        Names of ``market`` and ``outcome`` that passed as they are, each counted
        once an event (again, where it comes back after thousands of others).
    renamed : int
        How often an event's teams changed, so that it was judged anew.
    parted : int
        How often an event's start moved away from that of the event it was matched
        with, so that it was judged anew.
    owned : int
        Quotes that did not count, because another source brings their bookmaker for
        that event.
    evicted : int
        Events forgotten because there were too many.
    examples : list of str
        Up to 20 of what was not matched, the reason first.
    """

    events: int
    matched: int
    unmatched: dict[str, int]
    unknown: dict[str, int]
    renamed: int
    parted: int
    owned: int
    evicted: int
    examples: list[str]


class Tally:
    """What is counted about one source as it happens."""

    def __init__(self) -> None:
        self.renamed = 0
        self.parted = 0
        self.owned = 0
        self.evicted = 0
        self.unknowns: Counter[str] = Counter()
        self.examples: dict[str, None] = {}

    def unknown(self, what: str, name: str) -> None:
        """Count a name that is none of ours."""
        self.unknowns[what] += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples[f"{what}: {name!r}"] = None


def report_of(listings: Iterable[Listing], tally: Tally) -> NameReport:
    """Sum up what is known about one source."""
    known = list(listings)
    counts = Counter(_why(listing) for listing in known)
    matched = counts.pop("matched", 0)
    unmatched = [listing for listing in known if _why(listing) != "matched"]
    unmatched.sort(key=lambda listing: _URGENCY.index(listing.why))
    examples = [f"{each.why}: {each.title}" for each in unmatched[:MAX_EXAMPLES]]
    # Half for each, or a thousand events that stand alone hide the one odd market.
    names = list(tally.examples)
    room = max(MAX_EXAMPLES - len(names), MAX_EXAMPLES // 2)
    return NameReport(
        events=len(known),
        matched=matched,
        unmatched=dict(counts),
        unknown=dict(tally.unknowns),
        renamed=tally.renamed,
        parted=tally.parted,
        owned=tally.owned,
        evicted=tally.evicted,
        examples=[*examples[:room], *names][:MAX_EXAMPLES],
    )


def _why(listing: Listing) -> str:
    return "matched" if len(listing.fixture.listings) > 1 else listing.why
