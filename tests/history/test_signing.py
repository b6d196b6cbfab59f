"""Keys that sign checkpoints: made once, whole or not at all; foreign ones are refused."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.errors import TrailUnavailable
from protipp_stream.history import durable, signing
from protipp_stream.history.layout import Layout
from protipp_stream.history.signing import ENVIRONMENT, Signer, read_public_key, verified

CHECKPOINT = Checkpoint(
    journal="j", at=datetime(2026, 11, 23, tzinfo=UTC), n=3, hash="ab" * 32, manifest_n=1
)


@pytest.fixture(autouse=True)
def no_key_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    kept = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept)


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    signed = Signer(layout).sign(CHECKPOINT)
    kept = layout.private_key.read_bytes()
    assert stat.S_IMODE(layout.private_key.stat().st_mode) == 0o600
    assert Signer(layout).sign(CHECKPOINT) == signed
    assert layout.private_key.read_bytes() == kept
    assert verified(signed, read_public_key(layout.public_key))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["signing.key", "signing.pub"]


@given(st.sampled_from(["n", "hash", "journal", "manifest_n", "access_hash", "sig"]), st.data())
def test_a_signature_is_of_this_checkpoint_only(member: str, data: st.DataObject) -> None:
    key = Ed25519PrivateKey.generate()
    signed = Checkpoint(
        **{n: getattr(CHECKPOINT, n) for n in CHECKPOINT.__struct_fields__ if n != "sig"},
        sig=key.sign(signing.signed_bytes(CHECKPOINT)).hex(),
    )
    assert verified(signed, key.public_key())
    values = {n: getattr(signed, n) for n in signed.__struct_fields__}
    old = values[member]
    strategy = st.integers(-5, 99) if isinstance(old, int) else st.text(max_size=140)
    values[member] = data.draw(strategy.filter(lambda value: value != old))
    assert not verified(Checkpoint(**values), key.public_key())


def test_a_key_elsewhere_signs_and_none_is_left_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere.pem"
    elsewhere.write_bytes(pem(Ed25519PrivateKey.generate()))
    monkeypatch.setenv(ENVIRONMENT, str(elsewhere))
    (tmp_path / "audit").mkdir()
    layout = Layout(tmp_path / "audit")
    assert verified(Signer(layout).sign(CHECKPOINT), read_public_key(layout.public_key))
    assert not layout.private_key.exists()
    # Without the variable the folder has no private key: it must not make another.
    monkeypatch.delenv(ENVIRONMENT)
    with pytest.raises(TrailUnavailable, match="is not there") as refused:
        Signer(layout)
    assert ENVIRONMENT in refused.value.hint
    assert not layout.private_key.exists()


FOREIGN = {
    "absent": None,
    "empty": b"",
    "no PEM": b"ssh-ed25519 AAAA",
    "another algorithm": pem(ec.generate_private_key(ec.SECP256R1())),
    "a password": pem(Ed25519PrivateKey.generate(), b"secret"),
    "half": pem(Ed25519PrivateKey.generate())[:70],
    # An algorithm that nobody knows (1.3.101.127).
    "an unknown algorithm": b"-----BEGIN PRIVATE KEY-----\n"
    b"MC4CAQAwBQYDK2V/BCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
    b"-----END PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_no_key_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    elsewhere = tmp_path / "elsewhere.pem"
    if (data := FOREIGN[what]) is not None:
        elsewhere.write_bytes(data)
    monkeypatch.setenv(ENVIRONMENT, str(elsewhere))
    with pytest.raises(TrailUnavailable, match="signing key") as refused:
        Signer(Layout(tmp_path))
    assert "elsewhere.pem" in str(refused.value)
    assert not Layout(tmp_path).public_key.exists()


def test_another_folder_s_key_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        Signer(Layout(tmp_path / name))
    mine, other = Layout(tmp_path / "a"), Layout(tmp_path / "b")
    mine.private_key.write_bytes(other.private_key.read_bytes())
    with pytest.raises(TrailUnavailable, match="is not the key whose public half"):
        Signer(mine)


@pytest.mark.parametrize("what", ["absent", "empty", "no PEM", "another algorithm"])
def test_a_public_key_that_is_none_is_said(tmp_path: Path, what: str) -> None:
    layout = Layout(tmp_path)
    if what == "another algorithm":
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        data = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        layout.public_key.write_bytes(data)
    elif what != "absent":
        layout.public_key.write_bytes(FOREIGN[what] or b"")
    with pytest.raises(TrailUnavailable):
        read_public_key(layout.public_key)


@pytest.mark.parametrize("dies_in", ["open", "write", "publish"])
@pytest.mark.parametrize("key", ["signing.key", "signing.pub"])
def test_a_crash_while_a_key_is_made_needs_no_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_in: str, key: str
) -> None:
    class Killed(BaseException):
        pass

    def dying_publish(hidden: Path, path: Path) -> None:
        if path.name == key:
            raise Killed
        hidden.replace(path)

    def dying_fdopen(descriptor: int, mode: str) -> object:
        if key in os.readlink(f"/proc/self/fd/{descriptor}"):
            if dies_in == "write":
                os.write(descriptor, b"-----BEGIN PRIV")
            os.close(descriptor)
            raise Killed
        return real_fdopen(descriptor, mode)

    real_fdopen = os.fdopen
    with monkeypatch.context() as patch:
        if dies_in == "publish":
            patch.setattr(durable, "publish", dying_publish)
        else:
            patch.setattr(signing.os, "fdopen", dying_fdopen)
        with pytest.raises(Killed):
            Signer(Layout(tmp_path))
    layout = Layout(tmp_path)
    assert verified(Signer(layout).sign(CHECKPOINT), read_public_key(layout.public_key))
