"""``token``: mint a token for a gateway that has the same secret."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from protipp_stream.cli.arguments import SECRET, lifetime_s, secret

__all__ = ["token"]


def token(
    sub: Annotated[str, typer.Option(help="Whom the token speaks for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="odds:read, odds:publish, status:read; repeatable. Default: odds:read."),
    ] = None,
    expires: Annotated[str, typer.Option(help="Lifetime: 3600, 90m or 12h; at most 24h.")] = "12h",
    secret_file: Annotated[
        Path | None, typer.Option(help=f"File with the gateway's secret; else {SECRET}.")
    ] = None,
) -> None:
    """Mint a token for a gateway that has the same secret."""
    from protipp_stream.gateway.auth import mint_token

    key = secret(SECRET, secret_file, hint="Set it to the gateway's own secret")
    scopes = [word for item in scope or ["odds:read"] for word in item.replace(",", " ").split()]
    print(mint_token(key, subject=sub, scopes=scopes, lifetime_s=lifetime_s(expires)))
