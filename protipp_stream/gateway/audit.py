"""Who was let in, who was refused, and why: counted, and one JSON line each.

The peer reads generic words only; the reason code stands here. Values from
outside are JSON strings, so no line break or terminal code in a name can forge
a record.
"""

from __future__ import annotations

import json
import logging
from collections import Counter

__all__ = ["Audit"]

_log = logging.getLogger("protipp_stream.audit")


class Audit:
    """Counts and logs what happened at the door.

    Attributes
    ----------
    counts : Counter of str
        By reason code, since the start.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def record(self, reason: str, count: int = 1, **fields: str | int | float | None) -> None:
        """Note that ``reason`` happened.

        Parameters
        ----------
        reason : str
            A code: ``token_expired``, ``origin``, ``rate_limited``, …
        count : int
            How many at once.
        **fields
            Facts without secrets: never a token, a key or a query string.
        """
        self.counts[reason] += count
        _log.info(json.dumps({"reason": reason, "count": count, **fields}, ensure_ascii=True))
