"""A token that ends soon is replaced in time, and asked for no more often than need be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import protipp_stream as ps
from protipp_stream.client.endpoint import endpoint_of
from protipp_stream.client.transports.refreshing import Refreshing
from protipp_stream.gateway import Gateway
from tests.client.conftest import until

Token = Callable[[], str]


def test_a_short_token_is_refreshed_and_the_connection_outlives_it(gateway: Gateway) -> None:
    minted: list[str] = []

    def token() -> str:
        minted.append(gateway.token(lifetime_s=4))
        return minted[-1]

    with ps.connect(gateway.url, token, transport="websocket") as odds:
        [subscription] = gateway.hub.subscriptions
        first = subscription.expires_at
        until(lambda: subscription.expires_at > first + 2, 20)
        assert gateway.hub.subscriptions == {subscription}
        assert odds.status.error_count == 0
    # Asked at half of what is left, not at each tick of the gateway.
    assert len(minted) <= 4


class Answers:
    """A token function that gives one answer after the other, the last for ever."""

    def __init__(self, *answers: str | Exception) -> None:
        self._answers = list(answers)

    def __call__(self) -> str:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def refreshed(token: Token, in_s: float) -> tuple[list[str], list[float]]:
    """Tell a connection that has shown "old" that it ends; return what it sent, and its pauses."""
    sent: list[str] = []
    pauses: list[float] = []

    async def send(fresh: str) -> None:
        sent.append(fresh)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    endpoint = endpoint_of("http://127.0.0.1:1", token, insecure=False)
    async with Refreshing(endpoint, "old", send, sleep=sleep) as refreshing:
        refreshing.expiring(in_s)
        assert refreshing.task is not None
        await refreshing.task
    return sent, pauses


async def test_half_of_what_is_left_is_waited_for() -> None:
    # One that was minted in the same second would end in the same second.
    assert await refreshed(Answers("new"), 60) == (["new"], [30])


async def test_a_token_that_is_still_the_same_is_asked_for_again_and_not_sent() -> None:
    sent, pauses = await refreshed(Answers("old", "old", "new", "newer"), 60)
    assert sent == ["new"]
    assert pauses == [30, 15, 7.5]


@pytest.mark.parametrize("failure", ["a vault", "a malformed token"])
async def test_a_token_function_that_fails_is_asked_again_and_costs_no_connection(
    failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = OSError("busy") if failure == "a vault" else "two words"
    sent, pauses = await refreshed(Answers(first, "new"), 40)
    assert (sent, pauses) == (["new"], [20, 10])
    assert "no new token yet" in caplog.text


async def test_who_has_one_token_only_comes_to_its_end() -> None:
    sent, pauses = await refreshed(Answers("old"), 60)
    assert sent == []
    assert 59 < sum(pauses) < 60


async def test_nothing_is_asked_for_where_it_is_too_late() -> None:
    assert await refreshed(Answers("new"), 0.1) == ([], [])
