"""CORS: pages of the allowed origins may read our answers, nobody else's.

It stands outside of everything, so that a page also learns why it was refused.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Cors"]


class Cors(CORSMiddleware):
    """Starlette's, for exact origins; what it would refuse, the guard does and audits."""

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=[
                "Authorization",
                "Cache-Control",
                "Content-Type",
                "If-None-Match",
                "Last-Event-ID",
            ],
            expose_headers=["ETag", "Retry-After"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an allowed page's preflight; dress the answers to all it asks."""
        origins = Headers(scope=scope).getlist("origin") if scope["type"] == "http" else []
        is_foreign = bool(origins) and (len(origins) > 1 or origins[0] not in self.allow_origins)
        await (self.app if is_foreign else super().__call__)(scope, receive, send)
