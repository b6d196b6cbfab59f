"""Keys that travel in URLs and headers: on the wire, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Generic, TypeVar
from urllib.parse import quote, quote_plus

import httpx

from protipp_stream.errors import ConfigurationError

__all__ = ["KeyedUrl", "Redactor", "Secret", "address", "is_loopback"]

MESSAGE_LENGTH = 300
# A shorter secret is redacted as a whole word only: "a" stands in every sentence.
SHORT = 8

_T = TypeVar("_T")


class Secret(Generic[_T]):
    """Something that no traceback may show: tools that report errors print locals, too.

    Parameters
    ----------
    value : object
        What `reveal` returns.
    """

    __slots__ = ("_value",)

    def __init__(self, value: _T) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "<secret>"

    def reveal(self) -> _T:
        """Return it; into no local variable of a frame that may raise."""
        return self._value


class KeyedUrl(httpx.URL):
    """A URL that asks for more on the wire than people see of it.

    httpx writes the URL of every request into its log. Only the transport asks
    for `raw_path`, so the key is in there and not in the URL that is logged.

    Parameters
    ----------
    url : httpx.URL
        As people may see it.
    query : str
        What is added to its query on the wire, encoded.
    """

    def __init__(self, url: httpx.URL, query: str) -> None:
        super().__init__(url)
        path = url.raw_path
        mark = b"&" if b"?" in path else b"?"
        self._keyed = path + mark + query.encode() if query else path

    @property
    def raw_path(self) -> bytes:
        """What the transport asks for."""
        return self._keyed


class Redactor:
    """Takes secrets out of texts, however a URL would write them.

    Parameters
    ----------
    secrets : iterable of str
        Empty ones are passed over.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = {
            written
            for secret in secrets
            if secret
            for written in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret))
        }
        # The longest first, or a part would be replaced and leave the rest.
        written = sorted(spellings, key=len, reverse=True)
        self._found = re.compile("|".join(map(_pattern, written))) if written else None

    def __call__(self, text: str) -> str:
        """Return the text without secrets and control characters, and not too long."""
        if self._found is not None:
            text = self._found.sub("[key]", text)
        printable = "".join(c if c.isprintable() else " " for c in text)
        return printable[:MESSAGE_LENGTH].rstrip(". ")


def _pattern(written: str) -> str:
    literal = re.escape(written)
    return literal if len(written) >= SHORT else rf"(?<!\w){literal}(?!\w)"


def is_loopback(url: httpx.URL) -> bool:
    """Say whether a URL stays on this machine."""
    return url.host in ("127.0.0.1", "::1", "localhost")


def address(name: str, text: str, schemes: Collection[str]) -> httpx.URL:
    """Check where a provider is to be found.

    Parameters
    ----------
    name : str
        Of the provider, for the message.
    text : str
        The URL. It is not repeated in the message: it may hold a key.
    schemes : collection of str
        The encrypted scheme first, then the one that only this machine may use.

    Raises
    ------
    ConfigurationError
        For another scheme, no host, or a password in it.
    """
    secure, plain = schemes
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL("")
    if not url.host or not (url.scheme == secure or (url.scheme == plain and is_loopback(url))):
        raise ConfigurationError(
            f"The address of {name} must be {secure}://….",
            hint="A key travels with every request: unencrypted, anybody on the way could read it.",
        )
    if url.userinfo:
        raise ConfigurationError(
            f"The address of {name} must hold no password.", hint="Give it as a header."
        )
    return url
