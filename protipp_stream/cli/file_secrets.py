"""Secrets of a file of feeds: led to from the file, and never in it.

``api_key_env`` names the variable of the environment that holds ``api_key``,
``api_key_file`` the file; ``headers_env`` and ``headers_file`` do so header by header,
and ``url_env`` for an address with a key in it. No message repeats what may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from protipp_stream.cli.arguments import secret
from protipp_stream.errors import ConfigurationError

__all__ = ["way_to_write", "with_secrets"]

_SECRETS = {"api_key", "app_key", "session", "headers"}
# Names of a secret in an address: key, api_key, accessToken; but not sport_key.
_SECRET_IN_QUERY = re.compile(
    r"(x|api|app|access|auth|client|private|secret|session)?[_-]?"
    r"(key|token|secret|password|passwd|pwd|session|auth|authorization|sig|signature|jwt)",
    re.IGNORECASE,
)
_VARIABLE = re.compile("[A-Z][A-Z0-9_]*")
_NEVER = "a secret's name, never the secret"


def with_secrets(place: str, settings: Mapping[str, Any], known: Set[str]) -> dict[str, Any]:
    """Replace ``NAME_env`` and ``NAME_file`` by what they lead to.

    Parameters
    ----------
    place : str
        Which feed of which file, for messages.
    settings : mapping
        As they stand in the file.
    known : set of str
        The settings of this kind of feed.

    Raises
    ------
    ConfigurationError
        If a secret itself stands there, nothing where they lead, or one thing twice.
    """
    given: dict[str, Any] = {}
    wrote: dict[str, str] = {}
    for name, value in settings.items():
        base, _, way = name.rpartition("_")
        is_led_to = way in {"env", "file"} and name not in known and base in known
        setting = base if is_led_to else name
        if setting in wrote:
            raise ConfigurationError(
                f"{place}: {wrote[setting]} and {name} say the same.", hint="Write one of them."
            )
        wrote[setting] = name
        if is_led_to:
            given[base] = _led_to(place, base, way, value)
        else:
            _refuse_secret(place, name, value, known)
            given[name] = value
    return given


def way_to_write(name: str) -> str:
    """Say how a setting is written into the file."""
    if name == "headers":
        return 'headers_env = { "X-Api-Key" = "NAME" } or headers_file'
    if name in _SECRETS:
        return f'{name}_env = "NAME" or {name}_file'
    return f"{name} = …"


def _led_to(place: str, base: str, way: str, whereto: object) -> str | dict[str, str]:
    if base != "headers":
        return _secret(place, way, base, whereto)
    if not isinstance(whereto, dict):
        raise ConfigurationError(
            f"{place}: headers_{way} is a table.", hint=f"Write {way_to_write(base)}."
        )
    return {each: _secret(place, way, each, its) for each, its in whereto.items()}


def _secret(place: str, way: str, name: str, whereto: object) -> str:
    if not isinstance(whereto, str):
        raise ConfigurationError(f"{place}: {name} is read from a name, not from {whereto!r}.")
    if way == "file":
        return secret(name, Path(whereto), hint="Make it")
    if whereto not in os.environ and not _VARIABLE.fullmatch(whereto):
        # Somebody's key, perhaps.
        raise ConfigurationError(
            f"{place}: what stands there for {name} is no name of a variable.",
            hint=f"Write {_NEVER}: ODDS_API_KEY, for example.",
        )
    return secret(whereto, None, hint=f"{place} wants it as {name}: set it")


def _refuse_secret(place: str, name: str, value: object, known: Set[str]) -> None:
    if name in _SECRETS & known:
        raise ConfigurationError(
            f"{place}: for {name}, {_NEVER}: write {way_to_write(name)}.",
        )
    if name.endswith("url") and isinstance(value, str) and _holds_secret(value):
        raise ConfigurationError(
            f"{place}: there is a key in {name}; {_NEVER}: write {name}_env or {name}_file,"
            " for the whole address."
        )


def _holds_secret(url: str) -> bool:
    try:
        query = urlsplit(url).query
    except ValueError:
        return False  # no address at all: the feed says so
    return any(_SECRET_IN_QUERY.fullmatch(name) for name, _ in parse_qsl(query))
