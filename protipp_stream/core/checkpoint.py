"""Checkpoints: where every chain of an audit trail stood, signed.

A chain alone proves that nobody changed a part of it; whoever can write all of it can
begin it anew. A signature takes a key that need not lie beside the trail, and a witness
who kept a checkpoint can tell that the whole was rolled back to an older state: it no
longer leads to what the witness has seen.
"""

from __future__ import annotations

import msgspec

from protipp_stream.core.chain import GENESIS
from protipp_stream.model import Instant

__all__ = ["Checkpoint", "signed_bytes"]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where the chains stand, and who says so.

    Attributes
    ----------
    journal : str
        Which journal: an identifier made when its folder was.
    at : datetime
        UTC.
    n, hash : int, str
        The last line of the odds journal that was safe on disk.
    manifest_n, manifest_hash : int, str
        The last line of the manifest; -1 and `chain.GENESIS` while there is none.
    access_n, access_hash : int, str
        The last line of the access trail.
    sig : str
        Ed25519 over `signed_bytes`, in hex.
    """

    journal: str
    at: Instant
    n: int
    hash: str
    manifest_n: int = -1
    manifest_hash: str = GENESIS
    access_n: int = -1
    access_hash: str = GENESIS
    sig: str = ""


def signed_bytes(checkpoint: Checkpoint) -> bytes:
    """Return what is signed: the checkpoint without its signature, as JSON."""
    unsigned = msgspec.structs.replace(checkpoint, sig="")
    return b"protipp_stream checkpoint 1\n" + msgspec.json.encode(unsigned)
