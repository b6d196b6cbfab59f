"""What Betfair refuses, what it may not have, and what can't be true."""

from __future__ import annotations

import logging
import math
import traceback
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.errors import ConfigurationError, FeedRefused, FeedUnavailable
from protipp_stream.feeds import Betfair
from protipp_stream.feeds.betfair.stream import Stream
from protipp_stream.gateway.hub import Hub
from tests.feeds.betfair.authority import Authority
from tests.feeds.betfair.board import following, seen, until
from tests.feeds.betfair.conftest import KEY, ONE, SESSION, TWO, Make
from tests.feeds.betfair_server import FakeBetfair, definition, prices, serving
from tests.feeds.conftest import Waits


@pytest.mark.parametrize(
    "code", ["NO_APP_KEY", "INVALID_APP_KEY", "NOT_AUTHORIZED", "INVALID_SESSION_INFORMATION"]
)
async def test_what_is_refused_is_not_tried_again(
    fake: FakeBetfair, make: Make, waits: Waits, code: str
) -> None:
    fake.refuse.append(code)
    async with serving(fake), following(make()) as followed:
        await until(lambda: followed.failure is not None)
        assert isinstance(followed.failure, FeedRefused)
        assert followed.failure.hint
        assert code in str(followed.failure)
        assert (followed.states[-1].status, followed.states[-1].detail) == ("error", "terminal")
        assert waits.seconds == []


async def test_a_refusal_at_a_reconnection_takes_every_price_off_the_board(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        fake.refuse.append("INVALID_APP_KEY")
        await fake.drop()
        await until(lambda: followed.failure is not None)
        assert isinstance(followed.failure, FeedRefused)
        assert followed.board == {}
        assert [q.odds for q in followed.batches[-1].quotes] == [None, None]


async def test_too_many_markets_are_refused_with_a_hint(fake: FakeBetfair, make: Make) -> None:
    fake.max_markets = 0
    async with serving(fake), following(make()) as followed:
        await until(lambda: followed.failure is not None)
        assert "Narrow the market filter" in str(followed.failure)


@pytest.mark.parametrize("code", ["TIMEOUT", "UNEXPECTED_ERROR", "CONNECTION_FAILED", "NEW_ONE"])
async def test_what_may_pass_is_tried_again(
    fake: FakeBetfair, make: Make, waits: Waits, code: str
) -> None:
    fake.refuse.append(code)
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        assert waits.seconds == [1.0]
        assert any(code in text for text in followed.texts)


async def test_too_many_connections_wait_until_the_old_one_is_forgotten(
    fake: FakeBetfair, make: Make, waits: Waits
) -> None:
    fake.max_connections = 0
    async with serving(fake), following(make()) as followed:
        await until(lambda: len(waits.seconds) == 1)
        fake.max_connections = 1
        await until(seen(followed, fake))
        assert waits.seconds[0] >= 15


async def test_a_login_that_betfair_gives_up_waiting_for_is_tried_again(
    fake: FakeBetfair, make: Make
) -> None:
    fake.auth_timeout_s = 0.0
    async with serving(fake), following(make()) as followed:
        await until(lambda: any("TIMEOUT" in text for text in followed.texts))
        fake.auth_timeout_s = 15.0
        await until(seen(followed, fake))


async def test_a_session_that_runs_out_is_renewed(
    fake: FakeBetfair, make: Make, waits: Waits
) -> None:
    sessions = iter([SESSION, "another", "a third"])
    async with serving(fake), following(make(session=lambda: next(sessions))) as followed:
        await until(seen(followed, fake))
        fake.sessions = {"another"}
        await fake.drop()
        await until(lambda: len(fake.subscriptions()) == 2)
        await until(seen(followed, fake))
        assert fake.subscriptions()[1]["clk"] == "c:1"
        assert waits.seconds == [1.0, 0.0]
        assert next(sessions) == "a third"


async def test_a_new_session_that_is_refused_as_well_ends_it(fake: FakeBetfair, make: Make) -> None:
    tokens: list[str] = []

    def login() -> str:
        tokens.append(f"wrong {len(tokens)}")
        return tokens[-1]

    async with serving(fake), following(make(session=login)) as followed:
        await until(lambda: followed.failure is not None)
        assert isinstance(followed.failure, FeedRefused)
        assert len(tokens) == 2


async def test_a_login_that_fails_is_tried_again_and_its_words_are_not_repeated(
    fake: FakeBetfair, make: Make
) -> None:
    outcomes: list[Any] = [OSError("password=canary-password"), SESSION]

    def login() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return str(outcome)

    async with serving(fake), following(make(session=login)) as followed:
        await until(seen(followed, fake))
        assert any("the login failed (OSError)" in text for text in followed.texts)
        assert not any("canary" in text for text in followed.texts)


async def test_a_login_that_fails_twice_in_a_row_is_not_tried_a_third_time(
    fake: FakeBetfair, make: Make, waits: Waits
) -> None:
    tries: list[int] = []

    def login() -> str:
        tries.append(1)
        raise ValueError("INVALID_USERNAME_OR_PASSWORD canary-password")

    async with serving(fake), following(make(session=login)) as followed:
        await until(lambda: followed.failure is not None)
        assert isinstance(followed.failure, FeedRefused)
        assert "locks" in followed.failure.hint
        assert "canary" not in repr(followed.failure)
        assert len(tries) == 2
        assert [seconds >= 60 for seconds in waits.seconds] == [True]


async def test_a_login_that_says_it_did_not_reach_betfair_is_tried_on(
    fake: FakeBetfair, make: Make
) -> None:
    tries: list[int] = []

    def login() -> str:
        tries.append(1)
        if len(tries) < 5:
            raise FeedUnavailable("No network.")
        return SESSION

    async with serving(fake), following(make(session=login)) as followed:
        await until(seen(followed, fake))
        assert len(tries) == 5


async def test_logins_that_fail_now_and_then_are_not_counted_together(
    fake: FakeBetfair, make: Make
) -> None:
    outcomes: list[str | Exception] = [OSError(), SESSION, OSError(), "another"]

    def login() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async with serving(fake), following(make(session=login)) as followed:
        await until(seen(followed, fake))
        fake.sessions = {"another"}
        await fake.drop()
        await until(lambda: len(fake.subscriptions()) == 2)
        assert followed.failure is None


async def test_a_certificate_of_somebody_else_is_refused_before_anything_is_sent(
    fake: FakeBetfair, make: Make, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "somebody else")
    async with serving(fake), following(make(tls=stranger.trust())) as followed:
        await until(lambda: followed.failure is not None)
        assert isinstance(followed.failure, FeedRefused)
        assert "certificate" in str(followed.failure)
        assert fake.asked == []


async def test_a_certificate_for_another_host_is_refused(fake: FakeBetfair, make: Make) -> None:
    async with serving(fake), following(make(host="localhost")) as followed:
        await until(lambda: followed.failure is not None)
        assert "localhost can't be trusted" in str(followed.failure)
        assert fake.asked == []


async def test_the_secrets_are_in_no_log_error_field_or_repr(
    fake: FakeBetfair, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("betfairlightweight").setLevel(logging.DEBUG)
    async with serving(fake), following(make()) as followed:
        feed = followed.feed
        await until(seen(followed, fake))
        fake.sessions = {"another"}  # it quotes the session that it refuses
        await fake.drop()
        await until(lambda: followed.failure is not None)
        shown = [caplog.text, repr(feed), repr(feed._listener), str(followed.failure)]
        shown += [repr(followed.failure), repr(followed.states)]
        assert any("[session]" in text for text in followed.texts)
        assert not any("canary" in text for text in shown)


@pytest.mark.parametrize("code", ["NO_APP_KEY", None])
async def test_the_secrets_are_in_no_traceback_not_even_with_its_locals(
    fake: FakeBetfair, make: Make, code: str | None
) -> None:
    fake.refuse.append(code)
    fake.sessions = {"another"}  # it quotes the session that it refuses
    async with serving(fake), following(make()) as followed:
        await until(lambda: followed.failure is not None)
    assert "canary" not in with_locals(followed.failure)


async def test_a_bug_in_the_thread_has_its_traceback_and_no_secret_in_it(
    fake: FakeBetfair, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Stream, deadline: float) -> bytes:
        if self._awaited is not None:  # the login has been sent
            raise ZeroDivisionError("a bug")
        return received(self, deadline)

    received = Stream._receive
    monkeypatch.setattr(Stream, "_receive", broken)
    async with serving(fake), following(make()) as followed:
        await until(lambda: followed.failure is not None)
    shown = with_locals(followed.failure)
    assert "authenticate" in shown
    assert "canary" not in shown


@pytest.mark.parametrize("wrong", [{"heartbeat_ms": 1}, {"session": 5}])
def test_a_wrong_setting_shows_no_secret_either(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Betfair(**({"app_key": KEY, "session": SESSION, "market_filter": {}} | wrong))
    # Its first frame is this test, which knows the key.
    frames = "".join(str(frame.locals) for frame in stack(caught.value)[1:])
    assert "_check" in with_locals(caught.value)
    assert "canary" not in frames


def stack(error: BaseException | None) -> traceback.StackSummary:
    assert error is not None
    return traceback.TracebackException.from_exception(error, capture_locals=True).stack


def with_locals(error: BaseException | None) -> str:
    assert error is not None
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


# ------------------------------------------------------------------ quarantine


@pytest.mark.parametrize("price", [1.0, 0.5, -3.0, 0.0, 1_000_001.0, 1e300])
async def test_an_absurd_price_is_quarantined_and_what_stood_before_it_does_not_stay(
    fake: FakeBetfair, make: Make, price: float
) -> None:
    hub = Hub()
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.publish({"id": ONE, "rc": [prices(1, price, 1.7)]})
        await until(lambda: followed.best() == {("30", "1"): (None, 1.7)})
        await fake.publish({"id": ONE, "rc": [prices(1, 1.65, 1.7)]})
        await until(seen(followed, fake))
    for batch in followed.batches:
        hub.take(batch, "betfair")
    assert hub.intake.quarantined == {"odds": 1}
    # 1.5, 1.6, then 1.7 and the withdrawal of 1.5, then 1.65.
    assert hub.cursor.seq == 5


@pytest.mark.parametrize("pt", [4e12, 1e17, -1e17, 1e300, 0])
async def test_a_wild_timestamp_is_quarantined_and_the_price_said_again_with_the_next(
    fake: FakeBetfair, make: Make, pt: float
) -> None:
    hub = Hub()
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.publish({"id": ONE, "rc": [prices(1, 1.55, 1.6)]}, pt=pt)
        await until(lambda: followed.best() == {("30", "1"): (None, 1.6)})
        other = definition(event="31")
        await fake.publish({"id": TWO, "marketDefinition": other, "rc": [prices(1, 9.0, 9.2)]})
        await until(lambda: followed.best().get(("30", "1")) == (1.55, 1.6))
        assert followed.feed.connection.error_count == 0
    for batch in followed.batches:
        hub.take(batch, "betfair")
    assert hub.intake.quarantined == {"timestamp": 1}


async def test_a_price_that_is_no_number_is_a_garbage_line(fake: FakeBetfair, make: Make) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.publish({"id": ONE, "rc": [prices(1, math.nan, 1.7)]})
        await until(lambda: followed.feed.connection.error_count > 0)
        assert "no message" in str(followed.feed.connection.last_error)
