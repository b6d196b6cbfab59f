"""The key of odds-api.io travels in the URLs: it must be found nowhere else."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from protipp_stream.errors import ProtippStreamError
from protipp_stream.feeds.odds_api_io.feed import OddsApiIo
from tests.feeds.conftest import CANARY, Waits
from tests.feeds.leaks import shown
from tests.feeds.odds_api_io_bodies import event, ml
from tests.feeds.odds_api_io_server import HANG, FakeOddsApiIo, Raw, serving

REFUSED = ["wrong", 401, 400, "takeover"]


MISHAPS: list[Any] = [
    *(None, "wrong", "nobody", "takeover", 400, 401, 429, 500, 302, HANG),
    Raw(500, CANARY.encode()),
    Raw(200, b"<html>"),
    Raw(302, b"", {"location": "/x"}),
]


@pytest.mark.parametrize("mishap", MISHAPS)
async def test_the_key_is_found_nowhere(
    waits: Waits, caplog: pytest.LogCaptureFixture, mishap: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(FakeOddsApiIo(set() if mishap == "wrong" else {CANARY}, ["Bet365"])) as provider:
        provider.events[1] = event()
        provider.odds[1] = {"Bet365": [ml()]}
        feed = OddsApiIo(
            CANARY,
            sport="baseball",
            base_url="ws://127.0.0.1:9" if mishap == "nobody" else provider.socket_url,
            rest_url=provider.rest_url,
            sleep=waits,
            timeout_s=0.5,
        )
        if isinstance(mishap, int):
            provider.refusals.append(mishap)
        elif isinstance(mishap, Raw) or mishap == HANG:
            provider.mishaps.append(mishap)
        said = [repr(feed), repr(feed.connection)]
        caught: ProtippStreamError | None = None
        try:
            async for batch in feed:
                said.append(repr(batch))
                if mishap == "takeover" and feed.connection.status == "connected":
                    provider.close(1008, f"another connection of {CANARY}")
                elif mishap not in REFUSED:
                    break
        except ProtippStreamError as error:
            caught = error
        if caught is not None:
            said += [str(caught), repr(caught), *shown(caught)]
            # The URL hangs on what the libraries raise: a debugger would show it.
            assert caught.__cause__ is caught.__context__ is None
        assert (caught is not None) == (mishap in REFUSED)
        said += [repr(feed), repr(feed.connection), repr(feed._rest), caplog.text]
        said += [f"{record.__dict__}" for record in caplog.records]
        for written in (CANARY, quote(CANARY, safe=""), quote_plus(CANARY), CANARY[:16]):
            assert [text for text in said if written in text] == []
        if mishap != "nobody":
            # It did go out: the search above could have failed.
            assert provider.handshakes[0]["apiKey"] == CANARY
        if mishap is None:
            assert provider.calls[0][1]["apiKey"] == CANARY
            assert "/v3/odds/multi" in caplog.text
        if isinstance(mishap, int) and mishap == 302:
            assert len(provider.handshakes) == 1
