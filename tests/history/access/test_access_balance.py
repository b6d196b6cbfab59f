"""However erasures and retentions follow one another, the balance explains what is missing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.history.access.balance import Balance
from protipp_stream.history.access.record import PARTS, Part, Tombstone

STEP = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 2)),
    st.tuples(st.just("erase"), st.integers(0, 2)),
    st.tuples(st.just("forget"), st.integers(0, 40)),
    st.tuples(st.just("remove"), st.integers(0, 40)),
)


class Model:
    """A trail as plain sets, which knows what the real one must not say: who was erased."""

    def __init__(self) -> None:
        self.next = 0
        self.named: dict[int, int] = {}  # records that are in the file, and whose they are
        self.there: set[tuple[int, Part]] = set()
        self.tombstones: list[tuple[int, Tombstone]] = []

    def balance(self, part: Part) -> Balance:
        made = Balance(part, self.tombstones)
        for n in self.named:
            if (n, part) not in self.there:
                made.saw_missing(n)
        return made

    def do(self, step: str, which: int) -> None:
        match step:
            case "write":
                self.named[self.next] = which
                self.there |= {(self.next, part) for part in PARTS}
                self.next += 1
            case "erase":
                gone = {(n, part) for n, part in self.there if self.named[n] == which}
                count = {part: sum(p == part for _, p in gone) for part in PARTS}
                self.there -= gone
                self.bury(Tombstone(kind="erased", **count))
            case "forget":
                until = min(which, self.next - 1)
                carried = self.balance("address").carried(until)
                self.there -= {
                    (n, part) for n, part in self.there if part == "address" and n <= until
                }
                self.bury(Tombstone(kind="forgotten", until=until, carried_address=carried))
            case "remove":
                until = min(which, self.next - 1)
                carried = {f"carried_{part}": self.balance(part).carried(until) for part in PARTS}
                self.there -= {(n, part) for n, part in self.there if n <= until}
                self.named = {n: who for n, who in self.named.items() if n > until}
                self.tombstones = [each for each in self.tombstones if each[0] > until]
                self.bury(Tombstone(kind="removed", until=until, **carried))

    def bury(self, tombstone: Tombstone) -> None:
        self.tombstones.append((self.next, tombstone))
        self.next += 1


@given(st.lists(STEP, max_size=40))
def test_what_was_done_is_explained_and_what_was_not_is_not(
    steps: list[tuple[str, int]],
) -> None:
    model = Model()
    for step in steps:
        model.do(*step)
        assert [model.balance(part).unexplained for part in PARTS] == [0, 0]
    for n, part in sorted(model.there):
        model.there.discard((n, part))
        assert model.balance(part).unexplained == 1
        assert n in model.balance(part).missing
        model.there.add((n, part))
