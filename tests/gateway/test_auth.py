"""Tokens: what is accepted, and every way of being refused."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from protipp_stream.errors import ConfigurationError
from protipp_stream.gateway.auth import Authenticator, Refused, mint_token

SECRET = "s" * 32
NAMES = {"issuer": "protipp-stream", "audience": "protipp-stream"}


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    full = {
        "sub": "alice",
        "scope": "odds:read",
        "iat": now,
        "exp": now + 600,
        "iss": "protipp-stream",
        "aud": "protipp-stream",
    } | changes
    return {name: value for name, value in full.items() if value is not ...}


def signed(headers: dict[str, Any] | None = None, key: str = SECRET, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm="HS256", headers=headers)


def unsigned(header: dict[str, Any]) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims()))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def with_raw_claims(**changes: Any) -> str:
    """Sign claims that PyJWT's encoder would refuse to write."""
    return jwt.api_jws.PyJWS().encode(json.dumps(claims(**changes)).encode(), SECRET, "HS256")


def forged() -> dict[str, str]:
    """Made when they are shown: an hour later all of them would be refused as expired."""
    return {
        "alg none": unsigned({"alg": "none", "typ": "JWT"}),
        "alg None": unsigned({"alg": "None", "typ": "JWT"}),
        "alg lower case": unsigned({"alg": "hs256", "typ": "JWT"}),
        "other alg": jwt.encode(claims(), "s" * 64, algorithm="HS512"),
        "wrong key": signed(key="t" * 32),
        "expired": signed(iat=int(time.time()) - 700, exp=int(time.time()) - 100),
        "wrong aud": signed(aud="somebody-else"),
        "aud list": signed(aud=["protipp-stream", "x"]),
        "wrong iss": signed(iss="somebody-else"),
        "nbf in the future": signed(nbf=int(time.time()) + 600),
        "iat in the future": signed(iat=int(time.time()) + 600, exp=int(time.time()) + 900),
        "no exp": signed(exp=...),
        "no iat": signed(iat=...),
        "no sub": signed(sub=...),
        "no aud": signed(aud=...),
        "no iss": signed(iss=...),
        "exp as text": with_raw_claims(exp=str(int(time.time()) + 600)),
        "exp as float": signed(exp=time.time() + 600),
        "lives too long": signed(exp=int(time.time()) + 25 * 3600),
        "sub empty": signed(sub=""),
        "sub too long": signed(sub="a" * 129),
        "sub with a line break": signed(sub="alice\nroot"),
        "unknown crit": signed(headers={"crit": ["x"], "x": 1}),
        "wrong typ": signed(headers={"typ": "logout+jwt"}),
        "typ no text": signed(headers={"typ": [1]}),
        "scope as list": signed(scope=["odds:read"]),
        "too long": signed(padding="x" * 5000),
        "garbage": "not.a.token",
        "empty": "",
        "surrogate": "\ud800",
    }


@pytest.fixture(scope="module")
def authenticator() -> Authenticator:
    return Authenticator(SECRET, **NAMES)


def test_a_minted_token_is_accepted(authenticator: Authenticator) -> None:
    token = mint_token(SECRET, subject="alice", scopes=["odds:read", "status:read"])
    identity = authenticator.verify(token)
    assert identity.subject == "alice"
    assert identity.scopes == {"odds:read", "status:read"}
    assert identity.expires_at == pytest.approx(time.time() + 3600, abs=5)


@pytest.mark.parametrize("name", forged())
def test_a_forged_token_is_refused(authenticator: Authenticator, name: str) -> None:
    with pytest.raises(Refused) as refused:
        authenticator.verify(forged()[name])
    assert re.fullmatch("[a-z_]+", refused.value.reason)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("alg none", "token_algorithm"),
        ("other alg", "token_algorithm"),
        ("wrong key", "token_signature"),
        ("expired", "token_expired"),
        ("wrong aud", "token_audience"),
        ("wrong iss", "token_issuer"),
        ("nbf in the future", "token_not_yet_valid"),
        ("iat in the future", "token_not_yet_valid"),
        ("no exp", "token_claim_missing"),
        ("exp as text", "token_times"),
        ("garbage", "token_malformed"),
        ("surrogate", "token_malformed"),
    ],
)
def test_why_is_said_in_words_of_our_own(
    authenticator: Authenticator, name: str, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        authenticator.verify(forged()[name])
    assert refused.value.reason == reason


def test_the_positive_control_differs_in_nothing_else(authenticator: Authenticator) -> None:
    assert authenticator.verify(signed()).subject == "alice"
    assert authenticator.verify(with_raw_claims()).subject == "alice"


def test_headers_that_name_keys_are_never_followed(authenticator: Authenticator) -> None:
    own = {"jku": "http://127.0.0.1:1/keys", "jwk": {"kty": "oct", "k": "dA"}}
    with pytest.raises(Refused):
        authenticator.verify(signed(headers=own, key="t" * 32))


def pem(private: Any) -> tuple[str, str]:
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return secret.decode(), public.decode()


@pytest.mark.parametrize(
    ("private", "algorithm"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
        (rsa.generate_private_key(65537, 2048), "RS256"),
    ],
    ids=["EdDSA", "RS256"],
)
def test_public_keys_check_and_can_not_be_used_as_a_secret(private: Any, algorithm: str) -> None:
    secret, public = pem(private)
    authenticator = Authenticator(public, **NAMES)
    assert authenticator.verify(jwt.encode(claims(), secret, algorithm)).subject == "alice"
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
    # The classic confusion: HS256 with the public key's text as the secret.
    import hashlib
    import hmac

    body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=").decode()
    mac = hmac.new(public.encode(), f"{header}.{body}".encode(), hashlib.sha256).digest()
    forged = f"{header}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    with pytest.raises(Refused):
        authenticator.verify(forged)


@pytest.mark.parametrize(
    "key",
    [
        "short",
        "x" * 31,
        "-----BEGIN PUBLIC KEY-----\nrubbish\n-----END PUBLIC KEY-----",
        pem(rsa.generate_private_key(65537, 1024))[1],
        pem(ec.generate_private_key(ec.SECP256R1()))[1],
        pem(ed25519.Ed25519PrivateKey.generate())[0],
    ],
    ids=["short", "31 bytes", "rubbish PEM", "RSA 1024", "EC", "private key"],
)
def test_a_gateway_with_a_weak_key_does_not_start(key: str) -> None:
    with pytest.raises(ConfigurationError):
        Authenticator(key, **NAMES)


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": ["odds:all"]}, {"lifetime_s": 0}, {"lifetime_s": 86401}, {"subject": ""}],
    ids=str,
)
def test_minting_says_what_is_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        mint_token(SECRET, **({"subject": "alice"} | wrong))
    assert raised.value.hint
