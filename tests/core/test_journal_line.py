"""Lines of the odds journal: read back as they were put together, refused if they are none."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.book import Book
from protipp_stream.core.chain import GENESIS, linked, pieces
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.journal_line import Note, decode_journal_line
from protipp_stream.core.wire import encode_updates
from protipp_stream.errors import TrailChanged
from protipp_stream.model import Quote
from tests.core.strategies import batches, log_of

AT = datetime(2026, 11, 23, 10, 0, 0, 5, UTC)
notes = st.builds(
    Note,
    kind=st.sampled_from(["start", "stop", "gap", "lost", "torn", "feed"]),
    timestamp=st.just(AT),
    source=st.none() | st.text(max_size=9),
    detail=st.none() | st.text(max_size=9),
    epoch=st.none() | st.just("e1"),
    first_seq=st.none() | st.integers(1, 9),
    last_seq=st.none() | st.integers(1, 9),
    count=st.none() | st.integers(0, 9),
)


@given(batches, st.lists(notes, max_size=3))
def test_rows_are_read_back_as_they_were(drawn: list[list[Quote]], said: list[Note]) -> None:
    updates = log_of(Book("e1"), drawn)
    members = [
        b'"epoch":"e1"',
        *pieces("updates", encode_updates(updates)),
        *pieces("notes", [msgspec.json.encode(note) for note in said]),
    ]
    raw, digest = linked(3, AT, members, GENESIS)
    line = decode_journal_line(raw)
    assert (line.n, line.at, line.prev, line.hash) == (3, AT, GENESIS, digest)
    assert (line.epoch, line.updates, line.notes) == ("e1", updates, said)
    assert (line.events, line.confirmed, line.images, line.checkpoint) == ([], [], [], None)


def test_a_checkpoint_is_read_back() -> None:
    checkpoint = Checkpoint(journal="j", at=AT, n=2, hash="1" * 64, sig="aa")
    raw, _ = linked(3, AT, [b'"checkpoint":' + msgspec.json.encode(checkpoint)], "1" * 64)
    assert decode_journal_line(raw).checkpoint == checkpoint


def test_a_line_that_was_changed_is_refused() -> None:
    raw, _ = linked(3, AT, [b'"epoch":"e1"'], GENESIS)
    with pytest.raises(TrailChanged, match="Line 3 was changed"):
        decode_journal_line(raw.replace(b"e1", b"e2"))


@pytest.mark.parametrize(
    "member",
    [
        b'"updates":7',
        b'"updates":[{"id":"e1:1"}]',
        b'"notes":[{"kind":"none of ours","timestamp":"2026-11-23T10:00:00Z"}]',
        b'"notes":[{"kind":"gap","timestamp":"2026-11-23T10:00:00"}]',
        b'"checkpoint":{}',
        b'"epoch":"\xff"',
        b'"epoch":"',
        b'"more":' + b"[" * 100_000,
    ],
)
def test_a_good_hash_does_not_make_it_a_line(member: bytes) -> None:
    raw, _ = linked(3, AT, [member], GENESIS)
    with pytest.raises(TrailChanged, match="Line 3 is no line of an odds journal"):
        decode_journal_line(raw)
