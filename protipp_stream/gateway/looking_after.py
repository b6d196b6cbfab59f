"""What a subscriber is due by the clock: heartbeats, the end of its token, of our patience."""

from __future__ import annotations

from datetime import datetime

from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.codes import CloseCode
from protipp_stream.gateway import frames
from protipp_stream.gateway.outlet import PROGRESS_BYTES
from protipp_stream.gateway.settings import Settings
from protipp_stream.gateway.subscription import Subscription

__all__ = ["look_after"]

EXPIRY_NOTICE_S = 60.0


def look_after(
    subscription: Subscription,
    settings: Settings,
    now: float,
    wall: datetime,
    checkpoint: Checkpoint | None,
) -> None:
    """Do what is due for one subscriber.

    Parameters
    ----------
    now : float
        Monotonic, in seconds.
    wall : datetime
        UTC.
    checkpoint : Checkpoint or None
        Where the audit trail stands: who hears heartbeats can witness it.
    """
    left_s = subscription.expires_at - wall.timestamp()
    if left_s <= 0:
        expired = frames.error(int(CloseCode.TOKEN_EXPIRED), "token expired")
        subscription.end(CloseCode.TOKEN_EXPIRED, expired)
        return
    if left_s <= EXPIRY_NOTICE_S and subscription.warned_of != subscription.expires_at:
        subscription.warned_of = subscription.expires_at
        subscription.notify(frames.expiring(left_s))
    if _is_stuck(subscription, settings.stuck_s, now):
        subscription.end(CloseCode.TOO_SLOW)
    elif now >= subscription.beat_due and subscription.is_idle:
        # Not into a buffer that is full already: it would come late and lie.
        subscription.beat_due = now + settings.heartbeat_s
        subscription.last_sent = wall
        subscription.write(frames.heartbeat(subscription.newest_told, wall, checkpoint))


def _is_stuck(subscription: Subscription, patience_s: float, now: float) -> bool:
    since = subscription.full_since
    if since is None or now - since < patience_s:
        return False
    pending = subscription.outlet.pending_bytes
    if subscription.full_bytes - pending < PROGRESS_BYTES:
        return True
    # Slow, but it reads: a large board over a thin line takes its time.
    subscription.full_since, subscription.full_bytes = now, pending
    return False
