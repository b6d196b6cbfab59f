"""Changing the master keys of an access trail."""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet

from protipp_stream.history.access.keys import default_file, write_keys
from protipp_stream.history.access.store import opened
from protipp_stream.history.layout import Layout
from protipp_stream.history.writer import signed_after

__all__ = ["rotate"]


def rotate(folder: Path | str) -> int:
    """Wrap every data key anew; return how many they are. No ciphertext changes.

    With keys that are given (``PROTIPP_PRIVACY_KEYS``, or a file of them): put the new one
    in front of the old ones, restart the gateway, call this, then take the old ones away
    and restart again. With the file that we made ourselves there is nothing else to do:
    a new key is made, and the old one is gone afterwards. May be called while a gateway
    writes.

    Raises
    ------
    TrailUnavailable
        If there is no trail, or keys are wrapped with a master key that is not given.
    """
    layout = Layout(folder)
    with signed_after(folder), opened(layout) as store:
        ours = default_file(layout)
        if ours is not None:
            new, old = Fernet.generate_key(), ours.read_bytes().replace(b",", b" ").split()
            # Both, until all is wrapped anew: whatever breaks off, one of them opens it.
            write_keys(ours, [new, *old])
        with store.personal.transaction():
            count = store.personal.rewrap()
        store.personal.vacuum()
        if ours is not None:
            write_keys(ours, [new])
    return count
