"""What stands in a log instead of a name: equal for equal names, and no way back.

A plain digest of an address could be found by trying all addresses; with a key, only
whoever has it can tell whether a pseudonym is somebody's.
"""

from __future__ import annotations

import hmac

__all__ = ["LENGTH", "pseudonym"]

LENGTH = 16
"""Hex digits: 64 bits, so that a million names don't meet by chance."""


def pseudonym(key: bytes, kind: str, name: str | None) -> str | None:
    """Return a name's pseudonym: HMAC-SHA256, shortened; None for no name.

    Parameters
    ----------
    key : bytes
        32 random bytes.
    kind : str
        ``subject`` or ``address``: one can't be taken for the other.
    name : str or None
    """
    if name is None:
        return None
    return hmac.digest(key, f"{kind}\0{name}".encode(), "sha256").hex()[:LENGTH]
