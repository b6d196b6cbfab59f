"""The key that signs checkpoints, and whoever only has its public half.

Beside the trail, the key keeps honest people honest and finds accidents. Against somebody
who can write the folder it must lie elsewhere: a file given by ``PROTIPP_SIGNING_KEY``,
which only the gateway can read.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from protipp_stream.core.checkpoint import Checkpoint, signed_bytes
from protipp_stream.errors import TrailUnavailable
from protipp_stream.history.durable import write_new
from protipp_stream.history.layout import Layout

__all__ = ["ENVIRONMENT", "Signer", "read_public_key", "refuse_bad_key", "verified"]

ENVIRONMENT = "PROTIPP_SIGNING_KEY"

_PUBLIC = "Give the signing.pub that was made when the trail was begun."


class Signer:
    """Signs checkpoints; makes a key where a folder has none.

    Parameters
    ----------
    layout : Layout
        The folder must exist.

    Raises
    ------
    TrailUnavailable
        If the key can't be read or is none of Ed25519, or is not the one whose public
        half lies in the folder.
    """

    def __init__(self, layout: Layout) -> None:
        path = _elsewhere() or layout.private_key
        if path == layout.private_key and not path.exists():
            if layout.public_key.exists():
                raise TrailUnavailable(
                    f"The signing key {path} is not there, only its public half.",
                    hint=f"Name the file that the trail was begun with in {ENVIRONMENT}.",
                )
            _make(path)
        self._key = _private(path)
        public = self._key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        if not layout.public_key.exists():
            write_new(layout.public_key, public, mode=0o644)
        elif layout.public_key.read_bytes() != public:
            raise TrailUnavailable(
                f"{path} is not the key whose public half is {layout.public_key}.",
                hint="Give the key that the trail was begun with, or begin a new folder.",
            )

    def sign(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return the checkpoint with its signature."""
        signature = self._key.sign(signed_bytes(checkpoint)).hex()
        return msgspec.structs.replace(checkpoint, sig=signature)


def refuse_bad_key() -> None:
    """Look at a key that is kept elsewhere before a folder is made for what it signs.

    Raises
    ------
    TrailUnavailable
        If it is none.
    """
    if (path := _elsewhere()) is not None:
        _private(path)


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Return a key that checkpoints are verified with.

    Raises
    ------
    TrailUnavailable
        If there is none.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TrailUnavailable(
            f"The public key {path} can't be read: {error.strerror}.", hint=_PUBLIC
        ) from None
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        is_private = b"PRIVATE KEY-----" in data
        what = "is a private key, not a public one" if is_private else "holds no public key"
        raise TrailUnavailable(f"{path} {what}.", hint=_PUBLIC) from None
    if not isinstance(key, Ed25519PublicKey):
        raise TrailUnavailable(f"{path} is no Ed25519 key.", hint=_PUBLIC)
    return key


def verified(checkpoint: Checkpoint, key: Ed25519PublicKey) -> bool:
    """Say whether a checkpoint was signed with the key's private half."""
    try:
        key.verify(bytes.fromhex(checkpoint.sig), signed_bytes(checkpoint))
    except (InvalidSignature, ValueError):
        return False
    return True


def _elsewhere() -> Path | None:
    given = os.environ.get(ENVIRONMENT)
    return Path(given) if given else None


def _make(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # Whole or not at all: half a key would have to be removed by hand.
    write_new(path, pem, mode=0o600)


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise TrailUnavailable(
            f"The signing key {path} can't be read: {type(error).__name__}.",
            hint=f"Give a PEM file with an Ed25519 key in {ENVIRONMENT}.",
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise TrailUnavailable(f"The signing key {path} is none of Ed25519.")
    return key
