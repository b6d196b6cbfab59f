"""One connection to the Exchange Stream: TLS, login, subscription, and its end in words.

betfairlightweight's socket trusts any certificate, logs the session at DEBUG,
takes several messages for one when they arrive together, and waits as long for
a half line as for a whole one. Its four methods that do so are replaced here.
"""

# The library has no types of its own.
# mypy: disable-error-code="import-untyped,misc,no-untyped-call"

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from socket import getaddrinfo
from typing import Any, TypeVar

import msgspec
from betfairlightweight.streaming.betfairstream import BetfairStream

from protipp_stream.errors import FeedError, FeedRefused, FeedUnavailable
from protipp_stream.feeds.betfair.codes import ClockRefused, LineUnreadable, MarketLost, failure_of
from protipp_stream.feeds.betfair.listener import Listener
from protipp_stream.feeds.betfair.secret import Secret, encode
from protipp_stream.feeds.betfair.wire import Line

__all__ = ["Settings", "Stream"]

CRLF = b"\r\n"
MAX_LINE = 64 * 1024 * 1024
READ_SIZE = 64 * 1024
SILENT_HEARTBEATS = 2.5
MESSAGE_LENGTH = 200


_Socket = TypeVar("_Socket", bound=socket.socket)


class Settings(msgspec.Struct, frozen=True):
    """Where to connect and what to subscribe to; times in seconds but for the protocol's."""

    host: str
    port: int
    tls: ssl.SSLContext
    market_filter: dict[str, Any]
    fields: Sequence[str]
    ladder_levels: int
    conflate_ms: int
    heartbeat_ms: int
    timeout_s: float


class Stream(BetfairStream):
    """One connection, from its first byte to its last; `run` reads it in a thread.

    Parameters
    ----------
    settings : Settings
        Where to, and what for.
    listener : Listener
        Keeps books and clocks; it outlives the connection.
    app_key, session : Secret
        Sent once, over verified TLS; written nowhere.
    """

    _socket: Any

    def __init__(
        self,
        settings: Settings,
        listener: Listener,
        app_key: Secret,
        session: Secret,
    ) -> None:
        super().__init__(
            listener.stream_unique_id or 0,
            listener,
            app_key,
            session,
            timeout=settings.timeout_s,
            buffer_size=READ_SIZE,
            host=None,
        )
        listener.on_status = self.take_status
        listener.vouching.begin()
        self.host = settings.host
        self._settings = settings
        self._unread = bytearray()
        self._searched = 0
        self._stopped = False
        self._awaited: int | None = None
        self._silence_s = settings.timeout_s

    def run(self) -> None:
        """Connect, log in, subscribe and read until `stop` or trouble; in a thread.

        Raises
        ------
        FeedError
            When the connection has ended and nobody stopped it.
        """
        try:
            self._connect()
            self.authenticate()
            self._subscribe()
            self._read_loop()
        except FeedError as error:
            if isinstance(error, ClockRefused | MarketLost):
                self.listener.forget_clocks()
            if not self._stopped:
                raise
        finally:
            self.stop()

    def stop(self) -> None:
        """End the connection; from the thread that reads it."""
        self._running = False
        if self._socket is not None:
            self._socket.close()

    def leave(self) -> bool:
        """End the connection from another thread: what breaks by that is no trouble.

        Returns
        -------
        bool
            Whether the thread can be waited for. False while it still resolves the
            name of the host: nothing wakes it, but when it does, it ends.
        """
        self._stopped = True
        self._running = False
        if self._socket is None:
            return False
        with contextlib.suppress(OSError):  # it has gone already
            # Wakes the thread that reads, which then closes. Not the method of
            # the TLS socket: that one pulls the TLS from under the reader.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        return True

    # ------------------------------------------------------------- handshake

    def _connect(self) -> None:
        self._socket = self._create_socket()
        self._running = True
        self._data(self._receive_all())

    def authenticate(self) -> int:
        """Log in and wait for the answer."""
        return self._ask(
            {"op": "authentication", "appKey": self.app_key, "session": self.session_token}
        )

    def _subscribe(self) -> None:
        wanted, listener = self._settings, self.listener
        self._awaited = self.subscribe_to_markets(
            market_filter=wanted.market_filter,
            market_data_filter={
                "fields": list(wanted.fields),
                "ladderLevels": wanted.ladder_levels,
            },
            initial_clk=listener.initial_clk,
            clk=listener.clk,
            conflate_ms=wanted.conflate_ms,
            heartbeat_ms=wanted.heartbeat_ms,
            segmentation_enabled=True,
        )

    def _ask(self, message: dict[str, Any]) -> int:
        unique_id: int = self.new_unique_id()
        self._awaited = unique_id
        self._send({**message, "id": unique_id})
        while self._running and self._awaited == unique_id:
            self._data(self._receive_all())
        return unique_id

    def take_status(self, line: Line) -> None:
        """Take a status message: an answer that was waited for, or bad news."""
        if line.status_code != "SUCCESS":
            code, words = line.error_code or "FAILURE", line.error_message or ""
            raise failure_of(self._redact(code), self._redact(words))
        if line.id == self._awaited:
            self._awaited = None
            if self.listener.stream_unique_id == line.id:
                self._silence_s = SILENT_HEARTBEATS * self._settings.heartbeat_ms / 1000

    def _redact(self, text: str) -> str:
        # A provider may well quote what it refuses.
        text = self.app_key.hidden_in(text, "[key]")
        text = self.session_token.hidden_in(text, "[session]")
        return "".join(c if c.isprintable() else " " for c in text)[:MESSAGE_LENGTH]

    # ---------------------------------------------------------------- socket

    def _create_socket(self) -> ssl.SSLSocket:
        host = self._settings.host
        try:
            # Each socket is known before it does anything, so that it can be stopped.
            plain = self._reach()
            sock = self._settings.tls.wrap_socket(
                plain, server_hostname=host, do_handshake_on_connect=False
            )
            self._hold(sock).do_handshake()
        except ssl.SSLCertVerificationError as error:
            raise FeedRefused(
                f"The certificate of {host} can't be trusted: {error.verify_message}.",
                hint="Somebody may be in between; the session was not sent.",
            ) from None
        except OSError as error:
            raise FeedUnavailable(f"{host} can't be reached: {error}.") from None
        return sock

    def _reach(self) -> socket.socket:
        wanted, failure = self._settings, OSError("it has no address")
        for family, kind, number, _, address in getaddrinfo(
            wanted.host, wanted.port, type=socket.SOCK_STREAM
        ):
            plain = self._hold(socket.socket(family, kind, number))
            plain.settimeout(wanted.timeout_s)
            try:
                plain.connect(address)
            except OSError as error:
                plain.close()
                failure = error
            else:
                return plain
        raise failure

    def _hold(self, sock: _Socket) -> _Socket:
        self._socket = sock
        if self._stopped:  # in the meantime: `leave` can't have seen this socket
            raise FeedUnavailable("Nobody listens any more.")
        return sock

    def _receive_all(self) -> str:
        """Return the next line; note when it arrived."""
        deadline = time.monotonic() + self._silence_s
        while (end := self._unread.find(CRLF, self._searched)) < 0:
            # A CRLF may itself have arrived in two parts.
            self._searched = max(len(self._unread) - 1, 0)
            if len(self._unread) > MAX_LINE:
                raise FeedUnavailable(f"Betfair sent more than {MAX_LINE} bytes in one line.")
            self._unread += self._receive(deadline)
        line = bytes(self._unread[:end])
        del self._unread[: end + len(CRLF)]
        self._searched = 0
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            raise LineUnreadable(f"Betfair sent a line that is no UTF-8: {error}.") from None

    def _receive(self, deadline: float) -> bytes:
        left_s, sock = deadline - time.monotonic(), self._socket
        try:
            if left_s <= 0:
                raise TimeoutError
            sock.settimeout(left_s)
            part: bytes = sock.recv(READ_SIZE)
        except TimeoutError:
            raise FeedUnavailable(
                f"Betfair has been silent for {self._silence_s:g} s: the connection is dead."
            ) from None
        except OSError as error:
            raise FeedUnavailable(f"The stream broke off: {error}.") from None
        if not part:
            raise FeedUnavailable("Betfair closed the connection.")
        self.listener.received_at = datetime.now(UTC)
        self.listener.arrived = time.monotonic()
        return part

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._socket.sendall(encode(message) + CRLF)
        except OSError as error:
            raise FeedUnavailable(f"The stream broke off: {error}.") from None
