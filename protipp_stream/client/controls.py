"""What live odds can be told at any moment, from any thread: to leave, come back, change ways."""

from __future__ import annotations

import threading

from protipp_stream.client.follower import Follower
from protipp_stream.client.transports import rungs_of
from protipp_stream.core.link_words import Choose, ComeBack, Control, KeepTrying, Leave, Renew
from protipp_stream.errors import ConfigurationError, LinkClosed

__all__ = ["Controls"]


class Controls:
    """Steers a follower; the steering half of `LiveOdds`.

    All of it returns at once: what came of it is told by `LiveOdds.status` and
    `LiveOdds.on_transition`. Before the start it waits for the start.
    """

    _follower: Follower
    _ended: threading.Event

    def _begin_controls(self, transport: str, *, auto_reconnect: bool) -> None:
        # So that what is read is what was told last.
        self._telling = threading.Lock()
        self._transport, self._auto_reconnect = transport, True
        if not auto_reconnect:
            self.auto_reconnect = False

    def disconnect(self) -> None:
        """Leave the gateway and stay away until `reconnect`.

        The board stays readable and is marked as old: ``status`` is ``disconnected``,
        its ``detail`` ``paused``. Streams wait. Nothing is tried, and nothing raises an
        alarm.

        Raises
        ------
        LinkClosed
            If the link has ended.
        """
        self._wish(Leave())

    def reconnect(self) -> None:
        """Connect now, with everything since the last update that came.

        From `disconnect`, or instead of waiting for the next try, which counts as the
        first then. While the link is live nothing happens; one that is stalled is
        replaced.

        Raises
        ------
        LinkClosed
            If the link has ended.
        """
        self._wish(ComeBack())

    def refresh(self) -> None:
        """Ask for the whole board anew, over a fresh connection.

        The old board stays until the new one comes. Updates of the moment in between
        can't be handed out one by one: where there were any, streams say so. While
        `disconnect` holds, the next connection brings it.

        Raises
        ------
        LinkClosed
            If the link has ended.
        """
        self._wish(Renew())

    @property
    def transport(self) -> str:
        """What was chosen: ``auto``, ``websocket``, ``sse`` or ``polling``.

        ``status.connection_type`` says what is in use.
        """
        return self._transport

    def use_transport(self, transport: str) -> None:
        """Choose the transport anew, while updates come; none is lost.

        The new one is opened beside the live one, which delivers until the new one is
        level. Where it can't be had the live one stays, and it is tried again after 30,
        60, 120 … 600 s.

        Parameters
        ----------
        transport : {"auto", "websocket", "sse", "polling"}
            ``auto`` tries them in this order.

        Raises
        ------
        ConfigurationError
            For any other name.
        LinkClosed
            If the link has ended.
        """
        rungs = rungs_of(transport)
        with self._telling:
            self._wish(Choose(rungs))
            self._transport = transport

    @property
    def auto_reconnect(self) -> bool:
        """Whether a connection that breaks is tried again by itself.

        When it is off, a broken link is as after `disconnect`, and
        ``status.last_error`` says why. To fall to another transport while connecting,
        and to ask once for updates that are missing, is no retry. Setting it raises
        `LinkClosed` if the link has ended.
        """
        return self._auto_reconnect

    @auto_reconnect.setter
    def auto_reconnect(self, is_on: bool) -> None:
        if not isinstance(is_on, bool):
            raise ConfigurationError(f"auto_reconnect can't be {is_on!r}.", hint="True or False.")
        with self._telling:
            self._wish(KeepTrying(is_on))
            self._auto_reconnect = is_on

    def _wish(self, wish: Control) -> None:
        if self._ended.is_set():
            raise LinkClosed(
                "These odds have ended: there is no link to steer.", hint="Connect anew."
            )
        self._follower.wish(wish)
