"""The master keys: what every data key of an access trail is wrapped with.

From ``PROTIPP_PRIVACY_KEYS`` (Fernet keys, separated by commas, the newest first), or the
file named by ``PROTIPP_PRIVACY_KEYS_FILE``, or else ``privacy.keys`` beside the trail,
made at first use and readable by its owner only.

Beside the trail it protects what leaves without it: a copy or a backup of
``personal.sqlite`` alone. Against whoever can read the whole folder the keys must come from
elsewhere. Lost keys are lost names: the trail still verifies, but nobody can export from it
or find a subject to erase.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from protipp_stream.errors import TrailUnavailable
from protipp_stream.history.durable import write_new
from protipp_stream.history.layout import Layout

__all__ = ["ENVIRONMENT", "ENVIRONMENT_FILE", "default_file", "master_keys", "write_keys"]

ENVIRONMENT = "PROTIPP_PRIVACY_KEYS"
ENVIRONMENT_FILE = "PROTIPP_PRIVACY_KEYS_FILE"


def default_file(layout: Layout) -> Path | None:
    """Return the file that is ours to make and change; None if keys come from elsewhere."""
    if os.environ.get(ENVIRONMENT) or os.environ.get(ENVIRONMENT_FILE):
        return None
    return layout.access_trail.with_name("privacy.keys")


def master_keys(layout: Layout, *, make: bool = False) -> MultiFernet:
    """Return the master keys; the first wraps, all unwrap.

    Parameters
    ----------
    make : bool
        Make a key where none is and none is given: only for a new trail.

    Raises
    ------
    TrailUnavailable
        If there is none, or it is none of Fernet's.
    """
    ours = default_file(layout)
    if make and ours is not None and not ours.exists():
        write_keys(ours, [Fernet.generate_key()])
    text = os.environ.get(ENVIRONMENT)
    path = ours or Path(os.environ.get(ENVIRONMENT_FILE, ""))
    if not text:
        try:
            text = path.read_text(encoding="ascii")
        except (OSError, UnicodeError) as error:
            raise TrailUnavailable(
                f"The privacy keys in {path} can't be read: {type(error).__name__}.",
                hint=f"Bring the file back, or give the keys in {ENVIRONMENT}.",
            ) from None
    try:
        return MultiFernet([Fernet(key) for key in text.replace(",", " ").split()])
    except ValueError:
        # The message of the cause would be about the key; it stays out of logs.
        raise TrailUnavailable(
            f"What {ENVIRONMENT} or its file holds are no Fernet keys.",
            hint="Make one with: python -c 'from cryptography.fernet import Fernet; "
            "print(Fernet.generate_key().decode())'",
        ) from None


def write_keys(path: Path, keys: list[bytes]) -> None:
    """Write a file of ours, or replace what is in it: whole or not at all."""
    write_new(path, b"\n".join(keys) + b"\n", mode=0o600)
