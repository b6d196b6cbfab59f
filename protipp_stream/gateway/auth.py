"""Tokens: who may do what, until when.

One algorithm is pinned by the key's kind and never read from the token. Every
claim that limits a token must be there; a library that accepts a token without
``exp`` has done what it was told, so it is told otherwise (RFC 8725).
"""

from __future__ import annotations

import time
from collections.abc import Collection

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from protipp_stream.errors import ConfigurationError

__all__ = ["SCOPES", "Authenticator", "Identity", "Refused", "mint_token"]

SCOPES = ("odds:read", "odds:publish", "status:read")
MIN_SECRET_BYTES = 32
MIN_RSA_BITS = 2048
MAX_TOKEN_BYTES = 4096
MAX_LIFETIME_S = 24 * 3600
MAX_SUBJECT = 128
_REQUIRED = ["exp", "iat", "sub", "aud", "iss"]
_TYPES = frozenset({"JWT", "at+jwt"})
# For the audit, which outlives a library's names of classes; the first that fits counts.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "token_expired"),
    (jwt.ImmatureSignatureError, "token_not_yet_valid"),
    (jwt.InvalidSignatureError, "token_signature"),
    (jwt.InvalidAlgorithmError, "token_algorithm"),
    (jwt.InvalidAudienceError, "token_audience"),
    (jwt.InvalidIssuerError, "token_issuer"),
    (jwt.InvalidIssuedAtError, "token_times"),
    (jwt.exceptions.InvalidSubjectError, "token_subject"),
    (jwt.MissingRequiredClaimError, "token_claim_missing"),
)


class Identity(msgspec.Struct, frozen=True):
    """Whom a token speaks for.

    Attributes
    ----------
    subject : str
        ``sub``.
    scopes : frozenset of str
        What it may do.
    expires_at : float
        Seconds since 1970.
    """

    subject: str
    scopes: frozenset[str]
    expires_at: float


class Refused(Exception):
    """A token is not accepted; ``reason`` is for the audit, never for the peer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Authenticator:
    """Judges tokens with one key and one algorithm.

    Parameters
    ----------
    key : str
        An HS256 secret of at least 32 bytes, or a PEM public key (RSA of at
        least 2048 bits for RS256, Ed25519 for EdDSA).
    issuer, audience : str
        What ``iss`` and ``aud`` must say.

    Raises
    ------
    ConfigurationError
        If the key is too weak or of another kind: the gateway must not start.
    """

    def __init__(self, key: str, *, issuer: str, audience: str) -> None:
        self._algorithm, self._key = _pinned(key)
        self._issuer = issuer
        self._audience = audience

    def verify(self, token: str) -> Identity:
        """Return whom the token speaks for.

        Raises
        ------
        Refused
            With a reason code, whatever is wrong with it.
        """
        if len(token.encode("utf-8", "surrogatepass")) > MAX_TOKEN_BYTES:
            raise Refused("token_too_long")
        try:
            decoded = jwt.decode_complete(
                token,
                self._key,
                algorithms=[self._algorithm],
                issuer=self._issuer,
                audience=self._audience,
                options={"require": _REQUIRED, "strict_aud": True},
            )
        except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError) as error:
            fits = (reason for kind, reason in _REASONS if isinstance(error, kind))
            raise Refused(next(fits, "token_malformed")) from None
        return _identity(decoded["header"], decoded["payload"])


def _identity(header: dict[str, object], claims: dict[str, object]) -> Identity:
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind not in _TYPES or "crit" in header:
        raise Refused("token_header")
    issued, expires, subject = claims["iat"], claims["exp"], claims["sub"]
    # PyJWT takes "123" and 1e9 for an integer; a date that is no integer is a forgery's.
    if type(issued) is not int or type(expires) is not int:
        raise Refused("token_times")
    if expires - issued > MAX_LIFETIME_S:
        raise Refused("token_lifetime")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        raise Refused("token_subject")
    if not subject.isprintable():
        raise Refused("token_subject")
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise Refused("token_scope")
    return Identity(subject, frozenset(scope.split()), float(expires))


def mint_token(
    secret: str,
    *,
    subject: str,
    scopes: Collection[str] = ("odds:read",),
    lifetime_s: int = 3600,
    issuer: str = "protipp-stream",
    audience: str = "protipp-stream",
) -> str:
    """Make a token, signed with the gateway's own HS256 secret.

    Parameters
    ----------
    lifetime_s : int
        Seconds, at most 24 hours.

    Raises
    ------
    ConfigurationError
        For a weak secret, an unknown scope, or a lifetime the gateway refuses.
    """
    algorithm, key = _pinned(secret)
    if algorithm != "HS256":
        raise ConfigurationError(
            "A public key checks tokens, it can't make them.",
            hint="Mint with the private key where it lives, or use an HS256 secret.",
        )
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise ConfigurationError(
            f"Unknown scope {unknown[0]!r}.", hint=f"Known: {', '.join(SCOPES)}."
        )
    if not 0 < lifetime_s <= MAX_LIFETIME_S:
        raise ConfigurationError(
            f"A token can't live {lifetime_s} s.", hint="Choose from 1 second to 24 hours."
        )
    if not subject.isprintable() or not 0 < len(subject) <= MAX_SUBJECT:
        raise ConfigurationError(
            "The subject must be 1 to 128 printable characters.", hint="For example: alice."
        )
    now = int(time.time())
    claims = {
        "sub": subject,
        "scope": " ".join(scopes),
        "iat": now,
        "exp": now + lifetime_s,
        "iss": issuer,
        "aud": audience,
    }
    return jwt.encode(claims, key, algorithm="HS256", headers={"typ": "at+jwt"})


def _pinned(key: str) -> tuple[str, str]:
    """Return the one algorithm that this key is good for, and the key."""
    if "-----BEGIN" in key:
        return _pinned_public(key)
    if len(key.encode()) < MIN_SECRET_BYTES:
        raise ConfigurationError(
            f"The JWT secret has {len(key.encode())} bytes; {MIN_SECRET_BYTES} are the least.",
            hint="Make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'",
        )
    return "HS256", key


def _pinned_public(pem: str) -> tuple[str, str]:
    try:
        public = load_pem_public_key(pem.encode())
    except (ValueError, TypeError):
        raise ConfigurationError(
            "The JWT key looks like PEM but is no public key.",
            hint="Give the gateway the PUBLIC key; the private one stays with who mints.",
        ) from None
    if isinstance(public, Ed25519PublicKey):
        return "EdDSA", pem
    if isinstance(public, RSAPublicKey) and public.key_size >= MIN_RSA_BITS:
        return "RS256", pem
    raise ConfigurationError(
        "The JWT key must be Ed25519 or RSA of at least 2048 bits.",
        hint="For example: openssl genpkey -algorithm ed25519.",
    )
