"""The WebSocket of odds-api.io: opened, watched, and its ends told apart."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from protipp_stream.errors import FeedError, FeedRefused, FeedThrottled, FeedUnavailable
from protipp_stream.feeds.answers import from_status
from protipp_stream.feeds.keyed import Redactor, Secret, is_loopback

__all__ = ["ANOTHER", "Dismissed", "Frame", "Socket"]

NAME = "odds-api.io"
ANOTHER = "One key has one connection, and the newest wins: stop the other, or take a second key."
TRY_LATER_S = 8.0

# The documentation says that a new connection closes the old one, but not with
# which code; so its words decide, unless the code is of a server's own trouble.
_TAKEN_OVER = re.compile(
    r"(new|newer|another|other|second|duplicate)\b.*\b(connection|session|client)"
    r"|replaced|superseded|taken over",
    re.IGNORECASE,
)
_DENIED = re.compile(r"api.?key|unauthori[sz]ed|forbidden|subscription|expired", re.IGNORECASE)
# A server that restarts or fails does not aim at us, whatever it says: "service
# restart, please open a new connection", "ping timeout expired".
_IMPERSONAL = frozenset({1001, 1006, 1011, 1012, 1013, 1014})

# websockets logs the path of the handshake, key and all, when it may log at
# DEBUG. Unregistered, so that no configuration of logging can wake it.
_silent = logging.Logger("odds_api_io.wire", level=logging.CRITICAL + 1)


class _Connect(connect):
    """`websockets` would follow a redirect; ours carries a key, so it stays."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Dismissed(FeedUnavailable):
    """The server closed this one connection, and did not say why."""


class Frame(NamedTuple):
    """What `Socket.receive` found.

    Attributes
    ----------
    body : bytes or None
        None for a mere sign of life.
    heard_at : datetime
        When.
    latency_ms : float or None
        Of a ping, there and back.
    """

    body: bytes | None
    heard_at: datetime
    latency_ms: float | None = None


class Socket:
    """A connection that is watched: silence is answered with a ping, then with an end.

    Parameters
    ----------
    connection : ClientConnection
        As `open` made it.
    beat_s : float
        After so much silence a ping is sent, and life is told.
    silence_s : float
        After so much silence, of pongs too, it is dead.
    """

    def __init__(
        self,
        connection: ClientConnection,
        *,
        beat_s: float,
        silence_s: float,
        clock: Callable[[], datetime],
        redact: Redactor,
    ) -> None:
        self._connection = connection
        self._beat_s = beat_s
        self._silence_s = silence_s
        self._clock = clock
        self._redact = redact
        self._pong: asyncio.Future[float] | None = None
        self._pong_at: datetime | None = None
        self._silent_s = 0.0

    @classmethod
    async def open(
        cls,
        url: httpx.URL,
        key: Secret[str],
        *,
        max_frame_bytes: int,
        timeout_s: float,
        beat_s: float,
        silence_s: float,
        clock: Callable[[], datetime],
        redact: Redactor,
        worked: bool = False,
    ) -> Socket:
        """Connect.

        Parameters
        ----------
        url : httpx.URL
            Without the key.
        key : Secret of str
            As it stands in the query.
        worked : bool
            Whether it did before; see `answers.from_status`.

        Raises
        ------
        FeedError
            It holds no URL, and neither does what hangs on it.
        """
        try:
            connection = await _Connect(
                str(url.copy_with(query=f"{key.reveal()}&{url.query.decode()}".encode())),
                max_size=max_frame_bytes,
                open_timeout=timeout_s,
                close_timeout=1.0,
                # We ping by ourselves: a pong is a sign of life to tell.
                ping_interval=None,
                proxy=None if is_loopback(url) else True,
                logger=_silent,
            )
        except InvalidStatus as error:
            failure = _refused(error, clock(), redact, worked)
        except (WebSocketException, EOFError, ValueError) as error:
            failure = _unreachable(redact(f"the handshake failed ({error})"))
        except ssl.SSLCertVerificationError as error:
            failure = _unreachable(f"its certificate: {error.verify_message}")
        except TimeoutError:
            failure = _unreachable(f"no answer within {timeout_s:g} s")
        except OSError as error:
            failure = _unreachable(redact(error.strerror or str(error)))
        else:
            return cls(connection, beat_s=beat_s, silence_s=silence_s, clock=clock, redact=redact)
        # Raised out here, so that it has no context: the URL hangs on that.
        raise failure

    async def receive(self) -> Frame:
        """Return the next frame, or a sign of life in between.

        Raises
        ------
        FeedError
            When the connection ended, or has been silent for too long.
        """
        while True:
            failure: FeedError | None = None
            try:
                async with asyncio.timeout(self._beat_s):
                    body = await self._connection.recv(decode=False)
                self._silent_s = 0.0
                return Frame(body, self._clock())
            except TimeoutError:
                pass  # nothing was said: is it alive?
            except ConnectionClosed as error:
                failure = self._end(error)
            if failure is not None:
                raise failure
            if life := await self._beat():
                return life

    async def _beat(self) -> Frame | None:
        self._silent_s += self._beat_s
        life: Frame | None = None
        pong, self._pong = self._pong, None
        if pong is not None and not pong.done():
            self._pong = pong
        elif pong is not None and self._pong_at is not None and not pong.exception():
            life = Frame(None, self._pong_at, pong.result() * 1000)
            self._silent_s = 0.0
        if self._silent_s >= self._silence_s:
            raise FeedUnavailable(f"{NAME} has been silent for {self._silent_s:g} s.")
        if self._pong is None:
            await self._ping()
        return life

    async def _ping(self) -> None:
        try:
            self._pong = asyncio.ensure_future(await self._connection.ping())
        except ConnectionClosed:
            return  # the next read meets the same end, and says why
        self._pong.add_done_callback(self._heard)

    def _heard(self, pong: asyncio.Future[float]) -> None:
        # Retrieves an exception, too: nobody else asks a ping of a lost connection.
        if not pong.cancelled() and pong.exception() is None:
            self._pong_at = self._clock()

    async def close(self) -> None:
        """Say goodbye; not for long, though."""
        await self._connection.close()

    def _end(self, error: ConnectionClosed) -> FeedError:
        if error.sent is not None and not error.rcvd_then_sent and error.sent.code == 1009:
            return FeedUnavailable(f"{NAME} sent a frame that is too large: {error.sent.reason}.")
        if error.rcvd is None:
            return FeedUnavailable(f"{NAME} broke the connection off.")
        code, said = error.rcvd.code, self._redact(error.rcvd.reason)
        about = f"{code} {said}".rstrip()
        if code == 1013:
            return FeedThrottled(f"{NAME} says: {about}.", retry_after=TRY_LATER_S)
        if code in _IMPERSONAL:
            return FeedUnavailable(f"{NAME} closed the connection: {about}.")
        if _TAKEN_OVER.search(said):
            return FeedRefused(f"{NAME} closed this connection for another: {about}.", hint=ANOTHER)
        if _DENIED.search(said):
            return FeedRefused(f"{NAME} refuses: {about}.", hint="See your account there.")
        return Dismissed(f"{NAME} closed the connection: {about}.")


def _refused(error: InvalidStatus, now: datetime, redact: Redactor, worked: bool) -> FeedError:
    # In here, so that no frame which raises holds what was said: it may quote the key.
    response = error.response
    about = redact(bytes(response.body or b"")[:1000].decode(errors="replace"))
    headers = {name.lower(): value for name, value in response.headers.raw_items()}
    return from_status(NAME, response.status_code, about, headers, now, worked=worked)


def _unreachable(why: str) -> FeedUnavailable:
    return FeedUnavailable(f"{NAME} can't be reached: {why}.")
