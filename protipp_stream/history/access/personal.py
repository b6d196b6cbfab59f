"""``personal.sqlite``: what is personal in the access trail, encrypted, and the data keys.

Each part of a record is AES-256-GCM under the data key of its subject and month (of
nobody and the month where there is no subject), bound to the record's number. Data keys
are wrapped with the master keys. Subjects are found by an HMAC under a key of its own.

Overwritten and deleted bytes are zeroed (``secure_delete``), and the journal is a
rollback journal that is deleted with its transaction: no file keeps what was destroyed.
Hold the trail's lock for everything here.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.fernet import InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protipp_stream.core.access import AccessRecord
from protipp_stream.errors import TrailChanged, TrailUnavailable
from protipp_stream.history.access.keys import master_keys
from protipp_stream.history.access.record import PARTS, Part
from protipp_stream.history.layout import Layout

__all__ = ["Personal", "Stored"]

_SCHEMA = """
CREATE TABLE secrets (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE keys (
    id INTEGER PRIMARY KEY, owner BLOB NOT NULL, month TEXT NOT NULL, wrapped BLOB NOT NULL,
    UNIQUE (owner, month));
CREATE TABLE parts (
    n INTEGER, part TEXT, key INTEGER NOT NULL, ciphertext BLOB NOT NULL,
    PRIMARY KEY (n, part)) WITHOUT ROWID;
CREATE INDEX parts_of_a_key ON parts (key);
CREATE TABLE pending (n INTEGER PRIMARY KEY, at TEXT NOT NULL, members BLOB NOT NULL);
"""
_SECRETS = ("index", "pseudonym")
_NOBODYS = b""
_NONCE = 12
_MOST_CACHED = 10_000


class Stored(NamedTuple):
    """A part as it lies there."""

    n: int
    part: Part
    key: int
    ciphertext: bytes

    @property
    def digest(self) -> str:
        """What the trail says of it."""
        return sha256(self.ciphertext).hexdigest()


class Personal:
    """The file, opened.

    Parameters
    ----------
    layout : Layout
    make : bool
        Make one if none is there; else it is only read.

    Raises
    ------
    TrailUnavailable
        If it or the master keys can't be read.
    """

    def __init__(self, layout: Layout, *, make: bool = False) -> None:
        self._layout = layout
        self._masters: MultiFernet | None = None
        self._ciphers: dict[int, AESGCM] = {}
        self._ids: dict[tuple[bytes, str], int] = {}
        self._secrets: dict[str, bytes] = {}
        if make and not layout.personal.exists():
            os.close(os.open(layout.personal, os.O_WRONLY | os.O_CREAT, 0o600))
        # A reader, too, has to undo what a writer left half done, where it may.
        mode = "rw" if make or os.access(layout.personal, os.W_OK) else "ro"
        uri = f"{layout.personal.absolute().as_uri()}?mode={mode}"
        # One thread at a time uses it, but not always the one that has opened it.
        self._file = sqlite3.connect(
            uri, uri=True, isolation_level=None, timeout=60, check_same_thread=False
        )
        try:
            self._prepare(make)
        except BaseException:
            self._file.close()
            raise

    def _prepare(self, make: bool) -> None:
        self._file.execute("PRAGMA secure_delete = ON")
        if make:
            self._file.execute("PRAGMA journal_mode = DELETE")
            # With the folder, or a crash could bring the journal back, and with it the dead.
            self._file.execute("PRAGMA synchronous = EXTRA")
            if not self.is_begun:
                self._begin()
        self._version = self._data_version()

    def _begin(self) -> None:
        masters = master_keys(self._layout, make=True)
        with self.transaction():
            for statement in filter(str.strip, _SCHEMA.split(";")):
                self._file.execute(statement)
            for name in _SECRETS:
                wrapped = masters.encrypt(os.urandom(32))
                self._file.execute("INSERT INTO secrets VALUES (?, ?)", (name, wrapped))

    @property
    def is_begun(self) -> bool:
        """Whether there is anything in it: a crash may come before."""
        return self._file.execute("SELECT 1 FROM sqlite_master").fetchone() is not None

    def fault(self) -> str | None:
        """Say what is wrong with the database as such; an index may hide what is there."""
        [said] = self._file.execute("PRAGMA integrity_check(1)").fetchone()
        return None if said == "ok" else str(said)

    def refresh(self) -> None:
        """Forget what is remembered, if another process has changed the file since."""
        version = self._data_version()
        if version != self._version:
            self._version = version
            self._forget()

    def _data_version(self) -> int:
        return int(self._file.execute("PRAGMA data_version").fetchone()[0])

    def _forget(self) -> None:
        self._masters = None
        self._ciphers.clear()
        self._ids.clear()
        self._secrets.clear()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of it or nothing."""
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._file.execute("COMMIT")
        except BaseException:
            # Keys that were made in it are gone with it.
            self._forget()
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise

    def vacuum(self) -> None:
        """Write the file anew, without the room that was in use once."""
        self._file.execute("VACUUM")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    # -------------------------------------------------------------------- keys

    @property
    def pseudonym_key(self) -> bytes:
        """What names in logs are replaced with; it stays through rotations."""
        return self._secret("pseudonym")

    def owner(self, subject: str | None) -> bytes:
        """Return under which index a subject's keys are found."""
        if subject is None:
            return _NOBODYS
        return hmac.digest(self._secret("index"), subject.encode(), "sha256")

    def _secret(self, name: str) -> bytes:
        if name not in self._secrets:
            query = "SELECT wrapped FROM secrets WHERE name = ?"
            row = self._file.execute(query, (name,)).fetchone()
            if row is None:
                raise TrailChanged(f"A secret of {self._layout.personal} is gone.")
            self._secrets[name] = self._unwrapped(row[0])
        return self._secrets[name]

    def _unwrapped(self, wrapped: bytes) -> bytes:
        if self._masters is None:
            self._masters = master_keys(self._layout)
        try:
            return self._masters.decrypt(wrapped)
        except InvalidToken:
            raise TrailUnavailable(
                f"The privacy keys don't open {self._layout.personal}.",
                hint="Give the keys that the trail was begun with, or rotated to.",
            ) from None

    def opens(self) -> list[bool]:
        """Say of each secret, and of one data key, whether the master keys open it."""
        query = (
            "SELECT wrapped FROM secrets"
            " UNION ALL SELECT wrapped FROM (SELECT wrapped FROM keys LIMIT 1)"
        )
        return [self._is_opened(wrapped) for (wrapped,) in self._file.execute(query).fetchall()]

    def _is_opened(self, wrapped: bytes) -> bool:
        try:
            self._unwrapped(wrapped)
        except TrailUnavailable:
            return False
        return True

    def _cipher(self, key: int) -> AESGCM:
        if key not in self._ciphers:
            row = self._file.execute("SELECT wrapped FROM keys WHERE id = ?", (key,)).fetchone()
            if row is None:
                raise TrailChanged(f"A data key of {self._layout.personal} is gone.")
            self._remember(key, self._unwrapped(row[0]))
        return self._ciphers[key]

    def _remember(self, key: int, secret: bytes) -> None:
        if len(self._ciphers) >= _MOST_CACHED:
            self._ciphers.clear()
            self._ids.clear()
        self._ciphers[key] = AESGCM(secret)

    def _key(self, owner: bytes, at: datetime) -> int:
        """Return the id of the key of an owner and month; makes it."""
        month = at.astimezone(UTC).strftime("%Y-%m")
        if (owner, month) not in self._ids:
            query = "SELECT id FROM keys WHERE owner = ? AND month = ?"
            row = self._file.execute(query, (owner, month)).fetchone()
            key = int(row[0]) if row else self._new_key(owner, month)
            self._ids[owner, month] = key
        return self._ids[owner, month]

    def _new_key(self, owner: bytes, month: str) -> int:
        secret = AESGCM.generate_key(256)
        if self._masters is None:
            self._masters = master_keys(self._layout)
        row = (owner, month, self._masters.encrypt(secret))
        insert = "INSERT INTO keys (owner, month, wrapped) VALUES (?, ?, ?)"
        key = self._file.execute(insert, row).lastrowid
        assert key is not None
        self._remember(key, secret)
        return key

    def rewrap(self) -> int:
        """Wrap all keys with the first master key; return how many they are."""
        masters = master_keys(self._layout)
        count = 0
        for table, ident in (("keys", "id"), ("secrets", "name")):
            for key, wrapped in self._file.execute(
                f"SELECT {ident}, wrapped FROM {table}"
            ).fetchall():
                update = f"UPDATE {table} SET wrapped = ? WHERE {ident} = ?"
                try:
                    self._file.execute(update, (masters.rotate(wrapped), key))
                except InvalidToken:
                    raise TrailUnavailable(
                        "The privacy keys don't open all of the data keys.",
                        hint="Give the old keys, too, behind the new one.",
                    ) from None
                count += 1
        self._forget()
        return count

    # ------------------------------------------------------------------- parts

    def put(self, n: int, record: AccessRecord) -> dict[Part, str]:
        """Keep what is personal in record ``n``; return the digests of it, by part."""
        by = record.by
        said = {
            "subject": {"subject": by.subject, "connection": by.connection},
            "address": {"address": by.address, "user_agent": by.user_agent},
        }
        digests: dict[Part, str] = {}
        for part in PARTS:
            if told := {name: word for name, word in said[part].items() if word is not None}:
                key = self._key(self.owner(by.subject), record.at)
                nonce = os.urandom(_NONCE)
                clear = msgspec.json.encode(told)
                sealed = nonce + self._cipher(key).encrypt(nonce, clear, _bound_to(n, part))
                stored = Stored(n, part, key, sealed)
                self._file.execute("INSERT INTO parts VALUES (?, ?, ?, ?)", stored)
                digests[part] = stored.digest
        return digests

    def read(self, stored: Stored) -> dict[str, str]:
        """Decrypt a part.

        Raises
        ------
        TrailChanged
            If it is not what was put there under that number.
        """
        nonce, sealed = stored.ciphertext[:_NONCE], stored.ciphertext[_NONCE:]
        try:
            clear = self._cipher(stored.key).decrypt(
                nonce, sealed, _bound_to(stored.n, stored.part)
            )
        except (InvalidTag, ValueError):
            raise TrailChanged(f"What is personal in record {stored.n} was changed.") from None
        return msgspec.json.decode(clear, type=dict[str, str])

    def parts(self, owner: bytes | None = None) -> Iterator[Stored]:
        """Return what is there in the order of records: of an owner, or of all."""
        query = "SELECT n, part, key, ciphertext FROM parts"
        if owner is None:
            rows = self._file.execute(f"{query} ORDER BY n, part")
        else:
            mine = "key IN (SELECT id FROM keys WHERE owner = ?)"
            rows = self._file.execute(f"{query} WHERE {mine} ORDER BY n, part", (owner,))
        return map(Stored._make, rows)

    def there(self) -> Iterator[tuple[int, Part]]:
        """Return of which lines which parts are there."""
        return iter(self._file.execute("SELECT n, part FROM parts"))

    def counts(self) -> Counter[str]:
        """Return how many there are of each part."""
        return Counter(dict(self._file.execute("SELECT part, count(*) FROM parts GROUP BY part")))

    def owner_of(self, key: int) -> bytes:
        """Return under which index a key lies."""
        row = self._file.execute("SELECT owner FROM keys WHERE id = ?", (key,)).fetchone()
        if row is None:
            raise TrailChanged(f"A data key of {self._layout.personal} is gone.")
        return bytes(row[0])

    # --------------------------------------------------------------- destroying

    def destroy_owner(self, owner: bytes) -> int:
        """Destroy all of an owner; return how many keys there were."""
        mine = "SELECT id FROM keys WHERE owner = ?"
        self._file.execute(f"DELETE FROM parts WHERE key IN ({mine})", (owner,))
        self._ids.clear()
        self._ciphers.clear()
        return self._file.execute("DELETE FROM keys WHERE owner = ?", (owner,)).rowcount

    def destroy_until(self, n: int, part: Part) -> None:
        """Destroy a part of all records up to ``n``, and the keys that open nothing now."""
        self._file.execute("DELETE FROM parts WHERE n <= ? AND part = ?", (n, part))
        self._file.execute("DELETE FROM keys WHERE id NOT IN (SELECT key FROM parts)")
        self._ids.clear()
        self._ciphers.clear()

    # ------------------------------------------------- staying level with the trail

    def intend(self, n: int) -> None:
        """Note that line ``n`` is written next: all lines before it are safe."""
        self._file.execute("INSERT OR REPLACE INTO state VALUES ('next', ?)", (n,))

    @property
    def intended(self) -> int:
        """The line that was to be written next, the last time."""
        row = self._file.execute("SELECT value FROM state WHERE name = 'next'").fetchone()
        return int(row[0]) if row else 0

    def drop_after(self, n: int) -> None:
        """Drop what belongs to records that never came into the trail."""
        if self._file.execute("SELECT 1 FROM parts WHERE n > ? LIMIT 1", (n,)).fetchone():
            with self.transaction():
                self._file.execute("DELETE FROM parts WHERE n > ?", (n,))

    def pend(self, n: int, at: datetime, members: list[bytes]) -> None:
        """Keep a tombstone that is to be line ``n``, until it is."""
        self._file.execute(
            "INSERT INTO pending VALUES (?, ?, ?)", (n, at.isoformat(), b",".join(members))
        )

    def pending(self) -> list[tuple[int, datetime, bytes]]:
        """Return the tombstones that may not be in the trail yet."""
        rows = self._file.execute("SELECT n, at, members FROM pending ORDER BY n")
        return [(int(n), datetime.fromisoformat(at), bytes(members)) for n, at, members in rows]

    def settle(self, n: int) -> None:
        """Note that a tombstone is in the trail."""
        with self.transaction():
            self._file.execute("DELETE FROM pending WHERE n = ?", (n,))


def _bound_to(n: int, part: Part) -> bytes:
    return b"protipp_stream access 1\n%d\n%b" % (n, part.encode())
