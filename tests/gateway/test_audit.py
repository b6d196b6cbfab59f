"""The audit: floods are one record, nothing is uncounted, and logs name nobody."""

from __future__ import annotations

import json
import logging
from collections import Counter

import pytest

from protipp_stream.core.access import AccessRecord, Requester
from protipp_stream.gateway.audit import MOST_STRANGERS, Audit, requester_of
from tests.scripted import HandClock

KEY = b"k" * 32


class ListedTrail:
    """Keeps records in a list."""

    pseudonym_key = KEY

    def __init__(self) -> None:
        self.records: list[AccessRecord] = []

    def record(self, record: AccessRecord) -> None:
        self.records.append(record)

    def counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for record in self.records:
            counts[record.reason] += record.count
        return counts


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def trail() -> ListedTrail:
    return ListedTrail()


@pytest.fixture
def audit(clock: HandClock, trail: ListedTrail) -> Audit:
    made = Audit(clock)
    made.keep_in(trail)
    return made


def stranger(number: int) -> Requester:
    return Requester(address=f"2001:db8::{number:x}", user_agent=f"browser {number}")


def test_equal_refusals_within_a_second_are_one_record(
    audit: Audit, trail: ListedTrail, clock: HandClock
) -> None:
    began = clock.wall()
    for number in range(500):
        clock.advance(0.001)
        varied = Requester(None, "203.0.113.1", f"another browser each time: {number}")
        audit.record("origin", by=varied, endpoint="GET /x")
        audit.record("origin", by=varied, endpoint="GET /y")
    clock.advance(0.3)
    audit.tick()
    assert trail.records == []
    clock.advance(0.5)
    audit.tick()
    assert [(r.endpoint, r.count) for r in trail.records] == [("GET /x", 500), ("GET /y", 500)]
    assert (trail.records[0].at - began).total_seconds() == pytest.approx(0.001)
    assert audit.counts["origin"] == 1000


def test_a_flood_from_many_addresses_is_bounded_and_all_of_it_is_counted(
    audit: Audit, trail: ListedTrail, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "protipp_stream.audit")
    for number in range(5 * MOST_STRANGERS):
        audit.record("token_missing", by=stranger(number), endpoint="GET /x")
    known = Requester("alice", "203.0.113.1")
    audit.record("rate_limited", by=known)
    audit.flush()
    assert len(trail.records) == MOST_STRANGERS + 2
    assert trail.counts() == audit.counts == {"token_missing": 5000, "rate_limited": 1}
    assert [r.by for r in trail.records if r.reason == "rate_limited"] == [known]
    nobodys = [r for r in trail.records if r.by == Requester()]
    assert [r.count for r in nobodys] == [4 * MOST_STRANGERS]
    logged = [json.loads(record.getMessage()) for record in caplog.records]
    assert sum(line["count"] for line in logged) == 5001
    assert len(logged) <= MOST_STRANGERS + 3


def test_many_who_have_tokens_are_all_kept_by_name(audit: Audit, trail: ListedTrail) -> None:
    for number in range(3 * MOST_STRANGERS):
        audit.record("connected", by=Requester(f"s{number}", "203.0.113.1"), within_s=0)
        audit.record("polled", by=Requester(f"s{number}", "203.0.113.1"))
    audit.flush()
    assert len({(r.reason, r.by.subject) for r in trail.records}) == 6 * MOST_STRANGERS


def test_a_log_line_comes_at_once_and_its_repeats_with_their_count(
    audit: Audit, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "protipp_stream.audit")
    for _ in range(7):
        audit.record("host", by=stranger(1))
    assert [json.loads(r.getMessage())["count"] for r in caplog.records] == [1]
    clock.advance(1)
    audit.tick()
    assert [json.loads(r.getMessage())["count"] for r in caplog.records] == [1, 6]


@pytest.mark.parametrize("is_kept", [True, False])
def test_logs_hold_pseudonyms_that_tell_people_apart(
    trail: ListedTrail, caplog: pytest.LogCaptureFixture, is_kept: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    audit = Audit(HandClock())
    if is_kept:
        audit.keep_in(trail)
    people = [Requester(f"canary-{n}", f"203.0.113.{n}", f"Canary/{n}", "c1") for n in (1, 2, 1)]
    for by in people:
        audit.record("refreshed", by=by, within_s=0)
    audit.flush()
    logged = [json.loads(record.getMessage()) for record in caplog.records]
    first, second, third = (line["subject"] for line in logged)
    assert first == third != second
    assert logged[0]["address"] != logged[1]["address"]
    for canary in ("canary-1", "203.0.113", "Canary/", '"c1"'):
        assert canary not in caplog.text
        assert canary not in repr(people)
        assert canary not in repr(trail.records)


def test_without_a_trail_nothing_is_kept_and_each_process_has_pseudonyms_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "protipp_stream.audit")
    for _ in range(2):
        audit = Audit()
        audit.record("origin", 3, by=Requester("alice"))
        audit.flush()
        assert audit.counts == {"origin": 3}
    first, second = (json.loads(record.getMessage()) for record in caplog.records)
    assert first["subject"] != second["subject"]


def test_what_a_peer_says_of_itself_is_bounded() -> None:
    scope = {
        "type": "http",
        "client": ("203.0.113.1", 1234),
        "headers": [(b"user-agent", b"x" * 5000)],
    }
    who = requester_of(scope, "alice", "c1")
    assert who == Requester("alice", "203.0.113.1", "x" * 256, "c1")
    assert requester_of({"type": "http", "headers": []}) == Requester()
