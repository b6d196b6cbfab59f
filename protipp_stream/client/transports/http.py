"""An HTTP client that speaks to one gateway and to nobody else."""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import httpx

from protipp_stream.client.endpoint import Endpoint
from protipp_stream.client.refusals import not_a_gateway, unreachable
from protipp_stream.errors import ConnectionLost

__all__ = ["http_client", "trust"]


class _Bearer(httpx.Auth):
    """Asks for the token anew for every request: it may have been refreshed."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._endpoint.headers())
        yield request


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
            auth=_Bearer(endpoint),
            timeout=timeout,
            follow_redirects=False,
            verify=trust(endpoint),
            # A proxy that the environment names has no business between two
            # processes on one machine.
            trust_env=not endpoint.is_loopback,
        ) as client:
            yield client
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        if "SSL" in str(error):
            what = "it does not speak TLS that we trust; is it http://?"
            raise not_a_gateway(endpoint.base, what) from None
        raise unreachable(endpoint.base, str(error) or type(error).__name__) from None
    except httpx.HTTPError as error:
        what = str(error) or type(error).__name__
        raise ConnectionLost(f"The connection to {endpoint.base} broke: {what}.") from None


def trust(endpoint: Endpoint) -> ssl.SSLContext:
    """Return whom a client of this endpoint trusts.

    httpx reads its trust store anew for every client: 30 ms in which nothing else
    moves, as often as a link comes back, even where nothing is encrypted.
    """
    if endpoint.base.startswith("http://"):
        return _nobody()
    if endpoint.is_loopback:
        return _signers(None, None)
    return _signers(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _nobody() -> ssl.SSLContext:
    # It checks and knows no signer: were it ever used for TLS, it would refuse.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@functools.lru_cache(maxsize=4)
def _signers(file: str | None, folder: str | None) -> ssl.SSLContext:
    # Named, so that whoever sets the environment and connects again is heard; httpx
    # reads the names from there itself.
    return httpx.create_ssl_context(trust_env=bool(file or folder))
