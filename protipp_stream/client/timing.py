"""How late updates are, stage by stage: at the gateway, on the way, here.

Two clocks are compared for one stage only, the network's, and that one carries
a bound. The other two are differences on one clock, and exact.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import force_setattr

from protipp_stream.client.arrival import now
from protipp_stream.client.changes import Delivery
from protipp_stream.core.latency import ClockOffset, Lag, RollingQuantiles
from protipp_stream.model import OddsUpdate

__all__ = ["STAGES", "Stage", "Timing"]

_log = logging.getLogger(__name__)

Stage = Literal["gateway", "network", "client", "total"]
STAGES: tuple[Stage, ...] = ("gateway", "network", "client", "total")

# Whatever is older is a recording played with its own times; that is not how
# late we are.
MAX_LATENCY_MS = 3_600_000.0
_MS = timedelta(milliseconds=1)


class Timing:
    """What the frames of one gateway say about latency.

    Not thread-safe: the applier's lock covers it.

    Attributes
    ----------
    clock : ClockOffset
        The gateway's clock minus `client.arrival.now`, as the connection in use
        knows it.
    """

    def __init__(self) -> None:
        self.clock = ClockOffset()
        self._seen: dict[Stage, RollingQuantiles] = {stage: RollingQuantiles() for stage in STAGES}
        self._lag = Lag()
        self._lag_of = (self.clock, 0)

    @property
    def behind_ms(self) -> float | None:
        """How much later the newest frame came than the quickest of ten minutes."""
        behind_s = self._lag.behind_s
        return None if behind_s is None else behind_s * 1000

    def stage(self, stage: Stage) -> Delivery | None:
        """Return the figures of one stage; None before the first."""
        seen = self._seen[stage]
        quantiles = seen.quantiles(0.5, 0.95, 0.99)
        if quantiles is None or seen.error is None:
            return None
        p50, p95, p99 = quantiles
        return Delivery(seen.count, p50, p95, p99, seen.error)

    def note(self, sent_at: datetime, arrived: float) -> None:
        """Take the stamps of any frame, one without updates too."""
        # Another connection is another way, and a clock that was set another clock.
        lag_of = (self.clock, self.clock.steps)
        if lag_of != self._lag_of:
            self._lag_of, self._lag = lag_of, Lag()
        self._lag.add(sent_at.timestamp(), arrived)

    def complete(self, sent_at: datetime, arrived: float, updates: Sequence[OddsUpdate]) -> None:
        """Measure updates that were applied just now, and complete their ``latency_ms``.

        They are changed in place: nobody else has seen them yet, and a copy of
        each would cost as much as decoding it did.
        """
        if not updates:
            return
        client_ms = (now() - arrived) * 1000
        network = self._network_ms(sent_at, arrived)
        # A batch shares one object: `client.decoding` sees to it.
        times = {id(update.timestamp): update.timestamp for update in updates}
        ages_ms = {key: (sent_at - time) / _MS for key, time in times.items()}
        gateway_ms = [ages_ms[id(update.timestamp)] for update in updates]
        if max(ages_ms.values()) > MAX_LATENCY_MS:
            recent = [at for at, ms in enumerate(gateway_ms) if ms <= MAX_LATENCY_MS]
            updates = [updates[at] for at in recent]
            gateway_ms = [gateway_ms[at] for at in recent]
        self._seen["gateway"].add(gateway_ms)
        self._seen["client"].add([client_ms])
        if network is None:
            return
        network_ms, error_ms = network
        self._seen["network"].add([network_ms], error_ms)
        rest_ms = network_ms + client_ms
        total_ms = [at_gateway + rest_ms for at_gateway in gateway_ms]
        self._seen["total"].add(total_ms, error_ms)
        for update, latency_ms in zip(updates, total_ms, strict=True):
            force_setattr(update, "latency_ms", latency_ms)

    def _network_ms(self, sent_at: datetime, arrived: float) -> tuple[float, float] | None:
        """Return the time on the way and its error; None where it can't be known."""
        offset = self.clock.at(arrived)
        if offset is None:
            return None
        network_s = arrived + offset.offset_s - sent_at.timestamp()
        if network_s < -offset.error_s:
            # It can't have come before it was sent: not our figure is to be
            # clamped, the clock was set since it was asked.
            _log.info("the gateway's clock was set: latency is unknown until it is asked again")
            self.clock.forget()
            return None
        return network_s * 1000, offset.error_s * 1000
