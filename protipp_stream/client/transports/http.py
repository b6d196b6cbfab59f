"""An HTTP client that speaks to one gateway and to nobody else."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from protipp_stream.client.endpoint import Endpoint
from protipp_stream.client.refusals import unreachable
from protipp_stream.errors import ConnectionLost

__all__ = ["http_client"]


@asynccontextmanager
async def http_client(
    endpoint: Endpoint, timeout: httpx.Timeout
) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Open a client with our token; its failures become link errors.

    Redirects are not followed: the token goes to no other origin.
    """
    try:
        async with httpx.AsyncClient(
            base_url=endpoint.base,
            headers=endpoint.headers(),
            timeout=timeout,
            follow_redirects=False,
            # A proxy that the environment names has no business between two
            # processes on one machine.
            trust_env=not endpoint.is_loopback,
        ) as client:
            yield client
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise unreachable(endpoint.base, str(error) or type(error).__name__) from None
    except httpx.HTTPError as error:
        what = str(error) or type(error).__name__
        raise ConnectionLost(f"The connection to {endpoint.base} broke: {what}.") from None
