"""`Gateway`: a hub, its feeds, and the port they are served on.

Embedded, it runs in a thread of its own (`start`, `stop`); as a program, on the
main thread until SIGTERM (`serve`). Either way it drains before it goes:
subscribers are told to come back, and nobody is cut off in mid-frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from protipp_stream.core.feed import Feed
from protipp_stream.core.naming import Naming
from protipp_stream.errors import ConfigurationError, ProtippStreamError, TrailUnavailable
from protipp_stream.gateway.auth import Authenticator, mint_token
from protipp_stream.gateway.clock import Clock
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.judging import Rules
from protipp_stream.gateway.listener import host_name, listener
from protipp_stream.gateway.routes import application
from protipp_stream.gateway.serving import Server, ended, uvicorn_config
from protipp_stream.gateway.settings import Settings
from protipp_stream.gateway.trails import trails
from protipp_stream.model import Batch, RealTimeConnection

__all__ = ["Gateway"]

_log = logging.getLogger(__name__)


class Gateway:
    """Takes odds from feeds and serves what changed.

    Parameters
    ----------
    *feeds : Feed
        Where odds come from; none is fine, they can be published to it.
    host : str
        Address to listen on.
    port : int
        0 takes a free one; see `url`.
    key : str, optional
        The HS256 secret or PEM public key that tokens are checked with. None
        makes a secret that only this process knows: get tokens from `token`.
    settings : Settings, optional
        Limits and allowed origins.
    rule : Rule, str, or sequence of both, optional
        Which moves are significant; Cohen's h by default: ``"h"``, ``h(0.06)``,
        ``["h", "steam"]``, or a function of your own. It is tried out on a made-up
        move; where it fails later, the log says so once and the move counts as none.
    names : Naming or dict, optional
        Tables for what different sources call the same, for example
        ``{"aliases": {"NY Yankees": "New York Yankees"}}``; see `core.naming.tables`.
        Without them, what agrees by teams and start is one event all the same.
    history : Path or str, optional
        Folder of the audit trail, made if it is not there: every update is kept, read it
        with `ps.History`. See `Settings.publish_after` and `Settings.history_failure`.
    clock : Clock, optional
        Injected by tests.

    Examples
    --------
    >>> import protipp_stream as ps
    >>> with ps.Gateway(ps.Simulated()) as gateway:
    ...     with ps.connect(gateway) as odds:
    ...         prices = odds.quotes()
    """

    def __init__(
        self,
        *feeds: Feed,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
        settings: Settings | None = None,
        rule: Rules | None = None,
        names: Naming | Mapping[str, Any] | None = None,
        history: Path | str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._feeds: list[Feed] = []
        for feed in feeds:
            self._add(feed)
        self._host = host
        self._key = key or secrets.token_urlsafe(48)
        settings = settings or Settings()
        settings = msgspec.structs.replace(
            settings, allowed_hosts=settings.allowed_hosts | {host_name(host).lower()}
        )
        self.settings = settings
        self._history = None if history is None else Path(history)
        self._trouble: str | None = None
        holds_back = settings.publish_after == "durable"
        if holds_back and self._history is None:
            raise ConfigurationError(
                'publish_after="durable" needs a history: nothing is written without one.',
                hint="Name its folder: history= of Gateway, --history of serve.",
            )
        self.hub = Hub(settings, rule=rule, names=names, clock=clock, holds_back=holds_back)
        authenticator = Authenticator(self._key, issuer=settings.issuer, audience=settings.audience)
        self._server = Server(uvicorn_config(application(self.hub, authenticator), settings))
        # The last thing that can be refused: nothing would close the socket.
        self._socket = listener(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._is_running = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        host = "127.0.0.1" if self._host in {"0.0.0.0", "::", ""} else self._host
        return f"http://{host_name(host)}:{self.port}"

    def __repr__(self) -> str:
        state = "running" if self._is_running else "not running"
        return f"<Gateway {self.url} {state}, feeds: {len(self._feeds)}>"

    def token(
        self,
        subject: str = "notebook",
        *,
        scopes: Collection[str] = ("odds:read",),
        lifetime_s: int = 12 * 3600,
    ) -> str:
        """Make a token that this gateway accepts.

        Raises
        ------
        ConfigurationError
            If the gateway holds a public key only.
        """
        return mint_token(
            self._key,
            subject=subject,
            scopes=scopes,
            lifetime_s=lifetime_s,
            issuer=self.settings.issuer,
            audience=self.settings.audience,
        )

    # --------------------------------------------------------------- embedded

    def start(self) -> Self:
        """Run in a background thread; returns when the port answers.

        Raises
        ------
        ConfigurationError
            If it has run before: make a new one.
        """
        if self._thread is not None or self._loop is not None:
            raise ConfigurationError(
                "This gateway has been started already.", hint="Make a new Gateway."
            )
        self._thread = threading.Thread(target=self._run, name="protipp-gateway", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Drain and stop; returns when the thread, if it has one, has ended."""
        if self._thread is None and self._loop is None:
            self._socket.close()
            return
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it ended just now, by itself
                self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self if self._thread is not None else self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def follow(self, feed: Feed) -> None:
        """Take another feed while running; from any thread."""
        self._add(feed)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._start_feed, feed)

    def _add(self, feed: Feed) -> None:
        if not isinstance(feed, Feed) or isinstance(feed, type):
            raise ConfigurationError(
                f"{feed!r} is no feed.", hint="For example: Gateway(ps.Simulated())."
            )
        if not isinstance(feed.connection, RealTimeConnection):
            raise ConfigurationError(
                f"The `connection` of {feed!r} is no RealTimeConnection.",
                hint="See the README, A feed of your own.",
            )
        ident = feed.connection.id
        if any(other.connection.id == ident for other in self._feeds):
            raise ConfigurationError(
                f"There is a feed {ident!r} already; one would overwrite the other's state.",
                hint="Give one of them another id in its `connection`.",
            )
        self._feeds.append(feed)

    def _run(self) -> None:
        try:
            asyncio.run(self.serve())
        except ProtippStreamError as failure:
            # It says all; and `start` raises it where it was called.
            self._failure = failure
            _log.error("the gateway has ended: %s", failure)
        except BaseException as failure:  # noqa: BLE001 - as above
            self._failure = failure
            _log.exception("the gateway has ended")
        finally:
            self._ready.set()

    # -------------------------------------------------------------- a program

    async def serve(self, on_ready: Callable[[], None] | None = None) -> None:
        """Serve until `stop`, SIGTERM or SIGINT; then drain and return.

        Parameters
        ----------
        on_ready : callable, optional
            Called once, when the port answers.

        Raises
        ------
        TrailUnavailable, TrailChanged
            If the history can't be opened; or, where the settings say that the gateway
            stops then, if it can't be written any more.
        """
        self._loop = asyncio.get_running_loop()
        try:
            # A signal while the trails are closed must not cost their last lines.
            with self._signals():
                async with contextlib.AsyncExitStack() as stack:
                    if self._history is not None:
                        kept = trails(self._history, self.hub, self._history_failed)
                        await stack.enter_async_context(kept)
                    await self._serve(on_ready)
        finally:
            self._socket.close()
        if self._trouble is not None:
            raise TrailUnavailable(
                self._trouble, hint="Make room, or give the history another folder."
            )

    async def _serve(self, on_ready: Callable[[], None] | None) -> None:
        serving = asyncio.create_task(self._server.serve([self._socket]))
        await self._until_up(serving)
        self._tasks.add(asyncio.create_task(self._keep_time()))
        for feed in self._feeds:
            self._start_feed(feed)
        self._is_running = True
        self._ready.set()
        if on_ready is not None:
            on_ready()
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await self._drain()
        self._is_running = False
        await ended(serving)

    def _history_failed(self, words: str, *, is_broken: bool) -> None:
        if (is_broken or self.settings.history_failure == "stop") and self._trouble is None:
            self._trouble = words
            self._stopping.set()

    async def _until_up(self, serving: asyncio.Task[None]) -> None:
        up = asyncio.create_task(self._server.is_up.wait())
        await asyncio.wait({serving, up}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if serving.done():
            serving.result()
            raise ConfigurationError("The gateway did not start.", hint="The log says why.")

    async def _drain(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self.settings.drain_s)
            if late:
                _log.warning("%d feeds do not stop; going without them", len(late))
        await self._released()
        self.hub.drain()
        try:
            async with asyncio.timeout(self.settings.drain_s):
                await self.hub.deserted()
        except TimeoutError:
            _log.warning("%d subscribers did not leave in time", len(self.hub.subscriptions))
        self._server.should_exit = True

    async def _released(self) -> None:
        """Wait until subscribers can have what waits to be safe, if that can be."""
        if self.hub.recording is not None and self._trouble is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.settings.drain_s):
                    await self.hub.recording.released()

    async def _keep_time(self) -> None:
        # A heartbeat may be late by a twentieth; a client calls us stalled at a sixth.
        pause_s = min(1.0, self.settings.heartbeat_s / 20)
        while True:
            await asyncio.sleep(pause_s)
            try:
                self.hub.tick()
            except Exception:  # noqa: BLE001 - logged
                # Without it nobody's token ends and no heartbeat leaves.
                _log.exception("the gateway's tick has failed")

    def _start_feed(self, feed: Feed) -> None:
        task = asyncio.create_task(self._follow(feed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, feed: Feed) -> None:
        known: RealTimeConnection | None = None
        try:
            known = feed.connection
            self.hub.report(known)
            # One that says it is connected, and then never a word, must not look fresh.
            self.hub.heard(known.id, self._patience_s(feed))
            async for batch in feed:
                if not isinstance(batch, Batch):
                    raise ConfigurationError(
                        f"Feed {known.id} yields {type(batch).__name__}, not a Batch.",
                        hint="Yield batch_now(quotes, events) of protipp_stream.feeds.",
                    )
                self.hub.heard(known.id, self._patience_s(feed))
                self.hub.take(batch, known.id)
                if feed.connection is not known:
                    known = feed.connection
                    self.hub.report(known)
        except ProtippStreamError as error:
            _log.error("feed %s has ended: %s", feed.connection.id, error)
            self._report_end(feed, str(error))
        except Exception:  # noqa: BLE001 - logged, and shown as the feed's state
            # A feed is somebody's plug-in: its bug must not take the others down.
            _log.exception("feed %r has failed", feed)
            self._report_end(feed, "the feed failed; see the gateway's log")
        else:
            self.hub.report(feed.connection)

    def _patience_s(self, feed: Feed) -> float:
        interval_s: float = getattr(feed, "interval_s", 0.0)
        return self.settings.stale_after_s + 2 * interval_s

    def _report_end(self, feed: Feed, error: str) -> None:
        self.hub.report(
            msgspec.structs.replace(
                feed.connection,
                status="error",
                detail="terminal",
                error_count=max(feed.connection.error_count, 1),
                last_error=error,
            )
        )

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread() or self._loop is None:
            yield
            return
        caught = (signal.SIGTERM, signal.SIGINT)
        for number in caught:
            self._loop.add_signal_handler(number, self._stopping.set)
        try:
            yield
        finally:
            for number in caught:
                self._loop.remove_signal_handler(number)
