"""What waits becomes lines: every row once, in order, never two epochs or images in one."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.history.group import Entry, Pending

KINDS = ("updates", "events", "confirmed", "notes", "images")
entries = st.lists(
    st.builds(
        Entry,
        epoch=st.sampled_from(["a", "b"]),
        kind=st.sampled_from(KINDS),
        rows=st.lists(st.integers(0, 99).map(lambda row: b"%d" % row), min_size=1, max_size=6),
        first_seq=st.just(3),
        last_seq=st.integers(3, 9),
    ),
    max_size=12,
)


def read(members: list[bytes]) -> dict[str, object]:
    pairs = json.loads(b"{" + b",".join(members) + b"}", object_pairs_hook=list)
    assert len({name for name, _ in pairs}) == len(pairs), "a member comes twice"
    return dict(pairs)


def pending_of(drawn: list[Entry], rows: int) -> Pending:
    pending = Pending(rows)
    for entry in drawn:
        pending.add(entry)
    return pending


@given(entries, st.integers(1, 8))
def test_every_row_is_there_once_in_the_order_of_its_kind_and_epoch(
    drawn: list[Entry], most: int
) -> None:
    pending = pending_of(drawn, most)
    lines = [read(members) for members, _ in pending.lines()]
    for epoch in "ab":
        for kind in KINDS:
            put = [int(row) for e in drawn if (e.epoch, e.kind) == (epoch, kind) for row in e.rows]
            got = [
                row
                for line in lines
                if line["epoch"] == epoch
                for row in line.get(kind, [])  # type: ignore[attr-defined]
            ]
            assert got == put
    assert pending.rows == sum(len(entry.rows) for entry in drawn)
    assert len(pending) == len(drawn)


@given(entries, st.integers(1, 8))
def test_epochs_follow_each_other_as_they_came(drawn: list[Entry], most: int) -> None:
    lines = [read(members) for members, _ in pending_of(drawn, most).lines()]
    rows = [
        line["epoch"]
        for line in lines
        for kind in KINDS
        for _ in line.get(kind, [])  # type: ignore[attr-defined]
    ]
    assert rows == [entry.epoch for entry in drawn for _ in entry.rows]


@given(entries, st.integers(1, 8))
def test_a_line_is_no_longer_than_it_may_be_unless_one_entry_is(
    drawn: list[Entry], most: int
) -> None:
    longest = max((len(entry.rows) for entry in drawn), default=0)
    for members, rows in pending_of(drawn, most).lines():
        line = read(members)
        assert rows == sum(len(line.get(kind, [])) for kind in KINDS)  # type: ignore[arg-type]
        assert 0 < rows <= max(most, longest)


@given(entries, st.integers(1, 8))
def test_an_image_has_a_line_with_its_place_and_no_other_image(
    drawn: list[Entry], most: int
) -> None:
    images = [entry for entry in drawn if entry.kind == "images"]
    lines = [read(members) for members, _ in pending_of(drawn, most).lines()]
    found = [line for line in lines if "images" in line]
    assert [line["image_seq"] for line in found] == [image.last_seq for image in images]


def test_an_epoch_stays_a_string_whatever_a_gateway_calls_it() -> None:
    epoch = 'x","checkpoint":{"n":9},"y":"\n'
    pending = pending_of([Entry(epoch, "notes", [b"7"])], 5)
    [(members, _)] = pending.lines()
    assert b"\n" not in b"".join(members)
    assert read(members) == {"epoch": epoch, "notes": [7]}


def test_the_size_is_what_it_takes_in_the_file() -> None:
    rows = [b"x" * 100, b"y" * 50]
    pending = pending_of([Entry("e", "updates", rows, 1, 2)], 5)
    [(members, _)] = pending.lines()
    assert 0 <= len(b",".join(members)) - pending.size < 40
