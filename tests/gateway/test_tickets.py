"""The store of tickets: once, soon, from one origin, and never too many."""

from __future__ import annotations

import pytest

from protipp_stream.gateway.auth import Identity, Refused
from protipp_stream.gateway.tickets import Tickets, TooManyTickets
from tests.scripted import HandClock

PAGE, OTHER = "https://odds.example", "https://other.example"


@pytest.fixture
def tickets(clock: HandClock) -> Tickets:
    return Tickets(clock, lifetime_s=30.0, per_subject=3, most=5)


def identity(clock: HandClock, subject: str = "alice", lifetime_s: float = 600) -> Identity:
    return Identity(subject, frozenset({"odds:read"}), clock.wall().timestamp() + lifetime_s)


def refusal(tickets: Tickets, ticket: str, origin: str = PAGE) -> str:
    with pytest.raises(Refused) as raised:
        tickets.redeem(ticket, origin)
    assert ticket not in repr(raised.value)
    return raised.value.reason


def test_a_ticket_speaks_for_the_token_it_was_made_from(tickets: Tickets, clock: HandClock) -> None:
    alice = identity(clock)
    assert tickets.redeem(tickets.issue(alice, PAGE), PAGE) == alice


def test_a_ticket_is_good_once(tickets: Tickets, clock: HandClock) -> None:
    ticket = tickets.issue(identity(clock), PAGE)
    tickets.redeem(ticket, PAGE)
    assert refusal(tickets, ticket) == "ticket_used"


def test_a_ticket_is_good_for_less_than_thirty_seconds(tickets: Tickets, clock: HandClock) -> None:
    in_time, late = (tickets.issue(identity(clock), PAGE) for _ in range(2))
    clock.advance(29.999)
    tickets.redeem(in_time, PAGE)
    clock.advance(0.001)
    assert refusal(tickets, late) == "ticket_late"


@pytest.mark.parametrize("origin", [OTHER, PAGE + "/", PAGE.upper(), PAGE + ":443", "null", ""])
def test_a_ticket_of_another_origin_is_spent_by_the_attempt(
    tickets: Tickets, clock: HandClock, origin: str
) -> None:
    ticket = tickets.issue(identity(clock), PAGE)
    assert refusal(tickets, ticket, origin) == "ticket_origin"
    assert refusal(tickets, ticket) == "ticket_used"


@pytest.mark.parametrize("ticket", ["?", "x" * 43, "x" * 100_000, "ü\N{PILE OF POO}"])
def test_what_was_never_issued_is_refused(tickets: Tickets, ticket: str) -> None:
    assert refusal(tickets, ticket) == "ticket_unknown"


def test_a_ticket_does_not_outlive_its_token(tickets: Tickets, clock: HandClock) -> None:
    ticket = tickets.issue(identity(clock, lifetime_s=10), PAGE)
    clock.advance(10)
    assert refusal(tickets, ticket) == "token_expired"


def test_a_subject_holds_so_many_and_the_others_do_not_notice(
    tickets: Tickets, clock: HandClock
) -> None:
    first = tickets.issue(identity(clock), PAGE)
    clock.advance(10)
    for _ in range(2):
        tickets.issue(identity(clock), PAGE)
    with pytest.raises(TooManyTickets) as raised:
        tickets.issue(identity(clock), PAGE)
    assert raised.value.retry_after_s == 20
    tickets.issue(identity(clock, "bob"), PAGE)
    tickets.redeem(first, PAGE)
    tickets.issue(identity(clock), PAGE)


def test_there_are_so_many_in_all_until_the_oldest_is_late(
    tickets: Tickets, clock: HandClock
) -> None:
    for number in range(5):
        tickets.issue(identity(clock, f"viewer {number}"), PAGE)
        clock.advance(1)
    with pytest.raises(TooManyTickets) as raised:
        tickets.issue(identity(clock, "one more"), PAGE)
    assert raised.value.retry_after_s == 25
    clock.advance(25)
    tickets.issue(identity(clock, "one more"), PAGE)
    assert len(tickets) == 5


def test_nothing_grows_with_use(tickets: Tickets, clock: HandClock) -> None:
    for number in range(200):
        ticket = tickets.issue(identity(clock, f"viewer {number}"), PAGE)
        if number % 2:
            tickets.redeem(ticket, PAGE)
        clock.advance(16)
    clock.advance(30)
    tickets.issue(identity(clock), PAGE)
    assert {
        name: len(held) for name, held in vars(tickets).items() if hasattr(held, "__len__")
    } == {
        "_open": 1,
        "_closed": 5,
        "_held": 1,
    }


def test_what_is_kept_can_not_be_shown_at_the_door(tickets: Tickets, clock: HandClock) -> None:
    waiting, used = (tickets.issue(identity(clock), PAGE) for _ in range(2))
    tickets.redeem(used, PAGE)
    kept = repr(vars(tickets))
    assert PAGE in kept, "the positive control: it is the content that is printed here"
    assert waiting not in kept
    assert used not in kept
    assert len(waiting) >= 43, "256 bits can't be guessed"
