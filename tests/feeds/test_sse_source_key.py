"""The key of an event stream travels in a header or in the URL: it must be found nowhere else."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import pytest

from protipp_stream.errors import ProtippStreamError
from protipp_stream.feeds import OPTIC_ODDS, SseSource
from tests.feeds.conftest import CANARY, Waits
from tests.feeds.leaks import shown
from tests.feeds.sse_source_server import HANG, FakeSse, Raw, serving

MISHAPS: list[Any] = [
    None,
    "wrong",
    "nobody",
    HANG,
    Raw(403, CANARY.encode()),
    Raw(500, CANARY.encode()),
    Raw(500, quote_plus(CANARY).encode()),
    Raw(302, b"", {"location": f"/?key={CANARY}"}),
    Raw(200, b"<html>", {"content-type": CANARY}),
]


@pytest.mark.parametrize("where", ["header", "bearer", "query"])
@pytest.mark.parametrize("mishap", MISHAPS)
async def test_the_key_is_found_nowhere(
    waits: Waits, caplog: pytest.LogCaptureFixture, mishap: Any, where: str
) -> None:
    caplog.set_level(logging.DEBUG)
    keys = set() if mishap == "wrong" else {CANARY, f"Bearer {CANARY}"}
    with serving(FakeSse(keys)) as provider:
        if isinstance(mishap, Raw) or mishap == HANG:
            provider.mishaps.append(mishap)
        url = "http://127.0.0.1:9/" if mishap == "nobody" else provider.url
        given = {"header": CANARY, "bearer": f"Bearer {CANARY}"}.get(where)
        feed = SseSource(
            f"{url}?sport=a&key={quote(CANARY, safe='')}" if given is None else url,
            OPTIC_ODDS,
            headers={"X-Api-Key": given} if given else None,
            sleep=waits,
            timeout_s=0.3,
        )
        said = [repr(feed), repr(feed.connection)]
        caught: ProtippStreamError | None = None
        try:
            async for batch in feed:
                said.append(repr(batch))
                if feed.connection.detail != "terminal":
                    break
        except ProtippStreamError as error:
            caught = error
        refused = mishap == "wrong" or (isinstance(mishap, Raw) and mishap.status == 403)
        assert (caught is not None) == refused
        if caught is not None:
            said += [str(caught), repr(caught), *shown(caught)]
            # The request hangs on httpx's own error: a debugger would show its URL.
            assert caught.__cause__ is caught.__context__ is None
        said += [repr(feed), repr(feed.connection), str(feed._url)]
        said += [message for r in caplog.records if not _echoes(r) for message in _told(r)]
        for written in (CANARY, quote(CANARY, safe=""), quote_plus(CANARY), CANARY[:16]):
            assert [text for text in said if written in text] == []
        if mishap != "nobody":
            # It did go out, and httpx did log the call: the search above could have failed.
            headers, query = provider.asked[0]
            assert CANARY in (query.get("key"), headers.get("x-api-key", "").split()[-1:] and
                              headers["x-api-key"].split()[-1])  # fmt: skip
            assert "/api/v3/stream/odds/baseball" in caplog.text or mishap == HANG


def _told(record: logging.LogRecord) -> list[str]:
    return [record.getMessage(), f"{record.__dict__}"]


def _echoes(record: logging.LogRecord) -> bool:
    # httpcore logs what headers a server sends at DEBUG; a server that sends the
    # key back in one can't be kept from it.
    return record.name.startswith("httpcore") and "receive_response_headers" in record.getMessage()


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?TOKENWITHOUTNAME123", {}),
        ("?live=1&key=abc1234", {}),
        ("?key=ab%2B1", {}),
        ("", {"X-Api-Key": "abc1234"}),
        ("", {"Authorization": "Bearer s3cret"}),
    ],
)
async def test_short_keys_and_nameless_ones_are_taken_out_of_what_is_said(
    waits: Waits, query: str, headers: dict[str, str]
) -> None:
    written = [query.rpartition("=")[2].strip("?"), *headers.values()]
    keys = [key.split()[-1] for key in written if key]
    with serving(FakeSse(set())) as provider:
        said = " ".join([*keys, unquote(keys[0]), "as a reason"])
        provider.mishaps.append(Raw(403, said.encode()))
        feed = SseSource(provider.url + query, OPTIC_ODDS, headers=headers, sleep=waits)
        with pytest.raises(ProtippStreamError) as caught:
            async for _ in feed:
                pass
    told = [str(caught.value), str(feed.connection.last_error), *shown(caught.value)]
    assert "as a reason" in told[0]
    for key in (*keys, unquote(keys[0])):
        assert [text for text in told if key in text] == []
