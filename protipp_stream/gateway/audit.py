"""Who was let in, who was refused, and why: counted, logged, and kept where a trail is.

The peer reads generic words only; the reason code stands here. Logs carry pseudonyms
instead of names and addresses; the trail keeps those encrypted. Values from outside are
JSON strings, so no line break or terminal code in a name can forge a record.

A flood is bounded: what is equal within a second (reason, endpoint, facts, subject and
address) is one record with a count.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections import Counter

import msgspec
from msgspec import structs
from starlette.datastructures import Headers
from starlette.types import Scope

from protipp_stream.core.access import NOBODY, AccessRecord, Fact, KeepsAccess, Requester
from protipp_stream.core.pseudonym import pseudonym
from protipp_stream.core.repeats import Repeats
from protipp_stream.gateway.clock import Clock, SystemClock

__all__ = ["WINDOW_S", "Audit", "endpoint_of", "requester_of"]

_log = logging.getLogger("protipp_stream.audit")

WINDOW_S = 1.0
# Of strangers: whoever has a token is limited by it.
MOST_STRANGERS = 1_000
_MOST_CHARACTERS = 256


class Audit:
    """Counts, logs and keeps what happened at the door.

    Parameters
    ----------
    clock : Clock, optional
        Injected by tests.

    Attributes
    ----------
    counts : Counter of str
        By reason code, since the start.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._clock = clock or SystemClock()
        self._trail: KeepsAccess | None = None
        # Without a trail nobody can tell later whose a pseudonym was, nor can we.
        self._key = secrets.token_bytes(32)
        self._known: Repeats[_Same] = Repeats()
        self._strangers: Repeats[_Same] = Repeats()
        self._firsts: dict[_Same, AccessRecord] = {}

    def keep_in(self, trail: KeepsAccess) -> None:
        """Keep all that is recorded from now on in a trail."""
        self._trail = trail
        self._key = trail.pseudonym_key

    def record(
        self,
        reason: str,
        count: int = 1,
        *,
        by: Requester = NOBODY,
        endpoint: str | None = None,
        within_s: float = WINDOW_S,
        **facts: Fact,
    ) -> None:
        """Note that ``reason`` happened.

        Parameters
        ----------
        reason : str
            A code: ``token_expired``, ``origin``, ``rate_limited``, …
        count : int
            How many at once.
        by : Requester
            Who it was: personal, so it stands in no log and encrypted in the trail.
        endpoint : str, optional
            One of ours, never a path as it came: that may hold anything, tokens too.
        within_s : float
            Equal ones within so many seconds become one record; 0 for what stands for
            itself.
        **facts
            Words and numbers of ours, without secrets and without names: never a token,
            a key, a query string or what a peer made up.
        """
        self.counts[reason] += count
        at = self._clock.wall()
        record = AccessRecord(
            at=at, reason=reason, count=count, endpoint=endpoint, facts=facts, by=by
        )
        if within_s <= 0:
            self._write(record)
            self._keep(record)
            return
        same, repeats = self._same(record), self._strangers
        if by.subject is not None:
            repeats = self._known
        if repeats.add(same, count, self._clock.monotonic(), within_s):
            first = record if same.by is not None else structs.replace(record, by=NOBODY)
            self._firsts[same] = first
            self._write(first)

    def tick(self) -> None:
        """Record what has become of repeats by now; called about once a second."""
        self._record_repeats(self._clock.monotonic())

    def flush(self) -> None:
        """Record what has become of repeats, finished or not; for the end."""
        self._record_repeats(float("inf"))

    def _same(self, record: AccessRecord) -> _Same:
        by = (record.by.subject, record.by.address, record.by.connection)
        same = _Same(record.reason, record.endpoint, tuple(sorted(record.facts.items())), by)
        is_stranger = record.by.subject is None and record.by.address is not None
        is_crowd = len(self._strangers) >= MOST_STRANGERS and same not in self._strangers
        # Too many at once to keep apart: counted together, as nobody's.
        return structs.replace(same, by=None) if is_stranger and is_crowd else same

    def _record_repeats(self, now: float) -> None:
        for same, count in (*self._known.over(now), *self._strangers.over(now)):
            first = self._firsts.pop(same)
            if count > first.count:
                # The first was written when it came.
                self._write(structs.replace(first, count=count - first.count))
            self._keep(structs.replace(first, count=count))

    def _write(self, record: AccessRecord) -> None:
        who = {
            "endpoint": record.endpoint,
            "subject": pseudonym(self._key, "subject", record.by.subject),
            "address": pseudonym(self._key, "address", record.by.address),
        }
        known = {name: word for name, word in who.items() if word is not None}
        line = {"reason": record.reason, "count": record.count, **known, **record.facts}
        _log.info(json.dumps(line, ensure_ascii=True))

    def _keep(self, record: AccessRecord) -> None:
        if self._trail is not None:
            self._trail.record(record)


class _Same(msgspec.Struct, frozen=True):
    """What makes records equal; ``by`` is None where too many strangers are one."""

    reason: str
    endpoint: str | None
    facts: tuple[tuple[str, Fact], ...]
    by: tuple[str | None, ...] | None


def endpoint_of(scope: Scope) -> str:
    """Return what a request is for, ``GET /api/v1/odds``: of one that was routed, ours."""
    return f"{scope.get('method', 'GET')} {scope['path']}"


def requester_of(
    scope: Scope, subject: str | None = None, connection: str | None = None
) -> Requester:
    """Return who makes a request, as far as that is known.

    Parameters
    ----------
    scope : dict
        ASGI; the address is its client's, whatever headers say.
    subject : str, optional
        Else that of the identity which the guard has put into the scope, if any.
    connection : str, optional
    """
    client, identity = scope.get("client"), scope.get("identity")
    user_agent = Headers(scope=scope).get("user-agent")
    return Requester(
        subject if subject is not None else getattr(identity, "subject", None),
        str(client[0])[:_MOST_CHARACTERS] if client else None,
        user_agent[:_MOST_CHARACTERS] if user_agent else None,
        connection,
    )
