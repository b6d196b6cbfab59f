"""Betfair's Exchange Stream: best back and lay prices, as they change.

The library betfairlightweight keeps the books, in a thread of its own; it
neither reconnects nor checks whom it talks to. Both is done here: a connection
that ends is resumed from its clocks, so that nothing between is lost.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import ssl
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.core.breaker import State
from protipp_stream.errors import (
    ConfigurationError,
    FeedError,
    FeedRefused,
    FeedThrottled,
    FeedUnavailable,
)
from protipp_stream.feeds.base import batch_now
from protipp_stream.feeds.betfair.books import BOOKMAKER, Books
from protipp_stream.feeds.betfair.codes import (
    ClockRefused,
    LineUnreadable,
    MarketLost,
    SessionRefused,
)
from protipp_stream.feeds.betfair.news import Handover, News
from protipp_stream.feeds.betfair.secret import Secret
from protipp_stream.feeds.retrying import Retrying
from protipp_stream.model import Batch, RealTimeConnection

if TYPE_CHECKING:
    from protipp_stream.feeds.betfair.stream import Stream

__all__ = ["Betfair", "missing_library"]

HOST, PORT = "stream-api.betfair.com", 443
MESSAGE_LENGTH = 300
TELL_S = 1.0
LOGIN_PAUSE_S = 60.0
MAX_FAILED_LOGINS = 2
# What the next try does otherwise: it need not wait, the first time.
_AT_ONCE = (ClockRefused, MarketLost, SessionRefused)

_log = logging.getLogger(__name__)


def missing_library(missing: ModuleNotFoundError) -> Exception:
    """Return the error that says what to install; another module is another matter."""
    if (missing.name or "").partition(".")[0] != "betfairlightweight":
        return missing
    return ConfigurationError(
        "The Betfair feed needs betfairlightweight, which is not installed.",
        hint="pip install protipp-stream[betfair]",
    )


class Betfair:
    """A feed of Betfair's Exchange Stream.

    Best back prices are markets like ``h2h``, best lay prices ``h2h_lay``; see
    `words` for all types. Every quote carries Betfair's commission.
    The fixture of a race is the race, not the meeting: ``29576738.1550``.

    Parameters
    ----------
    app_key : str
        Of your account. It is in no log, error, representation or field.
    session : str or callable
        The session token, or what returns one: called at the start and, when
        Betfair no longer takes the last one, again; in a thread, so it may log
        in (``lambda: client.login().session_token``). When it fails, it is called
        once more, a minute later, and then no more: Betfair locks an account after
        some wrong passwords. A function that knows that it has not reached Betfair
        raises `FeedUnavailable`: that is tried again, as any lost connection.
    market_filter : mapping
        Which markets, in Betfair's words, e.g. ``{"eventTypeIds": ["2"],
        "marketTypes": ["MATCH_ODDS"]}``. Betfair limits how many.
    runner_names : mapping of int to str, optional
        Selection ids in words, from the catalogue: the stream has none.
    event_names : mapping of str to str, optional
        Event ids in words, like ``A v B``; likewise.
    discount : float
        Your discount on the commission, 0 to 1, where the market allows it.
    fields : sequence of str
        What to ask for: ``EX_BEST_OFFERS`` are real offers, ``EX_BEST_OFFERS_DISP``
        those that the web site shows, virtual ones included.
    conflate_ms : int
        Betfair gathers changes for so many milliseconds.
    heartbeat_ms : int
        500 to 5000: a sign of life when nothing changes. After 2.5 of them
        without one the connection is given up as dead.
    timeout_s : float
        Seconds for connecting, and for each answer of the login.
    host : str
        The stream's host; Betfair has another for integration.
    port : int
        Of the host.
    tls : ssl.SSLContext, optional
        Whom to trust, by default the system's authorities. It must verify.
    clock : callable
        Monotonic seconds.
    sleep : callable
        Waits so many seconds; tests give their own.
    chance : callable
        A random number from 0 to 1, for the jitter.

    Raises
    ------
    ConfigurationError
        If a parameter makes no sense, or betfairlightweight is not installed.
        Nothing was sent.
    """

    def __init__(
        self,
        app_key: str,
        session: str | Callable[[], str],
        market_filter: Mapping[str, Any],
        *,
        runner_names: Mapping[int, str] | None = None,
        event_names: Mapping[str, str] | None = None,
        discount: float = 0.0,
        fields: Sequence[str] = ("EX_BEST_OFFERS", "EX_MARKET_DEF"),
        conflate_ms: int = 0,
        heartbeat_ms: int = 5000,
        timeout_s: float = 15.0,
        host: str = HOST,
        port: int = PORT,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.connection = RealTimeConnection(
            id="betfair",
            bookmaker_id=BOOKMAKER,
            connection_type="stream",
            status="connecting",
        )
        self._host = host
        self._app_key = _hidden(app_key)
        self._session = session if callable(session) else _hidden(session)
        del app_key, session  # a traceback may show locals
        try:
            from protipp_stream.feeds.betfair import listener, stream
        except ModuleNotFoundError as missing:
            raise missing_library(missing) from None
        _check(self._app_key, self._session, fields, heartbeat_ms, timeout_s)
        self._make_stream = stream.Stream
        self._settings = stream.Settings(
            host=host,
            port=port,
            tls=_verifying(tls),
            market_filter=dict(market_filter),
            fields=tuple(fields),
            ladder_levels=1,
            conflate_ms=conflate_ms,
            heartbeat_ms=heartbeat_ms,
            timeout_s=timeout_s,
        )
        self._token: Secret | None = None
        self._failed_logins = 0
        books = Books(runner_names, event_names, discount)
        self._listener = listener.Listener(books, can_ask=True, clock=clock)
        self._clock = clock
        self._sleep = sleep
        self._retrying = Retrying(chance=chance)
        self._conflated = 0
        self._trouble: FeedError | None = None

    def __repr__(self) -> str:
        return f"<Betfair {self._host} {self.connection.status}>"

    @property
    def conflated(self) -> int:
        """How many states of a price were left out, by Betfair or by us, for want of time."""
        return self._conflated + int(self._listener.conflated)

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield a batch for every message that changed something; an empty one for trouble."""
        while True:
            try:
                async with aclosing(self._connected(await self._login())) as batches:
                    async for batch in batches:
                        yield batch
            except FeedError as trouble:
                wait_s = self._note(trouble)
                # Nobody will take back what stands when we have gone.
                yield batch_now([] if wait_s is not None else self._listener.withdraw_all())
                if wait_s is None:
                    raise
                await self._sleep(wait_s)

    # ---------------------------------------------------------- a connection

    async def _login(self) -> Secret:
        if self._token is None:
            session = self._session
            token = session if isinstance(session, Secret) else await self._log_in(session)
            if not token:
                raise FeedRefused("No session for Betfair: the login returned no text.")
            self._token = token
        return self._token

    async def _log_in(self, login: Callable[[], str]) -> Secret:
        try:
            token = _hidden(await asyncio.to_thread(login))
        except FeedError:
            raise
        except Exception as error:  # noqa: BLE001 - it is somebody else's code
            # Its words may well hold the password.
            failure = type(error).__name__
        else:
            self._failed_logins = 0
            return token
        self._failed_logins += 1
        words = f"No session for Betfair: the login failed ({failure})."
        if self._failed_logins < MAX_FAILED_LOGINS:
            raise FeedThrottled(words, retry_after=LOGIN_PAUSE_S)
        raise FeedRefused(
            f"{words[:-1]}, {self._failed_logins} times in a row.",
            hint="Check user, password and certificate: Betfair locks an account after some tries.",
        )

    async def _connected(self, token: Secret) -> AsyncGenerator[Batch, None]:
        handover = Handover()
        self._listener.tell = handover.put
        stream = self._make_stream(self._settings, self._listener, self._app_key, token)
        thread = threading.Thread(
            target=_read, args=(stream, handover), name="protipp-betfair", daemon=True
        )
        thread.start()
        try:
            while (news := await handover.get()) is not None:
                if self._tell(news) or news.batch.quotes or news.batch.events:
                    yield news.batch
            raise FeedUnavailable("The stream has ended, and nobody says why.")
        finally:
            if stream.leave():
                await handover.ended()
                thread.join()
            self._conflated += handover.conflated

    # ----------------------------------------------------- what is told of it

    def _tell(self, news: News) -> bool:
        """Take the state of the connection from a message; return whether that is worth a batch."""
        before, at = self.connection, news.batch.received_at
        is_change = before.status != "connected" or before.stale != news.is_late
        last = before.last_heartbeat
        # Every state goes to every subscriber: once a second will do for signs of
        # life, and not at all for "still late", which would look like one.
        is_due = last is None or abs((at - last).total_seconds()) >= TELL_S
        is_update = bool(news.batch.quotes) and not news.is_confirmation
        # Quotes make the gateway think that we are fresh: say again that we are not.
        is_late_again = news.is_late and bool(news.batch.quotes)
        is_due = is_due and not news.is_late
        if not (is_change or news.faults or is_late_again or is_due):
            return False
        # It answers our subscription: that, and no login, is what success means here.
        self._retrying.worked(self._clock())
        self.connection = self._retrying.shown(before)
        self._replace(
            detail="stalled" if news.is_late else self.connection.detail,
            stale=news.is_late,
            last_heartbeat=at,
            last_update=at if is_update else before.last_update,
        )
        if news.is_late and not before.stale:
            self._report("Betfair says that its prices are late (status 503).")
        if news.faults:
            count = news.fault_count
            self._report(f"{count} items could not be read, first {news.faults[0]}", count)
        return True

    def _note(self, trouble: FeedError) -> float | None:
        """Report trouble; return how long to wait before the next try, None if there is none."""
        now = self._clock()
        before = None if self._retrying.is_steady(now) else self._trouble
        self._trouble = trouble
        if isinstance(trouble, SessionRefused) and callable(self._session):
            self._token = None
            # Had a new one been refused as well, asking on would hammer the login.
            is_final = isinstance(before, SessionRefused)
        else:
            is_final = isinstance(trouble, FeedRefused)
        if is_final:
            self._report(str(trouble))
            self._replace(status="error", detail="terminal")
            return None
        wait_s = self._retrying.failed(trouble, now)
        self.connection = self._retrying.shown(self.connection)
        self._report(str(self.connection.last_error), 0)
        if isinstance(trouble, LineUnreadable) and isinstance(before, LineUnreadable):
            # It comes again and again: whatever is behind it needs another way.
            self._listener.forget_clocks()
        is_new = isinstance(trouble, _AT_ONCE) and not isinstance(before, type(trouble))
        return 0.0 if is_new and self._retrying.breaker.state is not State.OPEN else wait_s

    def _report(self, error: str, count: int = 1) -> None:
        error = "".join(c if c.isprintable() else " " for c in error)[:MESSAGE_LENGTH]
        _log.warning("betfair: %s", error)
        self._replace(error_count=self.connection.error_count + count, last_error=error)

    def _replace(self, **fields: object) -> None:
        self.connection = msgspec.structs.replace(self.connection, **fields)


def _read(stream: Stream, handover: Handover) -> None:
    """Run a connection in its thread."""
    failure: BaseException | None = None
    try:
        stream.run()
    except BaseException as error:  # noqa: BLE001 - raised where the feed is read
        failure = error
        if isinstance(error, FeedError):
            # It says all itself; the frames behind it hold lines that quote our secrets.
            error.__traceback__ = error.__context__ = None
    handover.end(failure)


def _hidden(text: object) -> Secret:
    """Take what the caller gave; what is no text is as good as none."""
    return Secret(text if isinstance(text, str) else "")


def _verifying(tls: ssl.SSLContext | None) -> ssl.SSLContext:
    if tls is None:
        return ssl.create_default_context()
    if tls.verify_mode is not ssl.CERT_REQUIRED or not tls.check_hostname:
        raise ConfigurationError(
            "This SSL context trusts anybody.",
            hint="The session token would go to whoever answers; use ssl.create_default_context().",
        )
    return tls


def _check(
    app_key: Secret,
    session: Secret | Callable[[], str],
    fields: Sequence[str],
    heartbeat_ms: int,
    timeout_s: float,
) -> None:
    if not app_key:
        raise ConfigurationError("Betfair needs an application key.")
    if not session:
        raise ConfigurationError(
            "Betfair needs a session token, or a function that returns one.",
            hint="betfairlightweight's APIClient(…).login() gets one.",
        )
    if isinstance(fields, str) or "EX_MARKET_DEF" not in fields:
        raise ConfigurationError(
            "fields must be a list with EX_MARKET_DEF in it.",
            hint="Without definitions nobody knows which market is suspended.",
        )
    if not 500 <= heartbeat_ms <= 5000:
        raise ConfigurationError(f"heartbeat_ms must be from 500 to 5000, not {heartbeat_ms!r}.")
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise ConfigurationError(f"timeout_s must be above 0, not {timeout_s!r}.")
