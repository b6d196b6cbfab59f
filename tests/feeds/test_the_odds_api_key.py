"""The key of The Odds API travels in the URL: it must be found nowhere else."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

from protipp_stream.errors import ProtippStreamError
from tests.feeds.conftest import CANARY, TROUBLES, Make, take
from tests.feeds.leaks import shown
from tests.feeds.the_odds_api_server import HANG, Answer, FakeTheOddsApi, Raw


@pytest.mark.parametrize(
    "mishap",
    [None, Answer(401, "INVALID_KEY"), Answer(429), *TROUBLES.values(), HANG, "wrong", "nobody"],
)
async def test_the_key_is_found_nowhere(
    make: Make, provider: FakeTheOddsApi, caplog: pytest.LogCaptureFixture, mishap: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    feed = make(timeout_s=0.3)
    if mishap == "wrong":
        provider.keys.clear()  # the refusal quotes the key
    elif mishap == "nobody":
        feed = make(base_url="http://127.0.0.1:9")
    else:
        provider.mishaps.append(mishap)
    said = [repr(feed), repr(feed.connection)]
    caught: ProtippStreamError | None = None
    try:
        async for _ in feed:
            if mishap not in ("wrong", Answer(401, "INVALID_KEY")):
                break
    except ProtippStreamError as error:
        caught = error
    if caught is not None:
        said += [str(caught), repr(caught), *shown(caught)]
        # The request hangs on httpx's own error: a debugger would show its URL.
        assert caught.__cause__ is caught.__context__ is None
    assert (caught is not None) == (mishap in ("wrong", Answer(401, "INVALID_KEY")))
    said += [repr(feed), repr(feed.connection), str(feed._url), caplog.text]
    said += [f"{record.__dict__}" for record in caplog.records]
    for written in (CANARY, quote(CANARY, safe=""), quote_plus(CANARY), CANARY[:16]):
        assert [text for text in said if written in text] == []
    if mishap != "nobody":
        # It did go out, and httpx did log the call: the search above could have failed.
        assert provider.calls[0]["apiKey"] == CANARY
        assert "/v4/sports/baseball_mlb/odds" in caplog.text or mishap == HANG


async def test_a_redirect_does_not_take_the_key_elsewhere(
    make: Make, provider: FakeTheOddsApi
) -> None:
    provider.mishaps.append(Raw(302, b"", {"location": f"{provider.url}/v4/sports/other/odds"}))
    async with httpx.AsyncClient(follow_redirects=True) as client:
        await take(make(client=client), 1)
    assert provider.paths == ["/v4/sports/baseball_mlb/odds"]
